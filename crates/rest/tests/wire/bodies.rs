//! What a body may be, and what not.

use crate::shop::{ADA, Shop, chunked};
use serde_json::{Value, json};

const FORM: &str = "application/x-www-form-urlencoded";

fn fields(body: &Value) -> Vec<&str> {
    body["errors"].as_array().unwrap().iter().map(|wrong| wrong["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn json_and_forms_open_the_same_account() {
    let shop = Shop::open();
    let form = "name=%C3%85d%C3%A4+%26+Co&email=ada%40example.com&role=buyer&password=correct+horse&confirm_password=correct%20horse";
    assert_eq!(shop.post("/users/register", FORM, form).await.status, 201);
    assert_eq!(shop.register(ADA.replace("Ada", "Ådä & Co")).await.status, 201);
    let typed = shop.post("/users/register", "Application/JSON ; Charset=\"UTF-8\"", ADA).await;
    assert_eq!(typed.status, 201);
    assert_eq!(*shop.ports.added.lock().unwrap(), ["Ådä & Co", "Ådä & Co", "Ada"]);
}

#[tokio::test]
async fn an_empty_body_is_all_fields_empty() {
    let shop = Shop::open();
    let all = ["name", "email", "role", "password", "confirm_password"];
    let asked = [
        shop.ask("POST /users/register HTTP/1.1\r\n", "").await,
        shop.ask("POST /users/register HTTP/1.1\r\ncontent-type: text/plain\r\n", "").await,
        shop.register("").await,
        shop.register(" \r\n\t").await,
        shop.register("{}").await,
        shop.register(r#"{"name":null,"email":"","other":null}"#).await,
        shop.post("/users/register", FORM, "").await,
        shop.post("/users/register", FORM, "name=&other").await,
        shop.register("\u{feff}").await,
        shop.register("\u{feff} {}").await,
        shop.post("/users/register", FORM, "\u{feff}").await,
        shop.post("/users/register", "text/plain", "\u{feff}").await,
    ];
    for answer in asked {
        assert_eq!((answer.status, fields(&answer.json())), (400, all.to_vec()), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_not_json_is_malformed_on_every_route() {
    let shop = Shop::open();
    let deep = format!("{{\"other\":{}{}}}", "[".repeat(128), "]".repeat(128));
    for body in [
        &b"{"[..],
        b"nonsense",
        b"[]",
        b"[\"Ada\"]",
        b"null",
        b"\"text\"",
        b"{\"name\":}",
        b"{\"name\":\"a\",}",
        b"{\"name\":\"\xff\"}",
        b"{} {}",
        b"{\"name\":\"\\ud800\"}",
        b"{\"other\":NaN}",
        b"{\"email\":\"a\",\"email\":\"b\"}",
        b"{\"email\":\"a\",\"\\u0065mail\":\"b\"}",
        b"{\"other\":1,\"other\":1}",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b" \xef\xbb\xbf{}",
        b"{\xef\xbb\xbf}",
        b"\xef\xbb{}",
        b"\xff\xfe{\0}\0",
        deep.as_bytes(),
    ] {
        for route in ["/users/register", "/users/login"] {
            let answer = shop.post(route, "application/json", body).await;
            assert_eq!(answer.error(), (400, "malformed_body".to_owned()), "{}", String::from_utf8_lossy(body));
        }
    }
    let less_deep = format!("{{\"other\":{}{}}}", "[".repeat(126), "]".repeat(126));
    assert_eq!(shop.register(less_deep).await.error(), (400, "invalid_request".to_owned()));
}

/// RFC 8259 §8.1; Windows' editors and some of its libraries write one.
#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_ignored() {
    let shop = Shop::open();
    assert_eq!(shop.register(format!("\u{feff}{ADA}")).await.status, 201);
    let form = "name=Ada&email=ada%40example.com&role=buyer&password=correct+horse&confirm_password=correct+horse";
    assert_eq!(shop.post("/users/register", FORM, format!("\u{feff}{form}")).await.status, 201);
    assert_eq!(*shop.ports.added.lock().unwrap(), ["Ada", "Ada"]);
}

#[tokio::test]
async fn a_field_of_another_type_is_named() {
    let shop = Shop::open();
    for value in ["1", "1.5", "true", "[]", "{\"first\":\"Ada\"}"] {
        let answer = shop.register(ADA.replace("\"Ada\"", value)).await;
        let body = answer.json();
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{body}");
        let wrong = json!([{ "field": "name", "code": "wrong_type", "message": "name must be a string" }]);
        assert_eq!(body["errors"], wrong);
        assert_eq!(body["meta"]["message"], wrong[0]["message"]);
    }
}

#[tokio::test]
async fn fields_that_are_not_asked_for_change_nothing() {
    let shop = Shop::open();
    let more = format!("{{\"id\":7,\"is_admin\":{{\"a\":[1,null]}},{}", ADA.trim_start_matches('{'));
    assert_eq!(shop.register(more).await.status, 201);
}

#[tokio::test]
async fn a_form_is_utf8_and_names_a_field_once() {
    let shop = Shop::open();
    for body in [&b"name=%FF"[..], b"name=\xff", b"email=a&email=b"] {
        let answer = shop.post("/users/register", FORM, body).await;
        assert_eq!(answer.error(), (400, "malformed_body".to_owned()), "{body:?}");
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_not_read() {
    let shop = Shop::open();
    let length = ADA.len();
    for lines in [
        "",
        "content-type: text/plain\r\n",
        "content-type: text/json\r\n",
        "content-type: nonsense\r\n",
        "content-type: application/json; charset=iso-8859-1\r\n",
        "content-type: application/json\r\ncontent-encoding: gzip\r\n",
    ] {
        let head = format!("POST /users/register HTTP/1.1\r\ncontent-length: {length}\r\n{lines}");
        let answer = shop.ask(&head, ADA).await;
        assert_eq!(answer.error(), (415, "unsupported_media_type".to_owned()), "{lines}");
        assert_eq!(answer.json()["message"], json!("Unsupported Media Type"));
    }
    assert!(shop.ports.added.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_may_come_in_chunks() {
    let shop = Shop::open();
    for size in [1, 7, 4_096] {
        let head = "POST /users/register HTTP/1.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n";
        assert_eq!(shop.ask(head, chunked(ADA.as_bytes(), size)).await.status, 201, "chunks of {size}");
    }
}
