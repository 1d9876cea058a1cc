//! Products: what only the wire shows of them. What the shop promises is tested with real parts, in `acceptance`.

use crate::client::Answer;
use crate::shop::Shop;
use serde_json::Value;
use test_doubles::{OTHER_SELLER_TOKEN, SELLER, SELLER_TOKEN, StorageBehavior, TOKEN};

const DESK: &str = r#"{"name":"Oak desk","description":"Solid.","price":"1250000.50","stock":3}"#;

/// A request of a seller, with more lines in its head and a body of JSON.
async fn ask(shop: &Shop, line: &str, lines: &str, body: &str) -> Answer {
    ask_as(shop, SELLER_TOKEN, line, lines, body).await
}

async fn ask_as(shop: &Shop, token: &str, line: &str, lines: &str, body: &str) -> Answer {
    let kind = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    shop.ask(&format!("{line} HTTP/1.1\r\nauthorization: Bearer {token}\r\n{kind}{lines}"), body).await
}

async fn create(shop: &Shop, body: &str) -> Answer {
    ask(shop, "POST /products", "", body).await
}

fn id(answer: &Answer) -> String {
    answer.json()["results"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_product_looks_as_clients_know_it() {
    let shop = Shop::open();
    let made = create(&shop, DESK).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("etag"), Some("\"1\""));
    let id = id(&made);
    assert_eq!(made.header("location"), Some(format!("/products/{id}").as_str()));
    let time = made.json()["results"]["created_at"].as_str().unwrap().to_owned();
    assert_eq!(time.len(), "2026-01-31T09:26:53.589793Z".len());
    let results = format!(
        r#"{{"id":"{id}","user_id":"{SELLER}","name":"Oak desk","description":"Solid.","price":"1250000.5","stock":3,"image_url":"","created_at":"{time}","updated_at":"{time}"}}"#
    );
    let meta = |message: &str| format!(r#"{{"meta":{{"success":true,"message":"{message}"}},"results":{results}}}"#);
    assert_eq!(made.text(), meta("data created successfully"));
    assert_eq!(shop.get(&format!("/products/{id}")).await.text(), meta("data retrieved successfully"));
    let kept = ask(&shop, &format!("PUT /products/{id}"), "", "{}").await;
    assert_eq!(kept.text(), meta("data updated successfully"), "what is absent stays as it is");
    let gone = ask(&shop, &format!("DELETE /products/{id}"), "", "").await;
    assert_eq!(gone.text(), r#"{"meta":{"success":true,"message":"product successfully deleted"}}"#);
    assert_eq!(shop.get(&format!("/products/{id}")).await.error(), (404, "product_not_found".to_owned()));
}

#[tokio::test]
async fn a_number_is_judged_by_its_own_text() {
    let shop = Shop::open();
    for (price, shown) in [
        ("9999999999999.99", "9999999999999.99"),
        ("\"9999999999999.99\"", "9999999999999.99"),
        ("0.10", "0.1"),
        ("10.000", "10"),
        ("10.50000", "10.5"),
        ("425.000", "425"),
        ("1", "1"),
        ("1.0", "1"),
        ("1E+3", "1000"),
        ("1e3", "1000"),
        ("1e-2", "0.01"),
        ("1.5e1", "15"),
        ("0.1e1", "1"),
        ("10e-1", "1"),
        ("999999999999999e-2", "9999999999999.99"),
        ("9.99999999999999E+012", "9999999999999.99"),
        ("1000000000000000000000000e-24", "1"),
    ] {
        let made = create(&shop, &format!(r#"{{"name":"a","description":"b","price":{price},"stock":"7"}}"#)).await;
        assert_eq!(made.json()["results"]["price"], Value::from(shown), "{price}");
        assert_eq!(made.json()["results"]["stock"], Value::from(7));
    }
    for price in [
        "\"1e3\"",
        "\"1E+3\"",
        "0.001",
        "1e-7",
        "1e-3",
        "0.30000000000000004",
        "99999999999999999999",
        "1e13",
        "1e400",
        "1e999999999",
        "1e-999999999",
        "1e99999999999999999999999999",
    ] {
        let refused = create(&shop, &format!(r#"{{"name":"a","description":"b","price":{price},"stock":1}}"#)).await;
        assert_eq!(refused.json()["meta"]["message"], "price is empty or invalid", "{price}");
    }
    for (stock, pieces) in
        [("1.0", 1), ("1e0", 1), ("1e1", 10), ("120E-1", 12), ("-0", 0), ("-0.0", 0), ("0e999999999", 0)]
    {
        let made = create(&shop, &format!(r#"{{"name":"a","description":"b","price":1.0,"stock":{stock}}}"#)).await;
        assert_eq!((made.status, &made.json()["results"]["stock"]), (201, &Value::from(pieces)), "{stock}");
    }
    for stock in ["\"1.0\"", "\"1e0\"", "0.5", "1e-1", "1e10", "1e999999999", "2147483648.0"] {
        let refused = create(&shop, &format!(r#"{{"name":"a","description":"b","price":1.0,"stock":{stock}}}"#)).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{stock}");
        assert_eq!(refused.json()["errors"][0]["field"], "stock", "{stock}");
    }
}

#[tokio::test]
async fn a_number_of_another_type_is_named() {
    let shop = Shop::open();
    for (field, value) in [("price", "true"), ("stock", "[1]"), ("price", r#"{"amount":1}"#), ("stock", "{}")] {
        let refused = create(&shop, &format!(r#"{{"name":"a","{field}":{value}}}"#)).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{field} {value}");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{value}");
        assert_eq!(refused.json()["errors"][0]["code"], "wrong_type");
        let message = format!("{field} must be a number, or a string that holds one");
        assert!(value.starts_with('{') || refused.json()["meta"]["message"] == message.as_str(), "{refused:?}");
    }
    let refused = create(&shop, r#"{"name":5}"#).await;
    assert_eq!(refused.json()["meta"]["message"], "name must be a string");
}

#[tokio::test]
async fn a_change_waits_for_the_version_that_its_client_knows() {
    let shop = Shop::open();
    let one = format!("/products/{}", id(&create(&shop, DESK).await));
    let put = format!("PUT {one}");
    for lost in ["\"2\"", "W/\"2\"", "1", "\"0\", \"3\"", "\u{e9}"] {
        let refused = ask(&shop, &put, &format!("if-match: {lost}\r\n"), r#"{"stock":9}"#).await;
        assert_eq!(refused.error(), (412, "product_changed".to_owned()), "{lost}");
    }
    for (known, now) in
        [("\"1\"", "\"2\""), ("\"1\", W/\"2\"", "\"3\""), ("\"1\"\r\nif-match: \"3-gzip\"", "\"4\""), ("*", "\"5\"")]
    {
        let changed = ask(&shop, &put, &format!("if-match: {known}\r\n"), r#"{"stock":9}"#).await;
        assert_eq!((changed.status, changed.header("etag")), (200, Some(now)), "{known}");
    }
    let refused = ask(&shop, &format!("DELETE {one}"), "if-match: \"1\"\r\n", "").await;
    assert_eq!(refused.error(), (412, "product_changed".to_owned()));
    assert_eq!(ask(&shop, &format!("DELETE {one}"), "if-match: \"5\"\r\n", "").await.status, 200);
}

#[tokio::test]
async fn a_client_that_has_the_product_gets_no_second_one() {
    let shop = Shop::open();
    let one = format!("/products/{}", id(&create(&shop, DESK).await));
    for method in ["GET", "HEAD"] {
        for known in ["\"1\"", "W/\"1\"", "\"1-gzip\"", "*", "\"7\", \"1\""] {
            let answer = ask(&shop, &format!("{method} {one}"), &format!("if-none-match: {known}\r\n"), "").await;
            assert_eq!((answer.status, answer.header("etag")), (304, Some("\"1\"")), "{method} {known}");
            assert!(answer.body.is_empty());
        }
        let answer = ask(&shop, &format!("{method} {one}"), "if-none-match: \"2\"\r\n", "").await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-cache")));
    }
}

#[tokio::test]
async fn strangers_are_refused_in_the_order_of_the_contract() {
    let shop = Shop::open();
    let one = format!("/products/{}", id(&create(&shop, DESK).await));
    let unknown = "/products/0198c5f0-0000-7000-8000-00000000ffff";
    for (token, path, expected) in [
        ("nobody's", one.as_str(), (401, "token_invalid")),
        (TOKEN, unknown, (403, "role_not_allowed")),
        (OTHER_SELLER_TOKEN, unknown, (404, "product_not_found")),
        (OTHER_SELLER_TOKEN, "/products/1", (404, "product_not_found")),
        (OTHER_SELLER_TOKEN, one.as_str(), (403, "forbidden")),
        (SELLER_TOKEN, one.as_str(), (400, "invalid_request")),
    ] {
        let refused = ask_as(&shop, token, &format!("PUT {path}"), "if-match: \"9\"\r\n", r#"{"price":"-1"}"#).await;
        assert_eq!(refused.error(), (expected.0, expected.1.to_owned()), "{token} {path}");
    }
    let buyer = ask_as(&shop, TOKEN, "POST /products", "", DESK).await;
    assert_eq!(buyer.json()["meta"]["message"], "not authorized to access this resource");
}

#[tokio::test]
async fn a_list_is_followed_to_its_end() {
    let shop = Shop::open();
    for number in 0..7 {
        let body = format!(r#"{{"name":"Chair {number}","description":"b","price":{},"stock":1}}"#, 10 + number % 3);
        assert_eq!(create(&shop, &body).await.status, 201);
    }
    create(&shop, DESK).await;
    for start in ["/products?limit=3&q=CHAIR&sort=-price", "/products/?page=1&limit=3&sort=-price&q=chair&other=x"] {
        let (mut next, mut names, mut pages) = (Some(start.to_owned()), Vec::new(), Vec::new());
        while let Some(path) = next {
            let answer = shop.get(&path).await;
            let json = answer.json();
            names.extend(json["results"].as_array().unwrap().iter().map(|product| product["name"].to_string()));
            pages.push(json["meta"].to_string());
            next = answer.header("link").map(|link| {
                let (path, relation) = link.strip_prefix('<').unwrap().split_once(">; ").unwrap();
                assert_eq!(relation, "rel=\"next\"");
                assert!(path.starts_with('?'), "it holds at every address of the list: {path}");
                format!("/products{path}")
            });
        }
        assert_eq!(names.len(), 7, "{names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 7, "one came twice");
        let meta = |page, next, previous| {
            format!(
                r#"{{"success":true,"message":"data retrieved successfully","current_page":{page},"total_pages":3,"total_items":7,"items_per_page":3,"has_next_page":{next},"has_previous_page":{previous}}}"#
            )
        };
        assert_eq!(pages, [meta(1, true, false), meta(2, true, true), meta(3, false, true)].map(sorted));
    }
}

/// The keys of a JSON text in the order in which `serde_json` keeps them.
fn sorted(json: String) -> String {
    serde_json::from_str::<Value>(&json).unwrap().to_string()
}

#[tokio::test]
async fn a_lists_meta_has_its_keys_in_order() {
    let answer = Shop::open().get("/products").await;
    assert_eq!(
        answer.text(),
        r#"{"meta":{"success":true,"message":"data retrieved successfully","current_page":1,"total_pages":0,"total_items":0,"items_per_page":100,"has_next_page":false,"has_previous_page":false},"results":[]}"#
    );
    assert_eq!(answer.header("link"), None);
}

#[tokio::test]
async fn a_bad_query_is_refused() {
    let shop = Shop::open();
    for query in ["limit=1&limit=2", "q=%FF", "%C3=1"] {
        assert_eq!(
            shop.get(&format!("/products?{query}")).await.error(),
            (400, "malformed_query".to_owned()),
            "{query}"
        );
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("page=0", "page"),
        ("page=10001", "page"),
        ("sort=random", "sort"),
        ("cursor=abc", "cursor"),
        ("seller=me", "seller"),
        ("min_price=-1", "min_price"),
        ("max_price=1e3", "max_price"),
    ] {
        let refused = shop.get(&format!("/products?{query}")).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{query}");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{query}");
    }
    assert_eq!(shop.get("/products?unknown=1&&=").await.status, 200);
}

#[tokio::test]
async fn a_store_that_fails_is_a_bad_gateway() {
    let shop = Shop::open();
    shop.set_storage_behavior(StorageBehavior::Fail(domain::error::ErrorCode::ImageStoreFailed));
    let refused = create(&shop, DESK).await;
    assert_eq!(refused.error(), (502, "image_store_failed".to_owned()));
    assert_eq!(refused.json()["meta"]["message"], "failed to upload image");
    assert_eq!(refused.json().get("message"), None);
}
