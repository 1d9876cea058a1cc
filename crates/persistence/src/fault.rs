//! What a failed statement means for the connection, and whether it may be run again.
//!
//! Diesel tells the kinds of some errors and passes no error numbers on. What it does not tell is found without reading
//! messages, which servers write in the language that they are set to: `mysql.rs` asks the session for the number of its last
//! error; `postgres.rs` compares how long the statement took with how long it may have waited, and asks whether the server has
//! room. SQLite's messages are constants of the library, one for each result code.

use crate::connection::AnyConnection;
use diesel::r2d2::R2D2Connection;
use diesel::result::{DatabaseErrorKind, Error};
use std::time::Duration;

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;

/// What a failed statement means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection has ended.
    Lost,
    /// The database takes no writes: it is full, read-only, or a replica by now. Nothing was changed.
    NoWrites,
    /// Another transaction was in the way, and this one was undone; the same work may succeed when it is run again.
    Contention,
    /// The statement took longer than it may.
    #[cfg_attr(not(any(feature = "postgres", feature = "mysql")), expect(dead_code, reason = "servers alone tell"))]
    TimedOut,
    /// A constraint was violated, which the caller expects.
    Refused,
    Other,
}

/// Parts of SQLite's messages (<https://www.sqlite.org/rescode.html>): BUSY and LOCKED; FULL, READONLY, CANTOPEN, and
/// IOERR, which is what a write behind the limit of a file's size returns.
const SQLITE: [(&str, Fault); 6] = [
    ("database is locked", Fault::Contention),
    ("database table is locked", Fault::Contention),
    ("database or disk is full", Fault::NoWrites),
    ("attempt to write a readonly database", Fault::NoWrites),
    ("unable to open database file", Fault::NoWrites),
    ("disk I/O error", Fault::NoWrites),
];

impl Fault {
    /// What an error means, as far as it tells by itself.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::DatabaseError(kind, information) => Self::of_database(kind, information.message()),
            // SQLite ends the transaction by itself where the disk is full, so there is nothing to roll back.
            Error::RollbackErrorOnCommit { commit_error, .. } if Self::of(commit_error) == Self::NoWrites => {
                Self::NoWrites
            }
            Error::RollbackErrorOnCommit { .. } | Error::BrokenTransactionManager => Self::Lost,
            Error::NotFound => Self::Refused,
            #[cfg(feature = "mysql")]
            Error::QueryBuilderError(error) => {
                error.downcast_ref::<mysql::Numbered>().map_or(Self::Other, mysql::Numbered::fault)
            }
            _ => Self::Other,
        }
    }

    /// What an error means that a job met after `took`. Asks the server where the error does not tell by itself.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "PostgreSQL's"))]
    pub(crate) fn diagnose(error: &Error, took: Duration, connection: &mut AnyConnection) -> Self {
        match (Self::of(error), connection) {
            #[cfg(feature = "postgres")]
            (Self::Other, AnyConnection::Postgres(postgres)) => postgres::after(took, postgres),
            #[cfg(feature = "mysql")]
            (Self::Other, AnyConnection::Mysql(mysql)) => {
                // A node of a Galera cluster that is on its own answers no question, not even this one.
                match mysql::last_number(error, mysql) {
                    Some(number) => mysql::fault(number),
                    None if mysql.ping().is_err() => Self::Lost,
                    None => Self::Other,
                }
            }
            (fault, _) => fault,
        }
    }

    fn of_database(kind: &DatabaseErrorKind, message: &str) -> Self {
        match kind {
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => Self::Lost,
            DatabaseErrorKind::ReadOnlyTransaction => Self::NoWrites,
            DatabaseErrorKind::SerializationFailure => Self::Contention,
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation => Self::Refused,
            _ => {
                let sign = SQLITE.iter().find(|(part, _)| message.contains(part));
                sign.map_or(Self::Other, |(_, fault)| *fault)
            }
        }
    }

    /// Whether the connection cannot be used any more. Where the error does not say so, the server is pinged.
    pub(crate) fn has_ended(self, connection: &mut impl R2D2Connection) -> bool {
        match self {
            Self::Lost => true,
            Self::Contention | Self::Refused | Self::NoWrites => connection.is_broken(),
            Self::TimedOut | Self::Other => connection.is_broken() || connection.ping().is_err(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlites_messages_are_those_of_its_result_codes_and_no_others_words_are_read() {
        let fault = |message: &str| {
            let information = Box::new(message.to_owned());
            Fault::of(&Error::DatabaseError(DatabaseErrorKind::Unknown, information))
        };
        assert_eq!(fault("database is locked"), Fault::Contention);
        assert_eq!(fault("database table is locked: users"), Fault::Contention);
        assert_eq!(fault("database or disk is full"), Fault::NoWrites);
        assert_eq!(fault("attempt to write a readonly database"), Fault::NoWrites);
        assert_eq!(fault("deadlock detected"), Fault::Other);
        assert_eq!(fault("Lock wait timeout exceeded; try restarting transaction"), Fault::Other);
        assert_eq!(fault("no such table: users"), Fault::Other);
    }
}
