//! How much a client may send: each limit, and one more.

use crate::client::Answer;
use crate::shop::{ADA, Shop, chunked};

fn padded(prefix: &str, suffix: &str, length: usize) -> String {
    format!("{prefix}{}{suffix}", "x".repeat(length - prefix.len() - suffix.len()))
}

/// Sends a body twice: announced, and in chunks.
async fn both_ways(shop: &Shop, content_type: &str, body: &[u8]) -> [Answer; 2] {
    let head =
        format!("POST /users/register HTTP/1.1\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n");
    [shop.post("/users/register", content_type, body).await, shop.ask(&head, chunked(body, 10_000)).await]
}

#[tokio::test]
async fn a_body_has_a_limit_of_its_kind() {
    let shop = Shop::open();
    let multipart = ("--b\r\ncontent-disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n", "\r\n--b--\r\n");
    for (content_type, (prefix, suffix), limit) in [
        ("application/json", ("{\"other\":\"", "\"}"), 64 << 10),
        ("application/x-www-form-urlencoded", ("other=", ""), 64 << 10),
        ("multipart/form-data; boundary=b", multipart, 11 << 20),
    ] {
        for answer in both_ways(&shop, content_type, padded(prefix, suffix, limit).as_bytes()).await {
            assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "read, and found wanting: {content_type}");
        }
        for answer in both_ways(&shop, content_type, padded(prefix, suffix, limit + 1).as_bytes()).await {
            assert_eq!(answer.error(), (413, "body_too_large".to_owned()), "{content_type}");
            assert_eq!(answer.json()["message"], "Request Entity Too Large");
            assert_eq!(answer.header("connection"), Some("close"), "{content_type}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_comes() {
    let shop = Shop::open();
    let head = "POST /users/register HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n";
    assert_eq!(shop.ask(head, "").await.error(), (413, "body_too_large".to_owned()));
}

/// A refusal must reach a client that is still sending when it is made.
#[tokio::test]
async fn a_client_that_goes_on_sending_reads_why_it_was_refused() {
    let shop = Shop::open();
    for path in ["/users/register", "/nonsense", "/users/1"] {
        let answer = shop.post(path, "application/json", vec![b'x'; 4 << 20]).await;
        assert!([413, 404, 405].contains(&answer.status), "{answer:?}");
    }
}

#[tokio::test]
async fn paths_and_queries_have_a_limit() {
    let shop = Shop::open();
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    assert_eq!(shop.get(&path(2 << 10)).await.status, 404);
    assert_eq!(shop.get(&path((2 << 10) + 1)).await.error(), (414, "uri_too_long".to_owned()));
    let query = |length: usize| format!("/nonsense?{}", "x".repeat(length));
    assert_eq!(shop.get(&query(4 << 10)).await.status, 404);
    assert_eq!(shop.get(&query((4 << 10) + 1)).await.error(), (414, "uri_too_long".to_owned()));
}

#[tokio::test]
async fn heads_have_a_limit() {
    let shop = Shop::open();
    // With the line `Host` there is one more.
    let lines = |count: usize| (0..count).map(|at| format!("x-{at}: x\r\n")).collect::<String>();
    let get = |lines: String| format!("GET /nonsense HTTP/1.1\r\n{lines}");
    assert_eq!(shop.ask(&get(lines(95)), "").await.status, 404);
    assert_eq!(shop.ask(&get(lines(96)), "").await.status, 431);
    let long = |length: usize| get(format!("x-long: {}\r\n", "x".repeat(length)));
    assert_eq!(shop.ask(&long(100 << 10), "").await.status, 404);
    assert_eq!(shop.ask(&long(140 << 10), "").await.status, 431);
}

#[tokio::test]
async fn a_caller_over_its_allowance_is_refused_before_the_body_is_read() {
    let shop = Shop::open();
    *shop.ports.quota.lock().unwrap() = Some(crate::headers::quota(0, true));
    let head =
        format!("POST /users/register HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", ADA.len());
    assert_eq!(shop.ask(&head, "").await.error(), (429, "rate_limited".to_owned()));
}
