//! What clients see of our own troubles.

use crate::shop::{ADA, Shop, profile_head, request};
use rest::Options;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use test_doubles::{PANIC_TOKEN, SECRET, StorageBehavior};

#[tokio::test]
async fn every_panic_is_answered_and_the_connection_lives_on() {
    let shop = Shop::open();
    let mut connection = shop.connect().await;
    for _ in 0..6 {
        let head = format!("GET /users/1 HTTP/1.1\r\nauthorization: {PANIC_TOKEN}\r\n");
        connection.send(request(&head, b"")).await;
        let answer = connection.answer(false).await;
        assert_eq!(answer.error(), (500, "internal".to_owned()));
        assert_eq!(answer.json()["message"], "Internal Server Error");
        assert!(!answer.text().contains(SECRET) && !answer.head.contains(SECRET), "{answer:?}");
    }
    assert_eq!(shop.ports.panics.load(Ordering::SeqCst), 6);
    connection.send(request(&profile_head(""), b"")).await;
    assert_eq!(connection.answer(false).await.status, 200);
}

#[tokio::test]
async fn a_panic_of_the_storage_is_answered_on_every_route() {
    let shop = Shop::open();
    shop.set_storage_behavior(StorageBehavior::Panic);
    for answer in [shop.profile("").await, shop.register(ADA).await] {
        assert_eq!(answer.error(), (500, "internal".to_owned()));
        assert!(!answer.text().contains(SECRET), "{answer:?}");
    }
}

#[tokio::test]
async fn a_call_too_many_is_refused_at_once_and_the_next_one_served() {
    let shop = Shop::open_with(Options { in_flight: 2, ..Options::default() });
    shop.set_storage_behavior(StorageBehavior::Hang);
    let mut waiting = Vec::new();
    for asked in 1..=2 {
        let mut connection = shop.connect().await;
        connection.send(request(&profile_head(""), b"")).await;
        waiting.push(connection);
        shop.asked(asked).await;
    }
    let started = Instant::now();
    let refused = shop.profile("").await;
    assert_eq!(refused.error(), (503, "overloaded".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());

    // A place is free again as soon as a client has gone.
    drop(waiting);
    shop.set_storage_behavior(StorageBehavior::Answer);
    let served = async {
        while shop.profile("").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::shop::PATIENCE, served).await.unwrap();
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up() {
    let shop = Shop::open_with(Options { request_timeout: Duration::from_millis(200), ..Options::default() });
    shop.set_storage_behavior(StorageBehavior::Hang);
    for answer in [shop.profile("").await, shop.register(ADA).await] {
        assert_eq!(answer.error(), (503, "deadline_exceeded".to_owned()));
        assert_eq!(answer.json()["message"], "deadline exceeded");
    }
}

#[tokio::test]
async fn the_time_that_a_body_takes_is_not_the_calls() {
    let request_timeout = Duration::from_millis(400);
    let shop = Shop::open_with(Options { request_timeout, ..Options::default() });
    shop.set_storage_behavior(StorageBehavior::Delay(Duration::from_millis(100)));
    let length = ADA.len();
    let head =
        format!("POST /users/register HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n");
    let mut connection = shop.connect().await;
    connection.send(request(&head, b"")).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    connection.send(ADA).await;
    assert_eq!(connection.answer(false).await.status, 201);
}
