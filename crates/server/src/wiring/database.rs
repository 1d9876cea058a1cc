//! The options of the database, and what a shop with a replica needs beside it.

use crate::spawner::MainRuntime;
use app::clock::Clock;
use app::pipeline::WriteMarks;
use persistence::{BatchedMarks, CachedTotals, Database, OpenError, Replica, ReplicatedLists};
use settings::Settings;
use std::sync::Arc;

#[must_use]
pub fn database(settings: &Settings) -> persistence::Options {
    let database = &settings.database;
    persistence::Options {
        url: database.url.clone(),
        read_url: database.read_url.clone(),
        max_replica_lag: database.max_replica_lag,
        access: persistence::Access::Create,
        pool_size: database.pool_size,
        queue: database.queue,
        prepared_statements: database.prepared_statements,
        allow_unsuitable_server: database.allow_unsuitable_server,
        connect_timeout: database.connect_timeout,
        statement_timeout: database.statement_timeout,
    }
}

/// The database, and its replica where there is one.
pub(super) fn open(settings: &Settings) -> Result<(Arc<Database>, Option<Arc<Replica>>), OpenError> {
    let options = database(settings);
    let replica = Replica::open(&options)?;
    Ok((Database::open(options)?, replica))
}

/// Lists of products and their totals.
pub(super) fn lists(
    database: &Arc<Database>,
    replica: Option<&Arc<Replica>>,
    runtime: &Arc<MainRuntime>,
) -> (Arc<ReplicatedLists>, Arc<CachedTotals>) {
    let lists = Arc::new(ReplicatedLists::new(Arc::clone(database), replica.cloned()));
    (Arc::clone(&lists), Arc::new(CachedTotals::new(lists, runtime.clone())))
}

/// The marks of who has written.
pub(super) fn write_marks(
    database: &Arc<Database>,
    clock: &Arc<dyn Clock>,
    runtime: &Arc<MainRuntime>,
) -> Arc<dyn WriteMarks> {
    Arc::new(BatchedMarks::new(Arc::clone(database), Arc::clone(clock), runtime.clone()))
}
