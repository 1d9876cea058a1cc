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

/// Gives an error of no known kind its number, which the next statement would make the session forget. Where there is none,
/// or the transaction has no savepoint any more, the server has undone the transaction because of another one.
fn told_as_undone(error: Error, connection: &mut MysqlConnection) -> Error {
    let number = match last_number_of_unknown(&error, connection) {
        Some(NO_SAVEPOINT) => Some(DEADLOCK),
        None if is_of_unknown_kind(&error) && is_undone(connection) => Some(DEADLOCK),
        number => number,
    };
    match (number, error) {
        (Some(number), Error::DatabaseError(_, information)) => {
            let message = information.message().to_owned();
            Error::QueryBuilderError(Box::new(Numbered { number, message }))
        }
        (_, error) => error,
    }
}

/// Whether the transaction is no longer there. A node of a Galera cluster keeps no error for a later question where it tells
/// it to a command that is no statement, as Diesel sends around some.
fn is_undone(connection: &mut MysqlConnection) -> bool {
    connection.batch_execute("RELEASE SAVEPOINT shop").is_err()
        && last(connection).is_some_and(|(number, _)| number == NO_SAVEPOINT)
}

fn last_number_of_unknown(error: &Error, connection: &mut MysqlConnection) -> Option<i64> {
    if is_of_unknown_kind(error) { last_number(error, connection) } else { None }
}

const fn is_of_unknown_kind(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(kind, _) if is_unknown(kind))
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

/// The savepoint is there for as long as the transaction is, and `COMMIT` is not reached without it.
///
/// A node of a Galera cluster undoes a transaction between two statements where another node has changed the same row. It
/// tells the next command, even if that is one without an answer, such as the closing of a statement: then nobody learns of
/// it, and `COMMIT` succeeds. Without `autocommit` the statements in between are part of a transaction, which is undone too.
const BEGIN: &str = "SET autocommit = 0; BEGIN; SAVEPOINT shop";
const COMMIT: &str = "RELEASE SAVEPOINT shop; COMMIT; SET autocommit = 1";
const ROLLBACK: &str = "ROLLBACK; SET autocommit = 1";

/// The savepoint does not exist.
const NO_SAVEPOINT: i64 = 1305;
const DEADLOCK: i64 = 1213;

/// Runs `work` in a transaction. An error keeps its number through the rollback. A transaction that does not begin is rolled
/// back too: its beginning may fail when `autocommit` is off already.
pub(crate) fn transaction<T>(
    connection: &mut crate::connection::AnyConnection,
    work: impl FnOnce(&mut crate::connection::AnyConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    use crate::connection::AnyConnection;

    let begun = connection.batch_execute(BEGIN);
    let done = begun.and_then(|()| work(connection));
    let done = done.and_then(|value| connection.batch_execute(COMMIT).map(|()| value));
    let AnyConnection::Mysql(mysql) = connection else { return done };
    done.map_err(|error| {
        let error = told_as_undone(error, mysql);
        match mysql.batch_execute(ROLLBACK) {
            Ok(()) => error,
            Err(rollback_error) => {
                Error::RollbackErrorOnCommit { rollback_error: Box::new(rollback_error), commit_error: Box::new(error) }
            }
        }
    })
}
