//! A payment's changes, as they happen.

use crate::client::{Answer, Connection};
use crate::orders::payment;
use crate::shop::{PATIENCE, Shop, request};
use app::clock::{Clock, SystemClock};
use domain::error::ErrorCode;
use domain::payment::TransactionStatus;
use rest::Options;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use test_doubles::{StorageBehavior, TOKEN};

const STILL_HERE: &str = ": still here\n\n";

/// A client that watches a payment.
struct Watcher {
    connection: Connection,
    head: Answer,
    text: String,
}

impl Watcher {
    async fn open(shop: &Shop, id: &str, lines: &str) -> Self {
        let mut connection = shop.connect().await;
        let head = format!(
            "GET /payments/{id}/events HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\naccept: text/event-stream\r\n{lines}"
        );
        connection.send(request(&head, b"")).await;
        let head = connection.answer(true).await;
        assert_eq!(head.status, 200, "{head:?}");
        let mut watcher = Self { connection, head, text: String::new() };
        assert_eq!(watcher.block().await.as_deref(), Some("retry: 2000\n\n"));
        watcher
    }

    /// The next piece up to an empty line, of whatever kind; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                return Some(self.text.drain(..end + 2).collect());
            }
            match self.connection.chunk().await {
                Some(chunk) => self.text.push_str(&chunk),
                None => {
                    assert!(self.text.is_empty(), "half an event: {}", self.text);
                    return None;
                }
            }
        }
    }

    /// The next event: its identifier and its data.
    async fn event(&mut self) -> Option<(u32, Value)> {
        loop {
            match self.block().await?.as_str() {
                STILL_HERE => {}
                text => return Some(read(text)),
            }
        }
    }
}

#[track_caller]
fn read(text: &str) -> (u32, Value) {
    let lines: Vec<_> = text.trim_end().split('\n').collect();
    let [id, kind, data] = lines[..] else { panic!("{text:?}") };
    assert_eq!(kind, "event: status");
    let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    (id.strip_prefix("id: ").unwrap().parse().unwrap(), data)
}

async fn listeners(shop: &Shop, count: usize) {
    let reached = async {
        while shop.ports.payments.notifier.receiver_count() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap();
}

/// Signs of life come every 250 ms, and a connection of which nothing is heard is ended after 3.5 s.
fn lively() -> Options {
    let second = Duration::from_secs(1);
    Options {
        read_timeout: Duration::from_millis(500),
        request_timeout: second,
        body_timeout: second,
        upload_timeout: second,
        keep_alive: second,
        head_timeout: second,
        ..Options::default()
    }
}

#[tokio::test]
async fn who_watches_sees_how_it_stands_and_then_each_change() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let mut watcher = Watcher::open(&shop, &id, "accept-encoding: gzip, br\r\n").await;
    let head = &watcher.head;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert_eq!((head.header("content-encoding"), head.header("content-length")), (None, None));
    let begin = watcher.block().await.unwrap();
    let at = read(&begin).1["at"].as_str().unwrap().to_owned();
    let data = format!(r#"{{"id":"{id}","number":2,"status":"pending","needs_attention":false,"at":"{at}"}}"#);
    assert_eq!(begin, format!("id: 2\nevent: status\ndata: {data}\n\n"));
    for (status, shown, attention) in
        [(TransactionStatus::Expire, "expire", false), (TransactionStatus::Settlement, "success", false)]
    {
        shop.ports.payments.set_status(&id, status, SystemClock.now());
        let (number, data) = watcher.event().await.unwrap();
        assert_eq!((&data["status"], &data["needs_attention"]), (&json!(shown), &json!(attention)));
        assert_eq!(data["number"], number);
    }
    let (_, paid_late) = watcher.event().await.unwrap();
    assert_eq!((&paid_late["status"], &paid_late["needs_attention"]), (&json!("success"), &json!(true)));
}

/// HTTP/1.0 knows no chunks (RFC 9112 §6.1); what it is sent ends with the connection.
#[tokio::test]
async fn over_http_1_0_events_come_as_they_are_until_the_connection_ends() {
    for lines in ["", "connection: keep-alive\r\n"] {
        let shop = Shop::open();
        let id = payment(&shop).await;
        let mut connection = shop.connect().await;
        let head = format!("GET /payments/{id}/events HTTP/1.0\r\nauthorization: Bearer {TOKEN}\r\n{lines}");
        connection.send(request(&head, b"")).await;
        let head = connection.answer(true).await;
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        assert_eq!((head.header("transfer-encoding"), head.header("content-length")), (None, None), "{head:?}");
        assert_ne!(head.header("connection"), Some("keep-alive"), "nothing but the end of it tells the end");
        listeners(&shop, 1).await;
        shop.ports.payments.set_status(&id, TransactionStatus::Settlement, SystemClock.now());
        connection.until("success").await;
        shop.stop.cancel();
        let text = String::from_utf8(connection.rest().await).unwrap();
        let events: Vec<_> = text.strip_prefix("retry: 2000\n\n").unwrap().split_terminator("\n\n").collect();
        assert_eq!(
            events.iter().map(|event| read(event).1["status"].clone()).collect::<Vec<_>>(),
            ["pending", "success"]
        );
    }
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_sees_nothing_twice() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let (known, _) = Watcher::open(&shop, &id, "").await.event().await.unwrap();
    shop.ports.payments.set_status(&id, TransactionStatus::Deny, SystemClock.now());
    shop.ports.payments.set_status(&id, TransactionStatus::Refund, SystemClock.now());
    let mut watcher = Watcher::open(&shop, &id, &format!("last-event-id: {known}\r\n")).await;
    let (first, missed) = watcher.event().await.unwrap();
    assert_eq!(missed["status"], "deny");
    let (last, missed) = watcher.event().await.unwrap();
    assert_eq!(missed["status"], "refund");
    assert!(known < first && first < last);
    let mut up_to_date = Watcher::open(&shop, &id, &format!("last-event-id: {last}\r\n")).await;
    shop.ports.payments.set_status(&id, TransactionStatus::Chargeback, SystemClock.now());
    assert_eq!(up_to_date.event().await.unwrap().1["status"], "chargeback", "nothing that it knew");
    let mut from_the_beginning = Watcher::open(&shop, &id, "last-event-id: 0\r\n").await;
    assert_eq!(from_the_beginning.event().await.unwrap().1["status"], "pending");
}

#[tokio::test]
async fn what_is_no_number_of_a_change_is_refused() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    for last in ["x", "-1", "4294967296", "\u{e9}"] {
        let lines = format!("authorization: {TOKEN}\r\nlast-event-id: {last}\r\n");
        let refused = shop.ask(&format!("GET /payments/{id}/events HTTP/1.1\r\n{lines}"), "").await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{last}");
        assert_eq!(refused.json()["errors"][0]["field"], "last-event-id");
    }
}

