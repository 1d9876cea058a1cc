//! A closed loop of clients: each sends its next request when it has the answer to the last.

use crate::clients::Client;
use crate::processes::{self, ProcessGroup};
use crate::requests::PreparedRequest;
use crate::server::Server;
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long the clients send requests before a measurement.
pub const WARM_UP: Duration = Duration::from_secs(1);

/// The largest recorded latency, in microseconds.
const MAX_LATENCY: u64 = 60_000_000;

/// Latencies in microseconds, with three significant digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(MAX_LATENCY, 3).unwrap()
}

/// A number that is unique in this process.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub struct Tally {
    latencies: Histogram<u64>,
    refused: u64,
    /// The longest that a refusal took.
    slowest_refusal: Duration,
    refusal: Option<String>,
    /// The times of the first and the last answer.
    span: Option<(Instant, Instant)>,
}

impl Tally {
    fn new() -> Self {
        Self { latencies: histogram(), refused: 0, slowest_refusal: Duration::ZERO, refusal: None, span: None }
    }

    fn note(&mut self, asked: Instant, outcome: Result<(), String>) {
        let now = Instant::now();
        match outcome {
            Ok(()) => {
                let latency = u64::try_from((now - asked).as_micros()).unwrap_or(u64::MAX);
                self.latencies.saturating_record(latency);
                self.span = Some((self.span.map_or(now, |(first, _)| first), now));
            }
            Err(reason) => {
                self.refused += 1;
                self.slowest_refusal = self.slowest_refusal.max(now - asked);
                self.refusal.get_or_insert(reason);
            }
        }
    }

    fn add(mut self, other: Self) -> Self {
        self.latencies.add(other.latencies).unwrap();
        self.refused += other.refused;
        self.slowest_refusal = self.slowest_refusal.max(other.slowest_refusal);
        self.refusal = self.refusal.or(other.refusal);
        self.span = match (self.span, other.span) {
            (Some(one), Some(two)) => Some((one.0.min(two.0), one.1.max(two.1))),
            (one, two) => one.or(two),
        };
        self
    }

    #[must_use]
    pub fn answers(&self) -> u64 {
        self.latencies.len()
    }

    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    #[must_use]
    pub const fn slowest_refusal(&self) -> Duration {
        self.slowest_refusal
    }

    /// A quantile of the latency of successful answers, in microseconds; without any, infinity.
    #[must_use]
    pub fn at(&self, quantile: f64) -> f64 {
        if self.latencies.is_empty() { f64::INFINITY } else { self.latencies.value_at_quantile(quantile) as f64 }
    }

    /// Answers per second between the first and the last, which is correct for a few answers too.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let Some((first, last)) = self.span else { return 0.0 };
        self.latencies.len().saturating_sub(1) as f64 / (last - first).as_secs_f64().max(1e-6)
    }
}

/// The cost of a round of requests.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// Answers per second.
    pub rate: f64,
    /// The median latency, in microseconds.
    pub p50: u64,
    /// The 99th percentile of the latency, in microseconds.
    pub p99: u64,
    /// The 99.9th percentile of the latency, in microseconds.
    pub p999: u64,
    /// The server's CPU time per answer, in microseconds.
    pub server_cpu: f64,
    /// The database processes' CPU time per answer, in microseconds; 0 if the database runs inside the server.
    pub database_cpu: f64,
    /// The number of error answers.
    pub refused: u64,
}

/// When a run ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After this time; the requests are repeated in a cycle.
    Passed(Duration),
    /// After each request was sent once.
    AllAsked,
}

/// Sends the requests in turn and measures the server.
pub async fn measure(
    server: &Server,
    clients: &mut [Client],
    requests: &[PreparedRequest],
    until: Until,
    database: Option<&ProcessGroup>,
) -> Cost {
    if let Until::Passed(_) = until {
        ask(clients, requests, Until::Passed(WARM_UP)).await;
    }
    let database_time = || database.map(ProcessGroup::cpu_time).unwrap_or_default();
    let (server_before, database_before, begun) = (server.cpu_time(), database_time(), Instant::now());
    let tally = ask(clients, requests, until).await;
    let elapsed = begun.elapsed();
    let server_cpu = server.cpu_time().saturating_sub(server_before);
    let database_cpu = database_time().saturating_sub(database_before);
    cost(&tally, elapsed, server_cpu, database_cpu)
}

fn cost(tally: &Tally, elapsed: Duration, server: Duration, database: Duration) -> Cost {
    let Tally { latencies, refused, refusal, .. } = tally;
    if let Some(reason) = refusal {
        eprintln!("{refused} of {} were refused: {reason}", refused + latencies.len());
    }
    assert!(!latencies.is_empty(), "nothing was answered");
    let answers = latencies.len() as f64;
    Cost {
        rate: answers / elapsed.as_secs_f64(),
        p50: latencies.value_at_quantile(0.50),
        p99: latencies.value_at_quantile(0.99),
        p999: latencies.value_at_quantile(0.999),
        server_cpu: processes::each(server, latencies.len()),
        database_cpu: processes::each(database, latencies.len()),
        refused: *refused,
    }
}

/// Sends the requests without measuring the server.
pub async fn ask(clients: &mut [Client], requests: &[PreparedRequest], until: Until) -> Tally {
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let next = &next;
    let loops = clients.iter_mut().map(|client| async move {
        let mut tally = Tally::new();
        loop {
            // All clients share one sequence, so that no two send the same request at once.
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let (is_over, place) = match until {
                Until::Passed(time) => (begun.elapsed() >= time, turn % requests.len().max(1)),
                Until::AllAsked => (false, turn),
            };
            let Some(request) = requests.get(place).filter(|_| !is_over) else { return tally };
            let asked = Instant::now();
            let outcome = client.ask(request, next_number()).await;
            tally.note(asked, outcome);
        }
    });
    join_all(loops).await.into_iter().fold(Tally::new(), Tally::add)
}
