//! Why a job gave no answer.

use crate::fault::Fault;
use domain::error::{Error, ErrorCode};
use std::fmt;

/// Why a job gave no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// More jobs wait than may.
    QueueFull,
    /// No thread was free in time; the job has not begun and will not.
    QueuedTooLong,
    /// The caller's deadline passed.
    DeadlinePassed,
    /// The job has begun, and whether it ends is not known.
    NoAnswer,
    /// The database has been closed.
    Closed,
    /// There is no connection; holds why, without secrets.
    Away(String),
    /// The connection ended under the statement.
    Lost(diesel::result::Error),
    /// The statement failed, and the connection is as good as before.
    Statement(diesel::result::Error),
    /// The job panicked.
    Panicked,
    /// The schema lacks what statements name; migrating heals it.
    SchemaBehind,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => f.write_str("too many jobs wait for the database"),
            Self::QueuedTooLong => f.write_str("no database thread was free in time"),
            Self::DeadlinePassed => f.write_str("the deadline passed before the database had answered"),
            Self::NoAnswer => f.write_str("the database gave no answer in time"),
            Self::Closed => f.write_str("the database has been closed"),
            Self::Away(reason) => write!(f, "the database is away: {reason}"),
            Self::Lost(error) => write!(f, "the connection to the database was lost: {error}"),
            Self::Statement(error) => write!(f, "the statement failed: {error}"),
            Self::Panicked => f.write_str("a database job panicked"),
            Self::SchemaBehind => f.write_str("the database's schema is older than this binary"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::DeadlinePassed => ErrorCode::DeadlineExceeded.into(),
            Failure::Panicked => Self::internal(failure),
            Failure::Statement(error) => match Fault::of(error) {
                Fault::Lost | Fault::Contention | Fault::TimedOut => Self::unavailable(failure),
                Fault::Refused | Fault::Other => Self::internal(failure),
            },
            Failure::QueueFull
            | Failure::QueuedTooLong
            | Failure::NoAnswer
            | Failure::Closed
            | Failure::Away(_)
            | Failure::Lost(_)
            | Failure::SchemaBehind => Self::unavailable(failure),
        }
    }
}
