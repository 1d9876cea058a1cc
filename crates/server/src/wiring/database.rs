//! The options of the database, and what a shop with a replica needs beside it.

use crate::spawner::MainRuntime;
use app::clock::Clock;
use app::pipeline::WriteMarks;
use persistence::{BatchedMarks, Database};
use settings::Settings;
use std::sync::Arc;

/// The options of the database.
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
        connect_timeout: database.connect_timeout,
        statement_timeout: database.statement_timeout,
    }
}

/// The marks of who has written.
pub(super) fn write_marks(
    database: &Arc<Database>,
    clock: &Arc<dyn Clock>,
    runtime: &Arc<MainRuntime>,
) -> Arc<dyn WriteMarks> {
    Arc::new(BatchedMarks::new(Arc::clone(database), Arc::clone(clock), runtime.clone()))
}
