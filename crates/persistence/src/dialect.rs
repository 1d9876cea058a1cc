//! What the databases do differently, other than in their words for errors.

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

/// Whether the condition that a column equals a value is better told as a range of that one value, with the column first
/// in the order.
///
/// MariaDB takes an index from the beginning of the equal rows, not from where a range within them begins, once those are
/// more than half of the table, which is where InnoDB's estimate of a number of rows ends. Others do better with `=`.
pub(crate) const fn prefers_ranges(connection: &AnyConnection) -> bool {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => false,
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => false,
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => true,
    }
}

/// Runs the same statement on whichever connection it is: for statements that Diesel makes for one kind of database at a
/// time, such as those that insert many rows.
macro_rules! on_each {
    ($connection:expr, $inner:ident => $statement:expr) => {
        match $connection {
            #[cfg(feature = "sqlite")]
            $crate::connection::AnyConnection::Sqlite($inner) => $statement,
            #[cfg(feature = "postgres")]
            $crate::connection::AnyConnection::Postgres($inner) => $statement,
            #[cfg(feature = "mysql")]
            $crate::connection::AnyConnection::Mysql($inner) => $statement,
        }
    };
}

pub(crate) use on_each;
