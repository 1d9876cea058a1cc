//! Requests of which a proxy and we might see different ends (RFC 9112 §11.2). What must not happen is that bytes of one
//! request are served as another.

use crate::shop::Shop;

/// A request that would be answered with 200, hidden in the body of another.
const HIDDEN: &str = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";

/// The statuses of all answers that the bytes get, until the server closes or falls silent.
async fn statuses(shop: &Shop, bytes: String) -> Vec<u16> {
    let mut connection = shop.connect().await;
    connection.send(bytes).await;
    connection.finish().await;
    let mut statuses = Vec::new();
    while let Some(answer) = connection.maybe_answer().await {
        statuses.push(answer.status);
    }
    statuses
}

#[tokio::test]
async fn an_ambiguous_end_is_refused_and_ends_the_connection() {
    let shop = Shop::open();
    let length = HIDDEN.len();
    for (name, lines) in [
        ("both framings", format!("content-length: {length}\r\ntransfer-encoding: chunked")),
        ("both framings, turned round", format!("transfer-encoding: chunked\r\ncontent-length: {length}")),
        ("two lengths that differ", format!("content-length: 0\r\ncontent-length: {length}")),
        ("two lengths alike", format!("content-length: {length}\r\ncontent-length: {length}")),
        ("a list of lengths", format!("content-length: 0, {length}")),
        ("a signed length", format!("content-length: +{length}")),
        ("a negative length", "content-length: -1".to_owned()),
        ("a hexadecimal length", "content-length: 0x2a".to_owned()),
        ("an unknown coding", "transfer-encoding: cow".to_owned()),
        ("chunked that is not last", "transfer-encoding: chunked, identity".to_owned()),
        ("chunked twice", "transfer-encoding: chunked\r\ntransfer-encoding: chunked".to_owned()),
        ("a folded line", "x-folded: a\r\n transfer-encoding: chunked".to_owned()),
        ("a space before the colon", format!("content-length : {length}")),
        ("a bare carriage return", format!("x-a: b\rcontent-length: {length}")),
    ] {
        let head =
            format!("POST /users/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{lines}\r\n\r\n");
        let answered = statuses(&shop, format!("{head}{HIDDEN}")).await;
        assert_eq!(answered, [400], "{name}");
    }
}

#[tokio::test]
async fn a_malformed_chunk_is_refused_and_ends_the_connection() {
    let shop = Shop::open();
    let head =
        "POST /users/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    for body in ["nonsense\r\n", "-1\r\n", "2\r\n{}garbage", "fffffffffffffffff\r\n"] {
        let answered = statuses(&shop, format!("{head}{body}{HIDDEN}")).await;
        assert!(!answered.is_empty() && answered.iter().all(|status| *status == 400), "{body:?}: {answered:?}");
    }
}

#[tokio::test]
async fn requests_that_follow_each_other_are_served_in_order() {
    let shop = Shop::open();
    let first =
        "POST /users/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(statuses(&shop, format!("{first}{HIDDEN}{first}")).await, [401, 200, 401]);
}
