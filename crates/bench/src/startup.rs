//! The time from start to readiness, on an empty and on a migrated database.

use crate::all::Plan;
use crate::results::{Bound, Place, Results};
use crate::server::Server;
use testkit::database::{DatabaseKind, TestDatabase};

const STARTS: usize = 11;

fn milliseconds(server: &Server) -> f64 {
    server.start.as_secs_f64() * 1e3
}

/// Starts the binary repeatedly and checks its ready file every millisecond.
pub fn run(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    let place = Place::at(database);
    let fresh: Vec<_> = (0..STARTS)
        .map(|_| {
            let storage = TestDatabase::empty(database);
            milliseconds(&Server::start(&plan.server, storage.url()))
        })
        .collect();
    if database == DatabaseKind::Sqlite {
        results.aim("start to ready on a fresh file, ms", place, Bound::AtMost(60.0), &fresh);
    }
    results.note("startup", place, "to ready, with all migrations", "ms", fresh);
    let storage = TestDatabase::migrated(database);
    let again = (0..STARTS).map(|_| milliseconds(&Server::start(&plan.server, storage.url()))).collect();
    results.note("startup", place, "to ready, migrated before", "ms", again);
}
