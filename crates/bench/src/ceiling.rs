//! The database's own limit: the prepared statement of a profile and nothing else.

use crate::all::Plan;
use crate::fixtures;
use crate::profile;
use crate::reference::connections;
use crate::results::{Place, Results};
use crate::sql::AnyConnection;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::database::{DatabaseKind, TestDatabase};

const BUYERS: usize = 10_000;
/// The number of statements between two checks of the time.
const BATCH: usize = 32;

/// Runs the statement on several connections at once; returns statements per second.
fn loop_of(url: &str, connections: usize, time: Duration) -> f64 {
    let ids: Vec<String> = fixtures::shuffled(BUYERS).map(fixtures::account).collect();
    let rate = |first: usize| {
        let mut connection = AnyConnection::open(url).expect("the database");
        let mut turns = ids.iter().cycle().skip(first * BUYERS / connections.max(1));
        let (begun, mut count) = (Instant::now(), 0_usize);
        while begun.elapsed() < time {
            for id in turns.by_ref().take(BATCH) {
                assert!(connection.account(id).expect("the statement").is_some(), "{id} is not there");
            }
            count += BATCH;
        }
        count as f64 / begun.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let rate = &rate;
        let threads: Vec<_> = (0..connections).map(|number| scope.spawn(move || rate(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that ends")).sum()
    })
}

/// The path of `pgbench`, if the machine has it.
fn pgbench() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|entry| entry.path().join("bin")));
    folders.into_iter().map(|folder| folder.join("pgbench")).find(|path| path.is_file())
}

/// Runs the same statement by `pgbench`; returns statements per second.
fn by_pgbench(program: &PathBuf, url: &str, connections: usize, time: Duration) -> Option<f64> {
    let folder = tempfile::tempdir().ok()?;
    let script = folder.path().join("script.sql");
    let last = BUYERS - 1;
    let id = format!("'{}' || lpad(:number::text, 12, '0')", fixtures::ACCOUNT);
    let sql = format!("\\set number random(0, {last})\nSELECT name, email, role FROM users WHERE id = {id};\n");
    std::fs::write(&script, sql).ok()?;
    let seconds = time.as_secs().max(1).to_string();
    let mut command = Command::new(program);
    command
        .args(["-n", "-M", "prepared", "-c", &connections.to_string(), "-j", "1", "-T", &seconds, "-f"])
        .arg(&script);
    // The URL holds a password, which must not be on a command line.
    let output = command.arg("--").envs(environment(url)).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    if rate.is_none() {
        eprintln!("pgbench: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
    rate
}

/// The parts of a URL as `libpq`'s variables.
fn environment(url: &str) -> Vec<(&'static str, String)> {
    let Some((_, rest)) = url.split_once("://") else { return Vec::new() };
    let (account, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    let (host, name) = place.split_once('/').unwrap_or((place, ""));
    let (host, port) = host.split_once(':').unwrap_or((host, "5432"));
    // scripts/with-databases encodes only this character.
    let password = password.replace("%40", "@");
    let parts = [("PGUSER", user), ("PGPASSWORD", &password), ("PGHOST", host), ("PGPORT", port), ("PGDATABASE", name)];
    parts.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

/// Measures with the product's number of connections.
pub fn run(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    let storage: TestDatabase = profile::shop(database, BUYERS, 0);
    let (place, connections, url) = (Place::at(database), connections(), storage.url());
    let rates = (0..plan.rounds).map(|_| loop_of(url, connections, plan.time)).collect();
    let what = format!("the bare statement on {connections} connections");
    results.note("ceiling", place, &what, "statements/s", rates);
    if database != DatabaseKind::Postgres {
        return;
    }
    let Some(program) = pgbench() else {
        return eprintln!("pgbench is left out: it is not on this machine");
    };
    let rates: Vec<_> = (0..plan.rounds).filter_map(|_| by_pgbench(&program, url, connections, plan.time)).collect();
    if !rates.is_empty() {
        let what = format!("pgbench -M prepared on {connections} connections");
        results.note("ceiling", place, &what, "statements/s", rates);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_told_in_parts() {
        let parts = environment("postgres://postgres:p%40ss-1@127.0.0.1:5433/shop");
        let values: Vec<_> = parts.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["postgres", "p@ss-1", "127.0.0.1", "5433", "shop"]);
    }
}
