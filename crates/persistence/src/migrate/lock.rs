//! The lock that lets one process migrate at a time; Diesel takes none.

use super::{MigrateError, failed};
use crate::connection::AnyConnection;
#[cfg(feature = "sqlite")]
use crate::fault::Fault;
use diesel::prelude::*;
use std::time::{Duration, Instant};

/// How often a process that waits tries again.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Names the lock among all advisory locks of a PostgreSQL database: "go-comm" in ASCII.
#[cfg(feature = "postgres")]
const POSTGRES_LOCK: &str = "SELECT pg_try_advisory_lock(29113822533938541)";
/// MySQL's lock names belong to the whole server, so that the database's name is in it; they take 64 characters.
#[cfg(feature = "mysql")]
const MYSQL_LOCK: &str = "SELECT GET_LOCK(CONCAT('go-commerce:migrate:', MD5(DATABASE())), 0) = 1";

/// Until when a process waits for the others.
pub(super) struct Turn {
    end: Instant,
}

impl Turn {
    pub(super) fn within(duration: Duration) -> Self {
        Self { end: Instant::now() + duration }
    }

    /// Tries again until there is a result.
    pub(super) fn wait_for<T>(
        &self,
        mut ask: impl FnMut() -> Result<Option<T>, MigrateError>,
    ) -> Result<T, MigrateError> {
        loop {
            if let Some(found) = ask()? {
                return Ok(found);
            }
            if Instant::now() >= self.end {
                return Err(MigrateError::Locked);
            }
            std::thread::sleep(ASK_EVERY);
        }
    }
}

/// Runs `work` while no other process does. On SQLite all of it is one transaction; elsewhere the lock belongs to the
/// session, which ends with the caller, or with the process however it ends.
pub(super) fn while_locked<T>(
    connection: &mut AnyConnection,
    turn: &Turn,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => in_exclusive_transaction(connection, turn, work),
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => {
            wait_for_session_lock(connection, turn, POSTGRES_LOCK)?;
            work(connection)
        }
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => {
            wait_for_session_lock(connection, turn, MYSQL_LOCK)?;
            work(connection)
        }
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn wait_for_session_lock(connection: &mut AnyConnection, turn: &Turn, ask: &str) -> Result<(), MigrateError> {
    use diesel::dsl::sql;
    use diesel::sql_types::Bool;

    turn.wait_for(|| {
        let is_ours: bool = diesel::select(sql::<Bool>(&format!("({ask})"))).get_result(connection).map_err(failed)?;
        Ok(is_ours.then_some(()))
    })
}

#[cfg(feature = "sqlite")]
fn in_exclusive_transaction<T>(
    connection: &mut AnyConnection,
    turn: &Turn,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    use diesel::connection::TransactionManager;
    type Transactions = <AnyConnection as Connection>::TransactionManager;

    turn.wait_for(|| match crate::dialect::begin_exclusive(connection) {
        Err(error) if Fault::of(&error) == Fault::Contention => Ok(None),
        begun => begun.map(Some).map_err(failed),
    })?;
    let done = work(connection);
    let ended = if done.is_ok() {
        Transactions::commit_transaction(connection)
    } else {
        Transactions::rollback_transaction(connection)
    };
    ended.map_err(failed).and(done)
}
