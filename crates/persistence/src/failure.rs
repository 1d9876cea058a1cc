//! Why a job gave no answer.

use crate::fault::Fault;
use domain::error::{Error, ErrorCode};
use executor::Refusal;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// More jobs wait than may.
    #[error("too many jobs wait for the database")]
    QueueFull,
    /// The job has not begun and will not.
    #[error("no database thread was free in time")]
    QueuedTooLong,
    #[error("the deadline passed before the database had answered")]
    DeadlinePassed,
    /// The job has begun, and whether it ends is not known.
    #[error("the database gave no answer in time")]
    NoAnswer,
    #[error("the database has been closed")]
    Closed,
    /// Holds why there is no connection, without secrets.
    #[error("the database is away: {0}")]
    Away(String),
    /// The connection ended during the statement.
    #[error("the connection to the database was lost: {0}")]
    Lost(diesel::result::Error),
    /// The connection is as good as before.
    #[error("the statement failed: {0}")]
    Statement(diesel::result::Error),
    /// Other transactions were in the way for too long.
    #[error("the statement was undone: {0}")]
    Undone(diesel::result::Error),
    /// The statement took longer than it may.
    #[error("the statement took too long: {0}")]
    TimedOut(diesel::result::Error),
    /// The database takes no writes for now. Nothing was changed.
    #[error("the database takes no writes: {0}")]
    NoWrites(diesel::result::Error),
    #[error("a database job panicked")]
    Panicked,
    /// The schema lacks tables or columns that statements name, until it is migrated.
    #[error("the database's schema is older than this binary")]
    SchemaBehind,
    /// The server is known not to keep a promise.
    #[error("the database server cannot be used")]
    Unsuitable,
}

impl Failure {
    /// What a statement's error means to the caller, on a connection that goes on.
    pub(crate) fn of(error: diesel::result::Error, fault: Fault) -> Self {
        match fault {
            Fault::Contention => Self::Undone(error),
            Fault::TimedOut => Self::TimedOut(error),
            Fault::NoWrites => Self::NoWrites(error),
            Fault::Lost => Self::Lost(error),
            Fault::Refused | Fault::Other => Self::Statement(error),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::QueueFull => Self::QueueFull,
            Refusal::QueuedTooLong => Self::QueuedTooLong,
            Refusal::DeadlinePassed => Self::DeadlinePassed,
            Refusal::NoAnswer => Self::NoAnswer,
            Refusal::Closed => Self::Closed,
            Refusal::Panicked => Self::Panicked,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::DeadlinePassed => ErrorCode::DeadlineExceeded.into(),
            Failure::Panicked | Failure::Statement(_) => Self::internal(failure),
            Failure::QueueFull
            | Failure::QueuedTooLong
            | Failure::NoAnswer
            | Failure::Closed
            | Failure::Away(_)
            | Failure::Lost(_)
            | Failure::Undone(_)
            | Failure::TimedOut(_)
            | Failure::NoWrites(_)
            | Failure::Unsuitable
            | Failure::SchemaBehind => Self::unavailable(failure),
        }
    }
}
