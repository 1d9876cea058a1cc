//! Paths and methods.

use crate::shop::{ADA, Shop, profile_head};
use test_doubles::{OWNER, TOKEN};

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let shop = Shop::open();
    for (method, path, allowed) in [
        ("GET", "/users/login", "POST"),
        ("HEAD", "/users/login", "POST"),
        ("PUT", "/users/register", "POST"),
        ("DELETE", "/users/login/", "POST"),
        ("OPTIONS", "/users/login", "POST"),
        ("TRACE", "/users/login", "POST"),
        ("BREW", "/users/login", "POST"),
        ("POST", "/users/1", "GET, HEAD"),
        ("PATCH", "/users/1", "GET, HEAD"),
        ("TRACE", "/users/1", "GET, HEAD"),
        ("CONNECT", "/users/1", "GET, HEAD"),
        ("BREW", "/users/1", "GET, HEAD"),
        ("PUT", "/payments", "GET, HEAD, POST"),
        ("DELETE", "/payments/1", "GET, HEAD"),
        ("POST", "/payments/1/timeline", "GET, HEAD"),
        ("HEAD", "/payments/1/events", "GET"),
        ("GET", "/payments/midtrans/webhook", "POST"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("TRACE", "/docs", "GET, HEAD"),
        ("POST", "/docs/index.html", "GET, HEAD"),
    ] {
        let answer = shop.ask(&format!("{method} {path} HTTP/1.1\r\n"), "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
        if method != "HEAD" {
            assert_eq!(answer.error(), (405, "method_not_allowed".to_owned()));
            assert_eq!(answer.json()["message"], "Method Not Allowed");
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found_whatever_the_method() {
    let shop = Shop::open();
    for path in [
        "/",
        "//",
        "/users",
        "/users/",
        "/users//1",
        "/users/1/2",
        "/docs/nonsense",
        "/docs/../Cargo.toml",
        "/USERS/1",
        "/payments/1/2",
        "/payments/midtrans/webhook/1",
    ] {
        for method in ["GET", "POST", "TRACE", "BREW"] {
            let answer = shop.ask(&format!("{method} {path} HTTP/1.1\r\n"), "").await;
            let is_page = path == "/docs/nonsense" && method != "GET";
            let expected = if is_page { (405, "method_not_allowed") } else { (404, "route_not_found") };
            assert_eq!(answer.error(), (expected.0, expected.1.to_owned()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_trailing_slash_is_accepted_without_a_redirect() {
    let shop = Shop::open();
    assert_eq!(shop.post("/users/register/", "application/json", ADA).await.status, 201);
    for path in
        [format!("/users/{OWNER}/"), format!("/users/{OWNER}//?a=/"), format!("http://shop.example/users/{OWNER}/")]
    {
        let answer = shop.ask(&format!("GET {path} HTTP/1.1\r\nauthorization: {TOKEN}\r\n"), "").await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_identifier_that_is_none_is_forbidden_like_any_other() {
    let shop = Shop::open();
    for id in ["1", "%2e%2e", "%00", "%FF", "a%2Fb", "é"] {
        let answer = shop.ask(&format!("GET /users/{id} HTTP/1.1\r\nauthorization: {TOKEN}\r\n"), "").await;
        assert!([400, 403, 404].contains(&answer.status), "{id}: {answer:?}");
        if !answer.body.is_empty() {
            assert_eq!(answer.json()["meta"]["success"], false, "{id}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let shop = Shop::open();
    let (whole, head) = (shop.profile("").await, shop.ask(&profile_head("").replacen("GET", "HEAD", 1), "").await);
    assert_eq!((whole.status, head.status, head.body.as_slice()), (200, 200, &b""[..]));
    for header in ["content-type", "content-length", "cache-control"] {
        assert_eq!(head.header(header), whole.header(header));
        assert!(head.header(header).is_some(), "{header}");
    }
    assert_eq!(shop.ask("HEAD /users/1 HTTP/1.1\r\n", "").await.status, 401);
    assert_eq!(shop.ask("HEAD /openapi.json HTTP/1.1\r\n", "").await.status, 200);

    // Nothing of a body is left on the connection for the next answer to stumble over.
    let mut connection = shop.connect().await;
    for _ in 0..2 {
        connection.send(crate::shop::request(&profile_head("").replacen("GET", "HEAD", 1), b"")).await;
        assert_eq!(connection.answer(true).await.status, 200);
    }
}
