//! Errors of MySQL, MariaDB and their relatives by number. Diesel passes the number of no error on, and tells the kind of none
//! that a `COMMIT` meets; so the session is asked for its last error.

use super::Fault;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Nullable, Text};

/// An error with its number.
#[derive(Debug, thiserror::Error)]
#[error("{message} (error {number})")]
pub(crate) struct Numbered {
    number: i64,
    message: String,
}

impl Numbered {
    pub(super) fn fault(&self) -> Fault {
        fault(self.number)
    }
}

/// What an error number means (<https://dev.mysql.com/doc/mysql-errors/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>, <https://docs.pingcap.com/tidb/stable/error-codes>).
pub(crate) const fn fault(number: i64) -> Fault {
    match number {
        // Lock waits and deadlocks; 1213 is also a conflict that Galera finds at the commit.
        1205 | 1213 | 3058 | 3572
        // A snapshot that is too old (MariaDB), a changed table, a statement to be prepared anew.
        | 1020 | 1412 | 1615
        // Group Replication, at the commit.
        | 3101
        // TiDB: conflicts, a changed schema, a store that is busy or moves.
        | 8002 | 8022 | 8028 | 9002..=9005 | 9007 => Fault::Contention,
        1317 | 1969 | 3024 => Fault::TimedOut,
        // Full: disk, table, and what the storage engine was told by the system.
        1021 | 1026 | 1030 | 1114
        // Read-only: by an option, a transaction, a mode; a log that cannot be written.
        | 1290 | 1792 | 1836 | 1598 | 1665 | 3100 => Fault::NoWrites,
        // A node of Galera without the others, a server that stops, a connection that was killed.
        1047 | 1053 | 1927 | 4031 => Fault::Lost,
        // MariaDB's CHECK.
        4025 => Fault::Refused,
        _ => Fault::Other,
    }
}

/// The number of the session's last error.
pub(crate) fn last_error(connection: &mut MysqlConnection) -> Option<i64> {
    last(connection).map(|(number, _)| number)
}

/// The number and the message of the session's last error. `SHOW ERRORS` would be one statement, but cannot be prepared.
fn last(connection: &mut MysqlConnection) -> Option<(i64, String)> {
    let copy = "GET DIAGNOSTICS CONDITION 1 @shop_error = MYSQL_ERRNO, @shop_message = MESSAGE_TEXT";
    connection.batch_execute(copy).ok()?;
    let number = sql::<Nullable<BigInt>>("CAST(@shop_error AS SIGNED)");
    let message = sql::<Nullable<Text>>("CAST(@shop_message AS CHAR)");
    let (number, message): (Option<i64>, Option<String>) =
        diesel::select((number, message)).get_result(connection).ok()?;
    Some((number?, message.unwrap_or_default()))
}

/// The number of this error, where the session's last error is still this one. MySQL keeps the first 128 characters of its
/// message.
pub(super) fn last_number(error: &Error, connection: &mut MysqlConnection) -> Option<i64> {
    let Error::DatabaseError(_, information) = error else { return None };
    let (number, message) = last(connection)?;
    information.message().starts_with(&message).then_some(number)
}

/// Gives an error of no known kind its number, which the next statement would make the session forget.
fn numbered(error: Error, connection: &mut MysqlConnection) -> Error {
    match (last_number_of_unknown(&error, connection), error) {
        (Some(number), Error::DatabaseError(_, information)) => {
            let message = information.message().to_owned();
            Error::QueryBuilderError(Box::new(Numbered { number, message }))
        }
        (_, error) => error,
    }
}

fn last_number_of_unknown(error: &Error, connection: &mut MysqlConnection) -> Option<i64> {
    match error {
        Error::DatabaseError(kind, _) if is_unknown(kind) => last_number(error, connection),
        _ => None,
    }
}

const fn is_unknown(kind: &DatabaseErrorKind) -> bool {
    !matches!(
        kind,
        DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::ClosedConnection
    )
}

/// Runs `work` in a transaction. An error keeps its number through the rollback.
pub(crate) fn transaction<T>(
    connection: &mut crate::connection::AnyConnection,
    work: impl FnOnce(&mut crate::connection::AnyConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    use crate::connection::AnyConnection;

    connection.batch_execute("BEGIN")?;
    let done = work(connection).and_then(|value| connection.batch_execute("COMMIT").map(|()| value));
    let AnyConnection::Mysql(mysql) = connection else { return done };
    done.map_err(|error| {
        let error = numbered(error, mysql);
        match mysql.batch_execute("ROLLBACK") {
            Ok(()) => error,
            Err(rollback_error) => {
                Error::RollbackErrorOnCommit { rollback_error: Box::new(rollback_error), commit_error: Box::new(error) }
            }
        }
    })
}
