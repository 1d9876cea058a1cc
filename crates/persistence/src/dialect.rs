//! What the databases do differently in a transaction.

use crate::connection::AnyConnection;
#[cfg(feature = "sqlite")]
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::{Connection, QueryResult};

/// Runs `work` in a transaction that is going to write.
///
/// SQLite is told so at its beginning: a transaction that begins as a reader cannot become a writer while another one
/// writes, and fails at once however long it was willing to wait (<https://www.sqlite.org/lang_transaction.html>).
pub(crate) fn write_transaction<T>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
            end_transaction(connection, work)
        }
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        _ => connection.transaction(work),
    }
}

#[cfg(feature = "sqlite")]
fn end_transaction<T>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let done = work(connection);
    if done.is_ok() {
        <AnyConnection as Connection>::TransactionManager::commit_transaction(connection)?;
    } else {
        <AnyConnection as Connection>::TransactionManager::rollback_transaction(connection)?;
    }
    done
}

/// Begins a transaction on SQLite beside which nobody writes.
#[cfg(feature = "sqlite")]
pub(crate) fn begin_exclusive(connection: &mut AnyConnection) -> QueryResult<()> {
    match connection {
        AnyConnection::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN EXCLUSIVE"),
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        _ => connection.transaction(|_| Ok(())),
    }
}
