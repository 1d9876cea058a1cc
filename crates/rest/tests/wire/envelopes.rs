//! Errors as they stand on the wire, letter by letter: the messages and keys that clients of old read, and those added.

use crate::client::Answer;
use crate::shop::{Shop, profile_head, request};
use domain::error::ErrorCode;
use rest::Options;
use std::time::Duration;
use test_doubles::StorageBehavior;

const ID: &str = "x-request-id: r1\r\n";

/// An error's text; `beside` is what stands beside `meta`.
fn envelope(message: &str, code: &str, beside: &str) -> String {
    format!(r#"{{"meta":{{"success":false,"message":"{message}","code":"{code}","request_id":"r1"}}{beside}}}"#)
}

/// The text of an error that has its message once more under another key.
fn repeated(key: &str, message: &str, code: &str) -> String {
    envelope(message, code, &format!(r#","{key}":"{message}""#))
}

/// Sends a form to a route.
async fn send(shop: &Shop, path: &str, content_type: &str, body: &str) -> Answer {
    let length = body.len();
    let lines = format!("content-type: {content_type}\r\ncontent-length: {length}\r\n{ID}");
    shop.ask(&format!("POST {path} HTTP/1.1\r\n{lines}"), body).await
}

#[tokio::test]
async fn every_error_of_the_core_has_its_text() {
    let shop = Shop::open();
    for (code, status, text) in [
        (ErrorCode::InvalidRequest, 400, envelope("invalid request", "invalid_request", "")),
        (ErrorCode::EmailTaken, 400, envelope("email already exists", "email_taken", "")),
        (ErrorCode::InvalidLogin, 401, envelope("invalid request", "invalid_login", "")),
        (ErrorCode::LoginFailed, 401, envelope("login failed", "login_failed", "")),
        (ErrorCode::TokenMissing, 401, repeated("error", "missing authorization token", "token_missing")),
        (ErrorCode::TokenInvalid, 401, repeated("error", "invalid authorization token", "token_invalid")),
        (ErrorCode::Forbidden, 403, envelope("forbidden access", "forbidden", "")),
        (ErrorCode::UserNotFound, 404, envelope("user not found", "user_not_found", "")),
        (ErrorCode::RateLimited, 429, repeated("message", "rate limit exceeded", "rate_limited")),
        (
            ErrorCode::LoginThrottled,
            429,
            repeated("message", "too many failed logins for this account, try again later", "login_throttled"),
        ),
        (ErrorCode::Internal, 500, repeated("message", "Internal Server Error", "internal")),
        (ErrorCode::Overloaded, 503, repeated("message", "the server is busy, try again shortly", "overloaded")),
        (ErrorCode::Unavailable, 503, repeated("message", "Service Unavailable", "unavailable")),
        (ErrorCode::DeadlineExceeded, 503, repeated("message", "deadline exceeded", "deadline_exceeded")),
    ] {
        shop.set_storage_behavior(StorageBehavior::Fail(code));
        let answer = shop.profile(ID).await;
        assert_eq!((answer.status, answer.text()), (status, text.as_str()));
    }
}

#[tokio::test]
async fn every_error_of_http_has_its_text() {
    let shop = Shop::open();
    let long = format!("GET /{} HTTP/1.1\r\n{ID}", "x".repeat(3_000));
    let too_large = format!("POST /users/login HTTP/1.1\r\ncontent-length: 99999999\r\n{ID}");
    let wrong_type = r#","errors":[{"field":"password","code":"wrong_type","message":"password must be a string"}]"#;
    for (answer, status, text) in [
        (
            send(&shop, "/users/login", "application/json", "{").await,
            400,
            envelope("malformed request body", "malformed_body", ""),
        ),
        (
            send(&shop, "/users/login", "application/json", r#"{"password":12345678}"#).await,
            400,
            envelope("password must be a string", "invalid_request", wrong_type),
        ),
        (
            shop.ask(&format!("GET / HTTP/1.1\r\n{ID}"), "").await,
            404,
            repeated("message", "Not Found", "route_not_found"),
        ),
        (
            shop.ask(&format!("PUT /users/login HTTP/1.1\r\n{ID}"), "").await,
            405,
            repeated("message", "Method Not Allowed", "method_not_allowed"),
        ),
        (shop.ask(&too_large, "").await, 413, repeated("message", "Request Entity Too Large", "body_too_large")),
        (shop.ask(&long, "").await, 414, repeated("message", "URI Too Long", "uri_too_long")),
        (
            send(&shop, "/users/login", "text/plain", "x").await,
            415,
            repeated("message", "Unsupported Media Type", "unsupported_media_type"),
        ),
    ] {
        assert_eq!((answer.status, answer.text()), (status, text.as_str()));
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_has_its_text() {
    let shop = Shop::open_with(Options { body_timeout: Duration::from_millis(200), ..Options::default() });
    let lines = format!("content-type: application/json\r\ncontent-length: 9\r\n{ID}");
    for (accept, content_type, text) in [
        ("", "application/json", repeated("message", "Request Timeout", "body_timeout")),
        (
            "accept: application/problem+json\r\n",
            "application/problem+json",
            concat!(
                r#"{"type":"urn:gocommerce:error:body_timeout","title":"Request Timeout","status":408,"#,
                r#""detail":"Request Timeout","instance":"urn:gocommerce:request:r1","code":"body_timeout","#,
                r#""request_id":"r1"}"#
            )
            .to_owned(),
        ),
    ] {
        let mut connection = shop.connect().await;
        connection.send(request(&format!("POST /users/login HTTP/1.1\r\n{lines}{accept}"), b"{")).await;
        let answer = connection.answer(false).await;
        assert_eq!((answer.status, answer.header("content-type"), answer.text()), (408, Some(content_type), &*text));
    }
}

#[tokio::test]
async fn all_violations_are_told_in_the_order_of_the_fields() {
    let shop = Shop::open();
    let answer = send(&shop, "/users/register", "application/json", "{}").await;
    let fields = ["name", "email", "role", "password", "confirm_password"];
    let wrong =
        fields.map(|field| format!(r#"{{"field":"{field}","code":"empty","message":"{field} is empty"}}"#)).join(",");
    let expected = envelope("name is empty", "invalid_request", &format!(r#","errors":[{wrong}]"#));
    assert_eq!((answer.status, answer.text()), (400, expected.as_str()));
}

/// Whoever has no account and whoever has no right to one see the same.
#[tokio::test]
async fn an_account_of_another_looks_like_none() {
    let shop = Shop::open();
    let expected = envelope("forbidden access", "forbidden", "");
    for id in ["0198c5f0-0000-7000-8000-000000000002", "nonsense"] {
        let head = profile_head(ID).replacen(test_doubles::OWNER, id, 1);
        let answer = shop.ask(&head, "").await;
        assert_eq!((answer.status, answer.text()), (403, expected.as_str()), "{id}");
    }
}
