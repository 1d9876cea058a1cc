//! What a failed statement means for the connection, and whether it may be run again. Diesel passes no error numbers on, so
//! the messages have to be read, which each database words differently. They are read in English: in another language
//! contention counts as an internal error, and the statement is not run again.

use diesel::r2d2::R2D2Connection;
use diesel::result::{DatabaseErrorKind, Error};

/// What a failed statement means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection has ended, or its server takes no writes any more.
    Lost,
    /// Another transaction was in the way; the same work may succeed when it is run again.
    Contention,
    /// The statement took longer than it may.
    TimedOut,
    /// A constraint was violated, which the caller expects.
    Refused,
    Other,
}

/// Signs of [`Fault::Contention`]: PostgreSQL 40P01; MySQL and MariaDB 1205 and 1213; SQLite's BUSY and LOCKED.
const CONTENTION: [&str; 5] = [
    "deadlock detected",
    "Lock wait timeout exceeded",
    "Deadlock found when trying to get lock",
    "database is locked",
    "database table is locked",
];

/// Signs of [`Fault::TimedOut`]: PostgreSQL 57014 and 55P03, MariaDB 1969, MySQL 3024.
const TIMED_OUT: [&str; 4] = [
    "canceling statement due to statement timeout",
    "canceling statement due to lock timeout",
    "max_statement_time exceeded",
    "maximum statement execution time exceeded",
];

impl Fault {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::DatabaseError(kind, information) => Self::of_database(kind, information.message()),
            Error::RollbackErrorOnCommit { .. } | Error::BrokenTransactionManager => Self::Lost,
            Error::NotFound => Self::Refused,
            _ => Self::Other,
        }
    }

    fn of_database(kind: &DatabaseErrorKind, message: &str) -> Self {
        let has_any = |signs: &[&str]| signs.iter().any(|sign| message.contains(sign));
        match kind {
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction => Self::Lost,
            DatabaseErrorKind::SerializationFailure => Self::Contention,
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation => Self::Refused,
            _ if has_any(&CONTENTION) => Self::Contention,
            _ if has_any(&TIMED_OUT) => Self::TimedOut,
            _ => Self::Other,
        }
    }

    /// Whether the connection cannot be used any more. Where the error does not say so, the server is pinged.
    pub(crate) fn has_ended(self, connection: &mut impl R2D2Connection) -> bool {
        match self {
            Self::Lost => true,
            Self::Contention | Self::Refused => connection.is_broken(),
            Self::TimedOut | Self::Other => connection.is_broken() || connection.ping().is_err(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_each_database_are_understood() {
        let fault = |message: &str| {
            let information = Box::new(message.to_owned());
            Fault::of(&Error::DatabaseError(DatabaseErrorKind::Unknown, information))
        };
        assert_eq!(fault("deadlock detected"), Fault::Contention);
        assert_eq!(fault("Lock wait timeout exceeded; try restarting transaction"), Fault::Contention);
        assert_eq!(fault("database is locked"), Fault::Contention);
        assert_eq!(fault("canceling statement due to statement timeout"), Fault::TimedOut);
        assert_eq!(fault("Query execution was interrupted (max_statement_time exceeded)"), Fault::TimedOut);
        assert_eq!(fault("relation \"users\" does not exist"), Fault::Other);
    }
}
