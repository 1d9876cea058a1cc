//! Stopping.

use crate::client::{Load, bounded, clients, page, readiness};
use std::time::Duration;
use testkit::binary::Process;
use testkit::client::ada;
use tokio::task::JoinSet;

const TIME_LIMIT: Duration = Duration::from_secs(90);
const DATABASE: (&str, &str) = ("database.url", "sqlite://shop.db");

pub(crate) fn ctrl_c_ends_it() -> Result<(), String> {
    let mut process = Process::serve(&[DATABASE]);
    process.addresses();
    process.signal("INT");
    assert_eq!(process.exit_code(Duration::from_secs(10)), Some(0), "{}", process.output());
    Ok(())
}

/// Clients that stop sending requests when the server is not ready lose no request.
pub(crate) fn under_load_no_request_is_dropped() -> Result<(), String> {
    let mut process = Process::serve(&[DATABASE, ("shutdown.drain_delay_seconds", "2")]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let load = Load::begin(addresses, 8).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        process.signal("TERM");
        let told = readiness(addresses.ops, 503, Duration::from_secs(2)).await;
        load.cease();
        assert!(told.contains("shutting down"), "{told}");
        let samples = load.end().await;
        let lost: Vec<_> = samples.iter().filter(|sample| sample.outcome.is_err()).collect();
        assert!(samples.len() > 100 && lost.is_empty(), "of {} requests: {lost:?}", samples.len());
        assert_eq!(process.exit_code(Duration::from_secs(36)), Some(0), "{}", process.output());
    })
}

/// Accepted requests are completed over both protocols, although new connections are refused.
pub(crate) fn work_under_way_is_finished() -> Result<(), String> {
    // Seven hashes, including the one that is measured at the start, fit into the two seconds that each may
    // wait.
    let slow = [DATABASE, ("auth.bcrypt_cost", "11"), ("auth.hash_threads", "1")];
    let mut process = Process::serve(&slow);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let mut under_way = JoinSet::new();
        for at in 0..6 {
            let client = clients(addresses)[at % 2].clone();
            under_way.spawn(async move { client.register(&ada().email(format!("ada{at}@example.com"))).await });
        }
        // Long enough for all six to be accepted, and for one or two hashes.
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(under_way.try_join_next().is_none() || !under_way.is_empty(), "the work was done before the signal");
        process.signal("TERM");
        for outcome in under_way.join_all().await {
            outcome.unwrap();
        }
        assert_eq!(process.exit_code(Duration::from_secs(36)), Some(0), "{}", process.output());
    })
}

pub(crate) fn a_second_signal_ends_it_at_once() -> Result<(), String> {
    let slow = [DATABASE, ("auth.bcrypt_cost", "14"), ("auth.hash_threads", "1")];
    let mut process = Process::serve(&slow);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let [rest, _] = clients(addresses);
        let under_way = tokio::task::JoinSet::from_iter((0..8).map(|at| {
            let rest = rest.clone();
            async move { rest.register(&ada().email(format!("ada{at}@example.com"))).await }
        }));
        tokio::time::sleep(Duration::from_millis(200)).await;
        process.signal("TERM");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(page(addresses.ops, "/livez").await.status, 200, "the first signal lets the work end");
        process.signal("TERM");
        assert_eq!(process.exit_code(Duration::from_secs(2)), Some(5), "{}", process.output());
        drop(under_way);
    })
}
