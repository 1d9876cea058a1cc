//! Clients that take their time.

use crate::shop::{ADA, Shop, profile_head, request};
use rest::Options;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use test_doubles::StorageBehavior;

fn impatient() -> Options {
    Options { body_timeout: Duration::from_millis(300), in_flight: 1, ..Options::default() }
}

/// As short as the framework keeps apart: it reads its clock twice in a second.
fn brisk() -> Options {
    let second = Duration::from_secs(1);
    Options { keep_alive: second, head_timeout: second, ..Options::default() }
}

#[tokio::test]
async fn a_slow_body_is_given_up_however_it_comes() {
    let shop = Shop::open_with(impatient());
    for (content_type, framing, begin) in [
        ("application/json", "content-length: 100", "{"),
        ("application/x-www-form-urlencoded", "content-length: 100", "name="),
        ("multipart/form-data; boundary=b", "content-length: 100", "--b\r\n"),
        ("application/json", "transfer-encoding: chunked", "1\r\n{\r\n"),
    ] {
        let head = format!("POST /users/register HTTP/1.1\r\ncontent-type: {content_type}\r\n{framing}\r\n");
        let mut connection = shop.connect().await;
        let started = Instant::now();
        connection.send(request(&head, begin.as_bytes())).await;
        let answer = connection.answer(false).await;
        assert_eq!(answer.error(), (408, "body_timeout".to_owned()), "{framing}");
        assert_eq!(answer.json()["message"], "Request Timeout");
        assert_eq!(answer.header("connection"), Some("close"), "{content_type}, {framing}");
        assert!(started.elapsed() >= Duration::from_millis(300));
        assert!(connection.closes_within(Duration::from_secs(5)).await, "{content_type}, {framing}");
    }
}

/// A route that reads no body must not wait for one either.
#[tokio::test]
async fn a_body_that_nobody_reads_is_not_waited_for() {
    let shop = Shop::open_with(impatient());
    for (path, status) in [("/nonsense", 404), ("/users/1", 405)] {
        for (framing, begin) in [("content-length: 100", "{"), ("transfer-encoding: chunked", "1\r\n{\r\n")] {
            let mut connection = shop.connect().await;
            connection.send(request(&format!("POST {path} HTTP/1.1\r\n{framing}\r\n"), begin.as_bytes())).await;
            assert_eq!(connection.answer(false).await.status, status);
            assert!(connection.closes_within(Duration::from_secs(5)).await, "{path}, {framing}");
        }
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up_too() {
    let shop = Shop::open_with(impatient());
    let head = "POST /users/register HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n";
    let mut connection = shop.connect().await;
    connection.send(request(head, b"{")).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        connection.send(" ").await;
    }
    assert_eq!(connection.answer(false).await.status, 408);
}

#[tokio::test]
async fn slow_bodies_keep_nobody_out() {
    let shop = Shop::open_with(Options { body_timeout: Duration::from_secs(30), ..impatient() });
    let head = "POST /users/register HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n";
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut connection = shop.connect().await;
        connection.send(request(head, b"{")).await;
        slow.push(connection);
    }
    assert_eq!(shop.register(ADA).await.status, 201);
}

#[tokio::test]
async fn a_slow_head_is_given_up() {
    let shop = Shop::open_with(Options { head_timeout: Duration::from_millis(300), ..Options::default() });
    let mut connection = shop.connect().await;
    connection.send("GET / HTTP/1.1\r\nhost: ").await;
    assert_eq!(connection.answer(false).await.status, 408);
    assert!(connection.closes_within(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let shop = Shop::open_with(Options { keep_alive: Duration::from_millis(300), ..Options::default() });
    let mut connection = shop.connect().await;
    connection.send(request("GET /nonsense HTTP/1.1\r\n", b"")).await;
    assert_eq!(connection.answer(false).await.status, 404);
    assert!(connection.closes_within(Duration::from_secs(5)).await);
}

/// The first byte of a head must not buy a connection for ever, wherever on the connection that head is.
#[tokio::test]
async fn a_slow_head_is_given_up_on_a_connection_that_has_been_of_use() {
    let shop = Shop::open_with(brisk());
    let mut connection = shop.connect().await;
    connection.send(request("GET /nonsense HTTP/1.1\r\n", b"")).await;
    assert_eq!(connection.answer(false).await.status, 404);
    connection.send("GET / HTTP/1.1\r\nx-slow: ").await;
    let trickled = async {
        while !connection.closes_within(Duration::from_millis(100)).await {
            connection.send("x").await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), trickled).await.unwrap();
}

#[tokio::test]
async fn a_long_call_is_no_idle_connection() {
    let shop = Shop::open_with(brisk());
    let mut connection = shop.connect().await;
    for behavior in [StorageBehavior::Answer, StorageBehavior::Delay(Duration::from_millis(2_500))] {
        shop.set_storage_behavior(behavior);
        connection.send(request(&profile_head(""), b"")).await;
        assert_eq!(connection.answer(false).await.status, 200);
    }
}

#[tokio::test]
async fn a_connection_in_use_is_kept() {
    let shop = Shop::open_with(brisk());
    let mut connection = shop.connect().await;
    for _ in 0..12 {
        connection.send(request(&profile_head(""), b"")).await;
        assert_eq!(connection.answer(false).await.status, 200);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Small answers fit into the buffers on the way; the docs page's scripts do not.
#[tokio::test]
async fn a_client_that_does_not_read_is_given_up() {
    let (second, read_timeout) = (Duration::from_secs(1), Duration::from_millis(500));
    let times = Options { body_timeout: second, upload_timeout: second, request_timeout: second, ..brisk() };
    let shop = Shop::open_with(Options { read_timeout, ..times });
    let mut connection = shop.connect().await;
    let scripts = request("GET /docs/swagger-ui-bundle.js HTTP/1.1\r\n", b"");
    for _ in 0..16 {
        connection.send(&scripts).await;
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut read = 0;
    while connection.maybe_answer().await.is_some() {
        read += 1;
    }
    assert!(read < 16, "all was sent to a client that did not read");
}

/// Nothing is made of half a form, and its place is free again.
#[tokio::test]
async fn a_client_that_goes_away_amid_its_body_does_no_harm() {
    let shop = Shop::open_with(impatient());
    for framing in ["content-length: 1000", "transfer-encoding: chunked"] {
        let head = format!("POST /users/register HTTP/1.1\r\ncontent-type: application/json\r\n{framing}\r\n");
        for _ in 0..5 {
            let mut connection = shop.connect().await;
            connection.send(request(&head, format!("{:x}\r\n{ADA}", ADA.len()).as_bytes())).await;
            drop(connection);
        }
    }
    assert_eq!(shop.register(ADA).await.status, 201);
    assert_eq!(*shop.ports.added.lock().unwrap(), ["Ada"]);
    assert_eq!(shop.ports.panics.load(Ordering::SeqCst), 0);
}
