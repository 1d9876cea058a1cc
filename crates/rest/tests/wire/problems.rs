//! Problem details (RFC 9457).

use crate::shop::{ADA, Shop, profile_head};
use domain::error::ErrorCode;
use test_doubles::{PANIC_TOKEN, SECRET, StorageBehavior};

const ACCEPT: &str = "accept: application/problem+json\r\nx-request-id: r1\r\n";

#[tokio::test]
async fn a_problem_has_its_members_in_order() {
    let shop = Shop::open();
    let answer = shop.ask(&format!("POST /users/login HTTP/1.1\r\n{ACCEPT}"), "").await;
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let expected = concat!(
        r#"{"type":"urn:gocommerce:error:invalid_login","title":"Unauthorized","status":401,"detail":"email is empty","#,
        r#""instance":"urn:gocommerce:request:r1","code":"invalid_login","request_id":"r1","errors":["#,
        r#"{"field":"email","code":"empty","message":"email is empty"},"#,
        r#"{"field":"password","code":"empty","message":"password is empty"}]}"#
    );
    assert_eq!((answer.status, answer.text()), (401, expected));
}

#[tokio::test]
async fn errors_of_all_layers_come_as_problems() {
    let shop = Shop::open();
    let mut answers = vec![
        (401, shop.ask(&format!("GET /users/1 HTTP/1.1\r\n{ACCEPT}"), "").await),
        (404, shop.ask(&format!("GET /nonsense HTTP/1.1\r\n{ACCEPT}"), "").await),
        (405, shop.ask(&format!("TRACE /users/1 HTTP/1.1\r\n{ACCEPT}"), "").await),
        (413, shop.ask(&format!("POST /users/login HTTP/1.1\r\ncontent-length: 9999999\r\n{ACCEPT}"), "").await),
        (414, shop.ask(&format!("GET /{} HTTP/1.1\r\n{ACCEPT}", "x".repeat(3_000)), "").await),
        (415, shop.ask(&format!("POST /users/login HTTP/1.1\r\ncontent-length: 1\r\n{ACCEPT}"), "x").await),
        (500, shop.ask(&format!("GET /users/1 HTTP/1.1\r\nauthorization: {PANIC_TOKEN}\r\n{ACCEPT}"), "").await),
    ];
    shop.set_storage_behavior(StorageBehavior::Fail(ErrorCode::Unavailable));
    answers.push((503, shop.ask(&profile_head(ACCEPT), "").await));
    for (status, answer) in answers {
        let body = answer.json();
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        assert_eq!((answer.status, &body["status"], &body["request_id"]), (status, &status.into(), &"r1".into()));
        assert!(body["code"].is_string() && body.get("meta").is_none(), "{body}");
    }
}

#[tokio::test]
async fn every_code_of_the_core_comes_as_a_problem() {
    let shop = Shop::open();
    let length = ADA.len();
    let lines = format!("content-type: application/json\r\ncontent-length: {length}\r\n{ACCEPT}");
    for &code in ErrorCode::ALL {
        shop.set_storage_behavior(StorageBehavior::Fail(code));
        let answer = shop.ask(&format!("POST /users/register HTTP/1.1\r\n{lines}"), ADA).await;
        let body = answer.json();
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        assert_eq!((answer.status, body["code"].as_str()), (rest::status(code), Some(code.as_str())));
        assert_eq!(body["type"], format!("urn:gocommerce:error:{code}"));
        assert!(!answer.text().contains(SECRET), "{answer:?}");
    }
}

#[tokio::test]
async fn a_success_and_who_does_not_ask_get_json() {
    let shop = Shop::open();
    assert_eq!(shop.profile(ACCEPT).await.header("content-type"), Some("application/json"));
    for accept in ["*/*", "application/json", "application/problem+json;q=0.5, application/json", "text/html"] {
        let answer = shop.ask(&format!("GET /nonsense HTTP/1.1\r\naccept: {accept}\r\n"), "").await;
        assert_eq!(answer.header("content-type"), Some("application/json"), "{accept}");
    }
}
