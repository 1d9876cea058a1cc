//! Accounts as they stand on the wire, letter by letter.

use crate::shop::{ADA, Shop};
use test_doubles::OWNER;

#[tokio::test]
async fn an_account_is_opened() {
    let shop = Shop::open();
    let answer = shop.register(ADA).await;
    let id = answer.json()["results"]["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 36);
    let expected = format!(
        r#"{{"meta":{{"success":true,"message":"register successfully"}},"results":{{"id":"{id}","role":"buyer","email":"ada@example.com"}}}}"#
    );
    assert_eq!((answer.status, answer.text()), (201, expected.as_str()));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(*shop.ports.added.lock().unwrap(), ["Ada"]);
}

#[tokio::test]
async fn a_user_logs_in() {
    let shop = Shop::open();
    let form = r#"{"email":"ada@example.com","password":"correct horse"}"#;
    let answer = shop.post("/users/login", "application/json", form).await;
    let id = answer.json()["results"]["id"].as_str().unwrap().to_owned();
    let expected = format!(
        r#"{{"meta":{{"success":true,"message":"logged in successfully"}},"results":{{"id":"{id}","role":"buyer","token":"good"}}}}"#
    );
    assert_eq!((answer.status, answer.text()), (200, expected.as_str()));
}

#[tokio::test]
async fn an_owner_sees_the_account() {
    let answer = Shop::open().profile("").await;
    let expected = format!(
        r#"{{"meta":{{"success":true,"message":"data retrieved successfully"}},"results":{{"id":"{OWNER}","name":"Ada \"<é>\"","email":"ada@example.com","role":"buyer"}}}}"#
    );
    assert_eq!((answer.status, answer.text()), (200, expected.as_str()));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn errors_have_their_keys_in_order() {
    let shop = Shop::open();
    let id = "x-request-id: r1\r\n";
    let asked = [
        (
            shop.ask(&format!("GET /users/{OWNER} HTTP/1.1\r\n{id}"), "").await,
            401,
            r#"{"meta":{"success":false,"message":"missing authorization token","code":"token_missing","request_id":"r1"},"error":"missing authorization token"}"#,
        ),
        (
            shop.ask(&format!("GET /users/{OWNER} HTTP/1.1\r\nauthorization: Bearer bad\r\n{id}"), "").await,
            401,
            r#"{"meta":{"success":false,"message":"invalid authorization token","code":"token_invalid","request_id":"r1"},"error":"invalid authorization token"}"#,
        ),
        (
            shop.ask(&format!("GET /users/1 HTTP/1.1\r\nauthorization: good\r\n{id}"), "").await,
            403,
            r#"{"meta":{"success":false,"message":"forbidden access","code":"forbidden","request_id":"r1"}}"#,
        ),
        (
            shop.ask(&format!("GET /nonsense HTTP/1.1\r\n{id}"), "").await,
            404,
            r#"{"meta":{"success":false,"message":"Not Found","code":"route_not_found","request_id":"r1"},"message":"Not Found"}"#,
        ),
        (
            shop.ask(&format!("POST /users/login HTTP/1.1\r\n{id}"), "").await,
            401,
            r#"{"meta":{"success":false,"message":"email is empty","code":"invalid_login","request_id":"r1"},"errors":[{"field":"email","code":"empty","message":"email is empty"},{"field":"password","code":"empty","message":"password is empty"}]}"#,
        ),
    ];
    for (answer, status, body) in asked {
        assert_eq!((answer.status, answer.text()), (status, body));
    }
}

/// RFC 6750 §3; no reason is told.
#[tokio::test]
async fn a_token_that_is_missing_or_refused_gets_a_challenge() {
    let shop = Shop::open();
    let with = async |line: &[u8]| {
        let head = format!("GET /users/{OWNER} HTTP/1.1\r\n");
        let mut connection = shop.connect().await;
        connection.send([head.as_bytes(), line, b"host: shop.example\r\n\r\n"].concat()).await;
        connection.answer(false).await
    };
    for (line, challenge) in [
        (&b""[..], "Bearer"),
        (b"authorization: \r\n", "Bearer"),
        (b"authorization: Bearer\r\n", "Bearer"),
        (b"authorization: Bearer bad\r\n", "Bearer error=\"invalid_token\""),
        (b"authorization: Bearer \xff\r\n", "Bearer error=\"invalid_token\""),
        (b"authorization: Basic Z29vZA==\r\n", "Bearer error=\"invalid_token\""),
    ] {
        let answer = with(line).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some(challenge)), "{line:?}");
    }
    let too_long = format!("authorization: {}\r\n", "x".repeat(4_097));
    assert_eq!(with(too_long.as_bytes()).await.error(), (401, "token_invalid".to_owned()));
    for line in [&b"authorization: bEaReR good\r\n"[..], b"authorization: good\r\n"] {
        assert_eq!(with(line).await.status, 200, "{line:?}");
    }
}
