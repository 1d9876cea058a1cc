//! Memory use when idle, with many connections and after them; and the size of the binary.

use crate::all::Plan;
use crate::clients::{Client, Protocol};
use crate::fixtures;
use crate::load::{self, Until};
use crate::profile;
use crate::results::{Bound, Place, Results};
use crate::server::Server;
use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use testkit::database::DatabaseKind;

/// The number of connections under load.
const CONNECTIONS: usize = 256;
const BUYERS: usize = 1_000;
/// How long the server runs without requests before it counts as idle.
const REST: Duration = Duration::from_secs(2);
/// The interval of memory samples under load.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The server's peak memory under load.
async fn under_load(plan: &Plan, protocol: Protocol, server: &Server) -> f64 {
    let requests = fixtures::profiles(BUYERS);
    let mut clients = Client::several(protocol, server, CONNECTIONS);
    let (is_over, most) = (Cell::new(false), Cell::new(0));
    let asking = async {
        load::ask(&mut clients, &requests, Until::Passed(plan.time)).await;
        is_over.set(true);
    };
    let looking = async {
        while !is_over.get() {
            most.set(most.get().max(server.memory().resident));
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    futures_util::future::join(asking, looking).await;
    mebibytes(most.get())
}

/// The size of the binary without symbols, if this machine has `strip`.
fn stripped(binary: &Path) -> Option<u64> {
    let folder = tempfile::tempdir().ok()?;
    let path = folder.path().join("stripped");
    let status = Command::new("strip").arg("-o").arg(&path).arg(binary).status().ok()?;
    status.success().then(|| std::fs::metadata(path).ok()).flatten().map(|file| file.len())
}

/// Measures each protocol with a new server.
pub async fn run(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    let storage = profile::shop(database, BUYERS, 0);
    let (mut idle, mut own) = (Vec::new(), Vec::new());
    for protocol in Protocol::ALL {
        let place = Place::over(database, protocol);
        let server = Server::start(&plan.server, storage.url());
        tokio::time::sleep(REST).await;
        let memory = server.memory();
        idle.push(mebibytes(memory.resident));
        own.push(mebibytes(memory.own));
        let loaded = under_load(plan, protocol, &server).await;
        results.aim("resident memory under 256 connections, MiB", place, Bound::AtMost(80.0), &[loaded]);
        results.note("memory", place, "resident under 256 connections", "MiB", vec![loaded]);
        tokio::time::sleep(REST).await;
        results.note("memory", place, "resident after them", "MiB", vec![mebibytes(server.memory().resident)]);
    }
    let place = Place::at(database);
    results.aim("resident memory idle, MiB", place, Bound::AtMost(30.0), &idle);
    results.note("memory", place, "resident idle", "MiB", idle);
    results.note("memory", place, "of that no piece of a file", "MiB", own);
    if results.quantities.iter().any(|quantity| quantity.what.starts_with("binary")) {
        return;
    }
    let size = std::fs::metadata(&plan.server).map_or(0, |file| file.len());
    results.note("memory", place, "binary", "MiB", vec![mebibytes(size)]);
    if let Some(size) = stripped(&plan.server).map(mebibytes) {
        results.aim("binary without symbols, MiB", place, Bound::AtMost(30.0), &[size]);
        results.note("memory", place, "binary without symbols", "MiB", vec![size]);
    }
}