/// Every time that could end it is shorter than what is watched here.
#[tokio::test]
async fn a_watch_outlasts_the_times_of_calls_and_of_connections() {
    let shop = Shop::open_with(lively());
    let id = payment(&shop).await;
    let mut watcher = Watcher::open(&shop, &id, "").await;
    watcher.event().await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        assert_eq!(watcher.block().await.as_deref(), Some(STILL_HERE));
    }
    shop.ports.payments.set_status(&id, TransactionStatus::Settlement, SystemClock.now());
    assert_eq!(watcher.event().await.unwrap().1["status"], "success");
}

#[tokio::test]
async fn the_end_of_the_server_is_the_end_of_a_watch() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let mut watcher = Watcher::open(&shop, &id, "").await;
    watcher.event().await.unwrap();
    let stopped = Instant::now();
    shop.stop.cancel();
    assert_eq!(watcher.event().await, None, "ended, not cut");
    assert!(watcher.connection.closes_within(PATIENCE).await);
    shop.ended().await.unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(8), "{:?}", stopped.elapsed());
}

#[tokio::test]
async fn a_watch_of_a_client_that_has_gone_is_given_up() {
    let shop = Shop::open_with(lively());
    let id = payment(&shop).await;
    let mut watchers = Vec::new();
    for _ in 0..5 {
        let mut watcher = Watcher::open(&shop, &id, "").await;
        watcher.event().await.unwrap();
        watchers.push(watcher);
    }
    listeners(&shop, 5).await;
    drop(watchers);
    listeners(&shop, 0).await;
}

#[tokio::test]
async fn a_storage_that_fails_ends_a_watch_and_what_was_missed_comes_with_the_next() {
    let shop = Shop::open_with(lively());
    let id = payment(&shop).await;
    let (known, _) = Watcher::open(&shop, &id, "").await.event().await.unwrap();
    // That one must not meet what is meant for the next.
    listeners(&shop, 0).await;
    let last = format!("last-event-id: {known}\r\n");
    for behavior in [StorageBehavior::Fail(ErrorCode::Unavailable), StorageBehavior::Panic] {
        let asked = shop.ports.asked.load(Ordering::SeqCst);
        let mut watcher = Watcher::open(&shop, &id, &last).await;
        // For the payment, and for what has happened to it.
        shop.asked(asked + 2).await;
        shop.set_storage_behavior(behavior);
        shop.ports.payments.notifier.send_replace(());
        assert_eq!(watcher.event().await, None, "ended, not cut");
        shop.set_storage_behavior(StorageBehavior::Answer);
    }
    assert_eq!(shop.ports.panics.load(Ordering::SeqCst), 1);
    shop.ports.payments.set_status(&id, TransactionStatus::Settlement, SystemClock.now());
    let mut again = Watcher::open(&shop, &id, &last).await;
    assert_eq!(again.event().await.unwrap().1["status"], "success");
}

#[tokio::test]
async fn one_too_many_is_told_when_to_come_back() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    *shop.ports.payments.max_subscriptions.lock().unwrap() = 1;
    let _first = Watcher::open(&shop, &id, "").await;
    let second = crate::orders::read(&shop, TOKEN, &format!("/payments/{id}/events")).await;
    assert_eq!((second.error(), second.header("retry-after")), ((503, "overloaded".to_owned()), Some("5")));
}

/// Those who watch take no place of those who call.
#[tokio::test]
async fn watches_keep_nobody_out() {
    let shop = Shop::open_with(Options { in_flight: 1, ..Options::default() });
    let id = payment(&shop).await;
    let mut watchers = Vec::new();
    for _ in 0..10 {
        watchers.push(Watcher::open(&shop, &id, "").await);
    }
    assert_eq!(shop.profile("").await.status, 200);
}
