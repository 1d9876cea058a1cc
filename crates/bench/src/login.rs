//! Log-ins compared with the machine's hashing rate, and the latency of reads meanwhile.

use crate::all::{Plan, process_group};
use crate::clients::{Client, Protocol};
use crate::fixtures;
use crate::load::{self, Tally, Until, WARM_UP};
use crate::processes;
use crate::requests::PreparedRequest;
use crate::results::{Bound, Line, Place, Results};
use crate::server::{BCRYPT_COST, Server};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};
use testkit::database::{DatabaseKind, TestDatabase};

const BUYERS: usize = 1_000;
const PASSWORD: &str = "correct horse";
/// The number of clients that log in at once: more than the hashing threads, fewer than the server refuses.
const LOGGING_IN: usize = 16;
/// How long log-ins run before and after a measurement of reads.
const MARGIN: Duration = Duration::from_millis(500);

/// The machine's hashing rate: hashes per second on all cores, and the CPU time of one in microseconds.
fn bound(hash: &str, time: Duration) -> (f64, f64) {
    let cores = available_parallelism().map_or(1, usize::from);
    let before = processes::cpu_time(std::process::id());
    let work = || {
        let (begun, mut count) = (Instant::now(), 0_u64);
        while begun.elapsed() < time {
            assert!(bcrypt::verify(PASSWORD, hash).expect("a hash"), "the password is not the password");
            count += 1;
        }
        (count, count as f64 / begun.elapsed().as_secs_f64())
    };
    let threads: Vec<(u64, f64)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that ends")).collect()
    });
    let used = processes::cpu_time(std::process::id()).saturating_sub(before);
    let hashes = threads.iter().map(|(count, _)| count).sum();
    (threads.iter().map(|(_, rate)| rate).sum(), processes::each(used, hashes))
}

pub(crate) fn login_requests() -> Vec<PreparedRequest> {
    fixtures::shuffled(BUYERS).map(|number| PreparedRequest::log_in(&fixtures::email(number), PASSWORD)).collect()
}

/// Logs in as fast as the server allows; returns log-ins per second and the CPU time of one in microseconds.
async fn log_in(server: &Server, protocol: Protocol, time: Duration) -> (f64, f64) {
    let (requests, mut clients) = (login_requests(), Client::several(protocol, server, LOGGING_IN));
    load::ask(&mut clients, &requests, Until::Passed(WARM_UP)).await;
    let before = server.cpu_time();
    let tally: Tally = load::ask(&mut clients, &requests, Until::Passed(time)).await;
    let used = server.cpu_time().saturating_sub(before);
    (tally.rate(), processes::each(used, tally.answers()))
}

/// Measures log-ins and the machine's hashing rate in turns.
async fn measure_rates(
    plan: &Plan,
    place: Place,
    protocol: Protocol,
    storage: &TestDatabase,
    hash: &str,
    results: &mut Results,
) {
    let (mut bounds, mut bound_cpu, mut rates, mut cpu) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let (rate, used) = bound(hash, plan.time);
        bounds.push(rate);
        bound_cpu.push(used);
        // A new server for each round does not run while the machine's hashing rate is measured.
        let server = Server::start(&plan.server, storage.url());
        let (rate, used) = log_in(&server, protocol, plan.time).await;
        rates.push(rate);
        cpu.push(used);
    }
    let over = |one: &[f64], two: &[f64]| one.iter().zip(two).map(|(one, two)| one / two).collect::<Vec<_>>();
    results.aim("log-ins/s over the machine's hashes/s", place, Bound::AtLeast(0.97), &over(&rates, &bounds));
    results.note("login", place, "log-ins", "per second", rates);
    results.note("login", place, "hashes of the machine", "per second", bounds);
    results.note("login", place, "a log-in's CPU over a hash's", "", over(&cpu, &bound_cpu));
}

/// Measures reads with and without concurrent log-ins, in turns.
async fn reads(plan: &Plan, place: Place, protocol: Protocol, server: &Server, results: &mut Results) {
    let line = |subject: &str| Line { part: "login", place, subject: subject.to_owned(), rounds: Vec::new() };
    let (mut alone, mut beside) = (line("profile, nobody logs in"), line("profile, log-ins saturate"));
    let (requests, process_group) = (fixtures::profiles(BUYERS), process_group(place.database));
    let mut clients = Client::several(protocol, server, plan.clients);
    let mut others = Client::several(protocol, server, LOGGING_IN);
    let until = Until::Passed(plan.time);
    for _ in 0..plan.rounds {
        alone.rounds.push(load::measure(server, &mut clients, &requests, until, process_group.as_ref()).await);
        let login_requests = login_requests();
        let logging_in = load::ask(&mut others, &login_requests, Until::Passed(MARGIN + WARM_UP + plan.time + MARGIN));
        let reading = async {
            tokio::time::sleep(MARGIN).await;
            load::measure(server, &mut clients, &requests, until, process_group.as_ref()).await
        };
        let (_, mut cost) = futures_util::future::join(logging_in, reading).await;
        // Most of the CPU time is the log-ins'.
        cost.server_cpu = 0.0;
        beside.rounds.push(cost);
    }
    let slower = beside.over(&alone, |cost| cost.p99 as f64);
    results.aim("p99 of reads while log-ins saturate over unloaded", place, Bound::AtMost(3.0), &slower);
    results.lines.extend([alone, beside]);
}

pub async fn run(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    let storage = TestDatabase::migrated(database);
    let hash = bcrypt::hash(PASSWORD, BCRYPT_COST).expect("a password that can be hashed");
    fixtures::insert_accounts(&storage, BUYERS, &hash);
    for protocol in Protocol::ALL {
        let place = Place::over(database, protocol);
        measure_rates(plan, place, protocol, &storage, &hash, results).await;
        let server = Server::start(&plan.server, storage.url());
        reads(plan, place, protocol, &server, results).await;
    }
}
