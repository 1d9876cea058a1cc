//! Helpers that act as clients, load balancers and operators.

use reqwest::Method;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::binary::Addresses;
use testkit::client::{CallError, LoggedIn, PASSWORD, ShopClient, ada};
use testkit::grpc::GrpcClient;
use testkit::raw::Answer;
use testkit::rest::RestClient;
use testkit::world::wait_until;
use tokio::task::JoinSet;

/// Runs a test with a time limit.
pub(crate) fn bounded(bound: Duration, test: impl Future<Output = ()>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let in_time = runtime.block_on(async { tokio::time::timeout(bound, test).await });
    runtime.shutdown_background();
    assert!(in_time.is_ok(), "not done after {bound:?}");
    Ok(())
}

/// A client of each protocol.
pub(crate) fn clients(addresses: Addresses) -> [Arc<dyn ShopClient>; 2] {
    [Arc::new(RestClient::new(addresses.rest)), Arc::new(GrpcClient::new(addresses.grpc))]
}

pub(crate) async fn page(ops: SocketAddr, path: &str) -> Answer {
    Answer::of(RestClient::new(ops).request(Method::GET, path)).await
}

/// Waits until `/readyz` answers with a status, and returns the body.
pub(crate) async fn readiness(ops: SocketAddr, status: u16, timeout: Duration) -> String {
    wait_until(&format!("/readyz answers {status}"), timeout, async || page(ops, "/readyz").await.status == status)
        .await;
    page(ops, "/readyz").await.body
}

/// One answer of the load and its latency.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) elapsed: Duration,
    pub(crate) outcome: Result<(), CallError>,
}

/// Continuous reads and registrations over both protocols. A request without an answer fails the test.
pub(crate) struct Load {
    workers: JoinSet<Vec<Sample>>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    /// Starts workers, each with its own account.
    pub(crate) async fn begin(addresses: Addresses, workers_each: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for (protocol, client) in clients(addresses).into_iter().enumerate() {
            for worker in 0..workers_each {
                let name = format!("load-{protocol}-{worker}");
                let email = format!("{name}@example.com");
                client.register(&ada().email(&email)).await.unwrap();
                let account = client.login(&email, PASSWORD).await.unwrap();
                workers.spawn(work(Arc::clone(&client), account, name, Arc::clone(&is_over)));
            }
        }
        Self { workers, is_over }
    }

    /// Stops sending requests.
    pub(crate) fn cease(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Stops sending requests and returns all answers.
    pub(crate) async fn end(self) -> Vec<Sample> {
        self.cease();
        self.workers.join_all().await.into_iter().flatten().collect()
    }
}

async fn work(client: Arc<dyn ShopClient>, account: LoggedIn, name: String, is_over: Arc<AtomicBool>) -> Vec<Sample> {
    let reader = client.with_authorization(&account.token);
    let mut samples = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        let at = Instant::now();
        let turn = samples.len();
        let outcome = if turn % 5 == 0 {
            client.register(&ada().email(format!("{name}-{turn}@example.com"))).await.map(drop)
        } else {
            reader.profile(&account.id).await.map(drop)
        };
        samples.push(Sample { at, elapsed: at.elapsed(), outcome });
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    samples
}
