//! The end of the server.

use crate::shop::{Shop, profile_head, request};
use rest::Options;
use std::time::{Duration, Instant};
use test_doubles::StorageBehavior;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let shop = Shop::open();
    shop.set_storage_behavior(StorageBehavior::Delay(Duration::from_millis(500)));
    let (mut idle, mut busy) = (shop.connect().await, shop.connect().await);
    idle.send(request("GET /nonsense HTTP/1.1\r\n", b"")).await;
    idle.answer(false).await;
    busy.send(request(&profile_head(""), b"")).await;
    shop.asked(1).await;
    let started = Instant::now();
    shop.stop.cancel();
    assert_eq!(busy.answer(false).await.status, 200);
    let address = shop.address;
    shop.ended().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "an idle connection holds nothing up");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let drain_timeout = Duration::from_secs(1);
    let shop = Shop::open_with(Options { drain_timeout, ..Options::default() });
    shop.set_storage_behavior(StorageBehavior::Hang);
    let mut stuck = shop.connect().await;
    stuck.send(request(&profile_head(""), b"")).await;
    shop.asked(1).await;
    let started = Instant::now();
    shop.stop.cancel();
    shop.ended().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

/// A connection whose next head has begun is no request that was accepted.
#[tokio::test]
async fn the_end_waits_for_no_half_head() {
    let shop = Shop::open_with(Options { drain_timeout: Duration::from_secs(2), ..Options::default() });
    let mut connection = shop.connect().await;
    connection.send(request("GET /nonsense HTTP/1.1\r\n", b"")).await;
    connection.answer(false).await;
    connection.send("GET / HTTP/1.1\r\nx-slow: ").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    shop.stop.cancel();
    shop.ended().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

/// The framework counts whole seconds; a part of one must not get lost.
#[tokio::test]
async fn a_part_of_a_second_is_time_to_end_in_too() {
    let shop = Shop::open_with(Options { drain_timeout: Duration::from_millis(1_900), ..Options::default() });
    shop.set_storage_behavior(StorageBehavior::Delay(Duration::from_millis(1_500)));
    let mut busy = shop.connect().await;
    busy.send(request(&profile_head(""), b"")).await;
    shop.asked(1).await;
    shop.stop.cancel();
    assert_eq!(busy.answer(false).await.status, 200);
    shop.ended().await.unwrap();
}
