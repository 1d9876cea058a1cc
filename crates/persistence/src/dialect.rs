//! What the databases do differently, apart from error messages.

use crate::connection::AnyConnection;
use diesel::connection::SimpleConnection;
#[cfg(feature = "sqlite")]
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::{Connection, QueryResult};

/// Runs `work` in a transaction that is going to write.
///
/// SQLite is told so at the beginning: a transaction that begins as a reader cannot become a writer while another one
/// writes, and fails at once whatever its busy timeout (<https://www.sqlite.org/lang_transaction.html>).
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
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => connection.transaction(work),
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => crate::fault::mysql::transaction(connection, work),
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
        // SQLite itself has ended the transaction where the disk is full. Then this fails, and leaves a connection that is
        // recognised as broken.
        let _ = <AnyConnection as Connection>::TransactionManager::rollback_transaction(connection);
    }
    done
}

/// Begins a transaction on SQLite that no other transaction reads or writes beside.
#[cfg(feature = "sqlite")]
pub(crate) fn begin_exclusive(connection: &mut AnyConnection) -> QueryResult<()> {
    match connection {
        AnyConnection::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN EXCLUSIVE"),
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        _ => connection.transaction(|_| Ok(())),
    }
}

/// How a database chooses an index, as far as a statement has to help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planner {
    /// SQLite does not know how many rows match a condition. It takes a range to match few rows, and sorting to be
    /// expensive. A column in an expression (`price + 0`) keeps it from using an index.
    Blind,
    /// PostgreSQL keeps statistics, and needs no help.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "PostgreSQL's"))]
    Informed,
    /// MariaDB and MySQL look into the index, but InnoDB's estimates end at half of the table. Where more rows than that are
    /// equal in a column, they read all of these instead of those in a range of the next column; unless the equality is
    /// written as a range of one value, with its column first in the order.
    Dives,
}

impl Planner {
    pub(crate) const fn of(connection: &AnyConnection) -> Self {
        match connection {
            #[cfg(feature = "sqlite")]
            AnyConnection::Sqlite(_) => Self::Blind,
            #[cfg(feature = "postgres")]
            AnyConnection::Postgres(_) => Self::Informed,
            #[cfg(feature = "mysql")]
            AnyConnection::Mysql(_) => Self::Dives,
        }
    }
}

/// Gives an SQLite connection a large cache, or the small one again. With the large cache the pages of a batch are written
/// once, instead of whenever the small cache is full.
pub(crate) fn set_large_cache(connection: &mut AnyConnection, many: bool) -> QueryResult<()> {
    let settings = if many {
        "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 16384;"
    } else {
        "PRAGMA cache_size = -2000; PRAGMA wal_autocheckpoint = 1000;"
    };
    if Planner::of(connection) == Planner::Blind { connection.batch_execute(settings) } else { Ok(()) }
}

/// Has a server analyze a table that has grown. The server would do so by itself only some time later, and until then take
/// the table for a small one and read all of it for each list.
pub(crate) fn analyze(connection: &mut AnyConnection, table: &'static str) -> QueryResult<()> {
    match Planner::of(connection) {
        Planner::Blind => Ok(()),
        Planner::Informed => connection.batch_execute(&format!("ANALYZE {table}")),
        Planner::Dives => connection.batch_execute(&format!("ANALYZE TABLE {table}")),
    }
}

/// Runs the same statement on any kind of connection: for statements that Diesel builds for one kind of database at a time,
/// such as inserts of many rows, and for those that run most often. Diesel finds the prepared form of such a statement by its
/// type; for a statement that suits any database it writes the SQL each time, to find the prepared form by that.
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
