//! The work queue: how workers divide due rows among themselves, whatever the table.
//!
//! A worker reads rows that are due, and then moves the due time of each to the end of its lease, on the condition that
//! the row is still due. Where two workers have read the same row, the update of the first changes it and the update of the
//! second changes nothing. A worker keeps only the rows that its own updates have changed.
//!
//! The condition is the one that the row was found by, and not that the due time is still the one that was read: SQLite
//! compares times as text, and one that an operator has written has other text than the value that is read from it.
//!
//! No lock is needed for that. `FOR UPDATE SKIP LOCKED` only keeps workers from waiting for each other's rows; at least one
//! engine parses the words and takes no lock.

use crate::connection::AnyConnection;
use chrono::NaiveDateTime;
use diesel::QueryResult;

/// A row that workers claim when its due time has come.
pub(crate) trait QueuedRow: Sized {
    /// Loads rows that are due, those that have been due for longest first.
    fn load_due(connection: &mut AnyConnection, limit: u32, now: NaiveDateTime) -> QueryResult<Vec<Self>>;

    /// Sets the due time to `until`, which is after `now`, where the row is still due. Returns how many rows that changed.
    fn lease(&self, connection: &mut AnyConnection, now: NaiveDateTime, until: NaiveDateTime) -> QueryResult<usize>;
}

/// Claims rows that are due. Nobody else claims them before `until`.
pub(crate) fn claim<R: QueuedRow>(
    connection: &mut AnyConnection,
    limit: u32,
    now: NaiveDateTime,
    until: NaiveDateTime,
) -> QueryResult<Vec<R>> {
    let due = R::load_due(connection, limit, now)?;
    take(connection, due, now, until)
}

/// Keeps the rows whose due time this call has moved.
fn take<R: QueuedRow>(
    connection: &mut AnyConnection,
    due: Vec<R>,
    now: NaiveDateTime,
    until: NaiveDateTime,
) -> QueryResult<Vec<R>> {
    let mut claimed = Vec::with_capacity(due.len());
    for row in due {
        if row.lease(connection, now, until)? == 1 {
            claimed.push(row);
        }
    }
    Ok(claimed)
}

/// Loads the rows of a query, on PostgreSQL and MySQL without those that another transaction has locked.
macro_rules! load_unlocked {
    ($connection:expr, $query:expr) => {
        match $connection {
            #[cfg(feature = "sqlite")]
            $crate::connection::AnyConnection::Sqlite(sqlite) => $query.select(Self::as_select()).load(sqlite),
            #[cfg(feature = "postgres")]
            $crate::connection::AnyConnection::Postgres(postgres) => {
                $query.select(Self::as_select()).for_update().skip_locked().load(postgres)
            }
            #[cfg(feature = "mysql")]
            $crate::connection::AnyConnection::Mysql(mysql) => {
                $query.select(Self::as_select()).for_update().skip_locked().load(mysql)
            }
        }
    };
}

pub(crate) use load_unlocked;

#[cfg(test)]
mod tests;
