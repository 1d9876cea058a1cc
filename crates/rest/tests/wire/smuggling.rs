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
        ("a coding after a vertical tab", "transfer-encoding: \x0bchunked".to_owned()),
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
    for body in [
        "nonsense\r\n",
        "-1\r\n",
        " 2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}garbage",
        "2\n{}\n0\n\n",
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
    ] {
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

/// HTTP/1.0 knows no chunks (RFC 9112 §6.1): a proxy that speaks it would see the end elsewhere.
#[tokio::test]
async fn chunks_over_http_1_0_are_refused() {
    let shop = Shop::open();
    let lines = "host: x\r\nconnection: keep-alive\r\ncontent-type: application/json\r\ntransfer-encoding: chunked";
    let body = "2\r\n{}\r\n0\r\n\r\n";
    let answered = statuses(&shop, format!("POST /users/login HTTP/1.0\r\n{lines}\r\n\r\n{body}{HIDDEN}")).await;
    assert_eq!(answered, [400]);
}

/// RFC 9112 §3.2.
#[tokio::test]
async fn a_request_names_one_host() {
    let shop = Shop::open();
    for lines in ["", "host: a\r\nhost: b\r\n"] {
        let answered = statuses(&shop, format!("GET /openapi.json HTTP/1.1\r\n{lines}\r\n")).await;
        assert_eq!(answered, [400], "{lines}");
    }
}

/// Lines may end without a carriage return (RFC 9112 §2.2), and then the body is where the length says all the same.
#[tokio::test]
async fn bare_line_feeds_hide_nothing() {
    let shop = Shop::open();
    let lines = format!("host: x\ncontent-type: application/json\ncontent-length: {}", HIDDEN.len());
    assert_eq!(statuses(&shop, format!("POST /users/login HTTP/1.1\n{lines}\n\n{HIDDEN}")).await, [400]);
}

/// An answer may be ready before the body is read; what is left of it must not be taken for the next request.
#[tokio::test]
async fn a_body_that_nobody_read_is_not_served() {
    let shop = Shop::open();
    let length = HIDDEN.len();
    let chunk = format!("{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n");
    for (line, status) in [
        ("GET /users/1", 401),
        ("GET /nonsense", 404),
        ("POST /nonsense", 404),
        ("POST /users/1", 405),
        ("TRACE /users/login", 405),
        ("OPTIONS /users/login", 405),
        ("POST /users/login", 415),
    ] {
        let head = format!("{line} HTTP/1.1\r\nhost: x\r\n");
        let announced = statuses(&shop, format!("{head}content-length: {length}\r\n\r\n{HIDDEN}")).await;
        assert_eq!(announced, [status], "{line}");
        let chunked = statuses(&shop, format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}")).await;
        assert_eq!(chunked, [status], "{line}, in chunks");
    }
}

/// Another protocol on the same connection would be out of our sight; an offer of one may be ignored (RFC 9110 §7.8).
#[tokio::test]
async fn nobody_is_let_to_another_protocol() {
    let shop = Shop::open();
    for head in [
        "GET /nonsense HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
        "GET /nonsense HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n",
        "CONNECT shop.example:443 HTTP/1.1\r\nhost: x\r\n",
    ] {
        let answered = statuses(&shop, format!("{head}\r\n{HIDDEN}")).await;
        assert!(answered == [404] || answered == [404, 200], "{head}: {answered:?}");
    }
}
