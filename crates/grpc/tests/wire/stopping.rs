//! The server stops without dropping what it has accepted, and within a bound.

use crate::client::eventually;
use crate::shop::{Shop, profile_request};
use grpc::Options;
use std::time::{Duration, Instant};
use test_doubles::{StorageBehavior, TOKEN};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

#[tokio::test]
async fn a_call_under_way_is_answered_and_no_connection_accepted() {
    let shop = Shop::open();
    shop.set_storage_behavior(StorageBehavior::Delay(Duration::from_millis(500)));
    let mut queries = shop.queries().await;
    let call = Handle::current().spawn(async move { queries.get_user_by_id(profile_request(TOKEN)).await });
    shop.asked(1).await;
    shop.stop.cancel();
    eventually(|| std::net::TcpStream::connect(shop.address).is_err()).await;
    assert!(!call.is_finished(), "the listener was open until the call had ended");
    call.await.unwrap().unwrap();
    shop.ended().await.unwrap();
}

#[tokio::test]
async fn idle_connections_and_watchers_hold_nothing_up() {
    let shop = Shop::open();
    let mut idle = shop.queries().await;
    idle.get_user_by_id(profile_request(TOKEN)).await.unwrap();
    let mut watcher = HealthClient::new(shop.channel().await);
    let mut told = watcher.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    told.message().await.unwrap().unwrap();

    let stopped = Instant::now();
    shop.stop.cancel();
    shop.ended().await.unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    while told.message().await.unwrap().is_some() {}
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut() {
    let drain_timeout = Duration::from_millis(300);
    let shop = Shop::open_with(Options { drain_timeout, ..Options::default() });
    shop.set_storage_behavior(StorageBehavior::Hang);
    let mut queries = shop.queries().await;
    let call = Handle::current().spawn(async move { queries.get_user_by_id(profile_request(TOKEN)).await });
    shop.asked(1).await;

    let stopped = Instant::now();
    shop.stop.cancel();
    shop.ended().await.unwrap_err();
    assert!(stopped.elapsed() >= drain_timeout);
    call.await.unwrap().unwrap_err();
    let elapsed = stopped.elapsed();
    assert!(elapsed < Duration::from_secs(5), "the call's own deadline ended it: {elapsed:?}");
}

#[tokio::test]
async fn a_connection_that_never_spoke_holds_nothing_up() {
    let shop = Shop::open();
    let silent = TcpStream::connect(shop.address).await.unwrap();
    shop.profile().await.unwrap();
    let stopped = Instant::now();
    shop.stop.cancel();
    shop.ended().await.unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    drop(silent);
}
