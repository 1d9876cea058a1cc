//! Clients that take their time.

use crate::shop::{ADA, Shop, request};
use rest::Options;
use std::time::{Duration, Instant};

fn impatient() -> Options {
    Options { body_timeout: Duration::from_millis(300), in_flight: 1, ..Options::default() }
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
        assert_eq!(answer.refusal(), (408, "body_timeout".to_owned()), "{framing}");
        assert_eq!(answer.json()["message"], "Request Timeout");
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
