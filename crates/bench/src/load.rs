//! A closed loop of clients: each asks again as soon as it has its answer.

use crate::clients::{Client, Question};
use crate::processes;
use crate::server::Server;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// How long the clients ask before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// The longest time that is told from a longer one, in microseconds.
const LONGEST: u64 = 60_000_000;

/// Latencies in microseconds, to three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST, 3).unwrap()
}

/// What a read costs.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Answers a second.
    pub rate: f64,
    /// The time that half of the answers stay below, in microseconds.
    pub p50: u64,
    /// The time that all but one in a hundred stay below, in microseconds.
    pub p99: u64,
    /// The server's CPU time for each answer, in microseconds.
    pub server_cpu: f64,
    /// The database processes' CPU time for each answer, in microseconds; zero where it is inside the server.
    pub database_cpu: f64,
}

/// Asks the questions in turn, and measures.
///
/// # Panics
/// Where an answer fails.
pub async fn measure(
    server: &Server,
    clients: &[Client],
    questions: &[Question],
    time: Duration,
    database: Option<&str>,
) -> Cost {
    ask_for(WARM_UP, clients, questions).await;
    let database_time = || database.map(processes::cpu_time_of_all).unwrap_or_default();
    let (server_before, database_before, begun) = (server.cpu_time(), database_time(), Instant::now());
    let latencies = ask_for(time, clients, questions).await;
    let elapsed = begun.elapsed();
    let answers = latencies.len() as f64;
    let each = |used: Duration| used.as_secs_f64() * 1e6 / answers;
    Cost {
        rate: answers / elapsed.as_secs_f64(),
        p50: latencies.value_at_quantile(0.50),
        p99: latencies.value_at_quantile(0.99),
        server_cpu: each(server.cpu_time().saturating_sub(server_before)),
        database_cpu: each(database_time().saturating_sub(database_before)),
    }
}

/// The latencies of all answers within a time, in microseconds.
async fn ask_for(time: Duration, clients: &[Client], questions: &[Question]) -> Histogram<u64> {
    let end = Instant::now() + time;
    let loops = clients.iter().enumerate().map(|(number, client)| {
        let (mut client, questions) = (client.clone(), questions.to_vec());
        async move {
            let mut latencies = histogram();
            // Clients begin at different places, so that no two ask the same at once.
            for question in questions.iter().cycle().skip(number * questions.len() / 7) {
                let asked = Instant::now();
                if asked >= end {
                    break;
                }
                client.ask(question).await;
                latencies.saturating_record(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            latencies
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    loops.for_each(|task| drop(tasks.spawn(task)));
    let mut all = histogram();
    while let Some(latencies) = tasks.join_next().await {
        all.add(latencies.unwrap()).unwrap();
    }
    all
}
