//! The transaction in which one process migrates an SQLite file; Diesel takes no lock.

use super::patience::Patience;
use super::{MigrateError, failed};
use crate::connection::AnyConnection;
use crate::fault::Fault;
use diesel::connection::{Connection, TransactionManager};

type Transactions = <AnyConnection as Connection>::TransactionManager;

/// Runs `work` in one transaction beside which no other process reads or writes.
pub(super) fn in_exclusive_transaction<T>(
    connection: &mut AnyConnection,
    patience: Patience,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    patience.wait_for(|| match crate::dialect::begin_exclusive(connection) {
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
