//! Payments: what only the wire shows of them. What the shop promises is tested with real parts, in `acceptance`.

use crate::orders::{ask, desk, id, order, payment, read, two_of};
use crate::shop::{Shop, chunked};
use app::clock::{Clock, SystemClock};
use domain::error::ErrorCode;
use domain::payment::TransactionStatus;
use rest::Options;
use serde_json::Value;
use std::time::Duration;
use test_doubles::{GatewayBehavior, OTHER_SELLER_TOKEN, OWNER, SECRET, SELLER, SELLER_TOKEN, StorageBehavior, TOKEN};

#[tokio::test]
async fn a_payment_looks_as_clients_know_it() {
    let shop = Shop::open();
    let product = desk(&shop).await;
    let made = order(&shop, "", &two_of(&product)).await;
    assert_eq!(made.status, 201);
    let id = id(&made);
    assert_eq!(made.header("location"), Some(format!("/payments/{id}").as_str()));
    let told = &made.json()["results"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (code, created, updated) = (text(&told["payment_code"]), text(&told["created_at"]), text(&told["updated_at"]));
    let (offered, changed) = (text(&told["product"]["created_at"]), text(&told["product"]["updated_at"]));
    assert_eq!(created.len(), "2026-01-31T09:26:53.589793Z".len());
    let results = |url: &str, token: &str| {
        format!(
            concat!(
                r#"{{"id":"{id}","product_id":"{product}","user_id":"{buyer}","payment_code":"{code}","quantity":2,"#,
                r#""total_amount":"20001","status":"pending","payment_url":"{url}","token":"{token}","#,
                r#""created_at":"{created}","updated_at":"{updated}","product":{{"id":"{product}","user_id":"{seller}","#,
                r#""name":"Oak desk","description":"Solid.","price":"10000.5","stock":3,"image_url":"","#,
                r#""created_at":"{offered}","updated_at":"{changed}"}}}}"#,
            ),
            id = id,
            product = product,
            buyer = OWNER,
            seller = SELLER,
            code = code,
            url = url,
            token = token,
            created = created,
            updated = updated,
            offered = offered,
            changed = changed,
        )
    };
    let answer = |message: &str, results: String| {
        format!(r#"{{"meta":{{"success":true,"message":"{message}"}},"results":{results}}}"#)
    };
    let page = format!("page-of-{id}");
    let own = results(&format!("https://gateway.example/{page}"), &page);
    assert_eq!(made.text(), answer("payment created successfully", own.clone()));
    let path = format!("/payments/{id}");
    assert_eq!(read(&shop, TOKEN, &path).await.text(), answer("Payment retrieved successfully", own));
    let sold = read(&shop, SELLER_TOKEN, &path).await;
    assert_eq!(sold.text(), answer("Payment retrieved successfully", results("", "")), "the page is the buyer's");
    assert_eq!(read(&shop, TOKEN, &format!("{path}/")).await.status, 200);
}

#[tokio::test]
async fn only_what_needs_attention_says_so() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let path = format!("/payments/{id}");
    shop.ports.payments.set_status(&id, TransactionStatus::Expire, SystemClock.now());
    let late = read(&shop, TOKEN, &path).await;
    assert_eq!(late.json()["results"]["status"], "expire");
    assert!(!late.text().contains("needs_attention"), "{}", late.text());
    shop.ports.payments.set_status(&id, TransactionStatus::Settlement, SystemClock.now());
    let paid = read(&shop, TOKEN, &path).await;
    assert_eq!(paid.json()["results"]["status"], "success");
    assert!(paid.text().ends_with(r#"},"needs_attention":true}}"#), "{}", paid.text());
}

#[tokio::test]
async fn an_order_is_refused_in_the_order_of_the_contract() {
    let shop = Shop::open();
    let desk = desk(&shop).await;
    let stranger = shop.post("/payments", "application/json", "{}").await;
    assert_eq!(stranger.error(), (401, "token_missing".to_owned()));
    assert_eq!(stranger.json()["error"], "missing authorization token");
    for (token, status, message) in
        [("forged", 401, "invalid authorization token"), (SELLER_TOKEN, 403, "not authorized to access this resource")]
    {
        let refused = ask(&shop, token, "POST /payments", "", "{").await;
        assert_eq!((refused.status, &refused.json()["meta"]["message"]), (status, &Value::from(message)));
    }
    let nobodys = "0198c5f0-0000-7000-8000-00000000000f";
    for (body, status, code, message) in [
        ("{".to_owned(), 400, "malformed_body", "malformed request body"),
        ("{}".to_owned(), 400, "invalid_request", "product_id is empty"),
        (String::new(), 400, "invalid_request", "product_id is empty"),
        (format!(r#"{{"product_id":"{desk}"}}"#), 400, "invalid_request", "quantity is empty"),
        (format!(r#"{{"product_id":"{desk}","quantity":0}}"#), 400, "invalid_request", "quantity is empty"),
        (two_of("teapot"), 400, "ordered_product_not_found", "product not found"),
        (two_of(nobodys), 400, "ordered_product_not_found", "product not found"),
        (format!(r#"{{"product_id":"{desk}","quantity":6}}"#), 400, "insufficient_stock", "insufficient stock"),
        (
            format!(r#"{{"product_id":"{desk}","quantity":1}}"#),
            400,
            "invalid_request",
            "the total of 10000.5 cannot be paid: it must be whole rupiah; choose another quantity",
        ),
    ] {
        let refused = order(&shop, "", &body).await;
        assert_eq!(refused.error(), (status, code.to_owned()), "{body}");
        assert_eq!(refused.json()["meta"]["message"], message, "{body}");
    }
    let both = order(&shop, "", "{}").await.json();
    let fields: Vec<_> = both["errors"].as_array().unwrap().iter().map(|wrong| &wrong["field"]).collect();
    assert_eq!(fields, ["product_id", "quantity"]);
    assert_eq!(shop.ports.payments.count(), 0);
}

#[tokio::test]
async fn a_gateway_that_opens_no_page_is_a_bad_gateway_and_tells_nothing_of_itself() {
    for behavior in [GatewayBehavior::Refuse, GatewayBehavior::Fail, GatewayBehavior::Unknown] {
        let shop = Shop::open();
        let product = desk(&shop).await;
        *shop.ports.payments.gateway.lock().unwrap() = behavior;
        let refused = order(&shop, "", &two_of(&product)).await;
        assert_eq!(refused.error(), (502, "gateway_failed".to_owned()), "{behavior:?}");
        assert_eq!(refused.json()["meta"]["message"], "payment gateway unavailable");
        assert!(!refused.text().contains(SECRET) && refused.json().get("message").is_none(), "{}", refused.text());
    }
    let shop = Shop::open();
    let product = desk(&shop).await;
    *shop.ports.payments.gateway.lock().unwrap() = GatewayBehavior::CircuitOpen(Duration::from_millis(6_500));
    let refused = order(&shop, "", &two_of(&product)).await;
    assert_eq!(refused.error(), (503, "unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("7"));
}

#[tokio::test]
async fn a_quantity_is_judged_by_its_own_text() {
    let shop = Shop::open();
    let body = |desk: &str, quantity: &str| format!(r#"{{"product_id":"{desk}","quantity":{quantity},"other":[1]}}"#);
    let known = desk(&shop).await;
    for quantity in [
        "0.5",
        "1.5e0",
        "\"1.0\"",
        "\"1e0\"",
        "1e10",
        "1e999999999",
        "-2e0",
        "-2",
        "2147483648",
        "99999999999999999999",
        "\"two\"",
    ] {
        let refused = order(&shop, "", &body(&known, quantity)).await;
        let message = "quantity must be a whole number from 1 to 2147483647";
        assert_eq!((refused.status, &refused.json()["meta"]["message"]), (400, &Value::from(message)), "{quantity}");
    }
    for quantity in ["true", "[2]", "{}"] {
        let refused = order(&shop, "", &body(&known, quantity)).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{quantity}");
        assert_eq!(refused.json()["errors"][0]["code"], "wrong_type", "{quantity}");
    }
    for quantity in ["2", "2.0", "2e0", "0.2E+1", "\" 2 \""] {
        let made = order(&shop, "", &body(&desk(&shop).await, quantity)).await;
        assert_eq!(made.json()["results"]["quantity"], 2, "{quantity}");
    }
}

#[tokio::test]
async fn a_form_orders_as_well_as_json() {
    let shop = Shop::open();
    let desk = desk(&shop).await;
    let part =
        |name: &str, value: &str| format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let multipart = format!("{}{}--b--\r\n", part("product_id", &desk), part("quantity", "2"));
    for (kind, body) in [
        ("application/x-www-form-urlencoded", format!("product_id={desk}&quantity=2")),
        ("multipart/form-data; boundary=b", multipart),
    ] {
        let head = format!(
            "POST /payments HTTP/1.1\r\nauthorization: {TOKEN}\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n"
        );
        let made = shop.ask(&head, chunked(body.as_bytes(), 7)).await;
        assert_eq!((made.status, &made.json()["results"]["quantity"]), (201, &Value::from(2)), "{kind}");
    }
}

#[tokio::test]
async fn a_payment_is_shown_to_those_whom_it_concerns() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    for path in [format!("/payments/{id}"), format!("/payments/{id}/timeline"), format!("/payments/{id}/events")] {
        let stranger = shop.get(&path).await;
        assert_eq!(stranger.error(), (401, "token_missing".to_owned()), "{path}");
        assert_eq!(read(&shop, "forged", &path).await.error(), (401, "token_invalid".to_owned()), "{path}");
        let forbidden = read(&shop, OTHER_SELLER_TOKEN, &path).await;
        assert_eq!(forbidden.error(), (403, "forbidden".to_owned()), "{path}");
        assert_eq!(forbidden.json()["meta"]["message"], "forbidden access");
        for unknown in ["teapot", "0198c5f0-0000-7000-8000-00000000000f"] {
            let missing = read(&shop, OTHER_SELLER_TOKEN, &path.replace(&id, unknown)).await;
            assert_eq!(missing.error(), (404, "payment_not_found".to_owned()), "{path}");
            assert_eq!(missing.json()["meta"]["message"], "Payment not found");
        }
    }
}

#[tokio::test]
async fn a_list_is_the_callers_own_page_by_page() {
    let shop = Shop::open();
    let empty = read(&shop, TOKEN, "/payments").await;
    let expected = concat!(
        r#"{"meta":{"success":true,"message":"Payments retrieved successfully","current_page":1,"total_pages":0,"#,
        r#""total_items":0,"items_per_page":100,"has_next_page":false,"has_previous_page":false},"results":[]}"#,
    );
    assert_eq!((empty.status, empty.text()), (200, expected));
    let (first, second) = (payment(&shop).await, payment(&shop).await);
    shop.ports.payments.set_status(&first, TransactionStatus::Settlement, SystemClock.now());
    let ids = |answer: &crate::client::Answer| -> Vec<String> {
        let results = answer.json()["results"].as_array().unwrap().clone();
        results.iter().map(|payment| payment["id"].as_str().unwrap().to_owned()).collect()
    };
    for token in [TOKEN, SELLER_TOKEN] {
        let begin = read(&shop, token, "/payments/?limit=1").await;
        assert_eq!(ids(&begin), [second.as_str()]);
        let meta = begin.json()["meta"].clone();
        assert_eq!((&meta["total_items"], &meta["has_next_page"]), (&Value::from(2), &Value::from(true)));
        assert_eq!(begin.json()["results"][0]["token"] == "", token == SELLER_TOKEN);
        let link = begin.header("link").unwrap();
        let next = link.strip_prefix("<?").and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
        let next = &format!("/payments?{next}");
        let end = read(&shop, token, next).await;
        assert_eq!((ids(&end), end.header("link")), (vec![first.clone()], None));
        assert_eq!(ids(&read(&shop, token, "/payments?limit=1&page=2").await), [first.as_str()]);
        assert_eq!(ids(&read(&shop, token, "/payments?status=success").await), [first.as_str()]);
    }
    assert!(ids(&read(&shop, OTHER_SELLER_TOKEN, "/payments").await).is_empty());
    assert_eq!(shop.get("/payments").await.error(), (401, "token_missing".to_owned()));
    for (query, field) in [("status=paid", "status"), ("limit=0", "limit"), ("page=x", "page"), ("cursor=x", "cursor")]
    {
        let refused = read(&shop, TOKEN, &format!("/payments?{query}")).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{query}");
        assert_eq!(refused.json()["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn a_timeline_tells_what_happened_in_order() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    shop.ports.payments.set_status(&id, TransactionStatus::Settlement, SystemClock.now());
    for token in [TOKEN, SELLER_TOKEN] {
        let told = read(&shop, token, &format!("/payments/{id}/timeline")).await;
        assert!(
            told.text().starts_with(
                r#"{"meta":{"success":true,"message":"data retrieved successfully"},"results":[{"at":"20"#
            )
        );
        let results = told.json()["results"].as_array().unwrap().clone();
        let lines: Vec<_> = results.iter().map(|line| (line["kind"].as_str().unwrap(), &line["text"])).collect();
        assert_eq!(lines[0], ("ordered", &Value::from("2 pieces reserved, 3 left, total 20001")));
        let kinds: Vec<_> = lines.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, ["ordered", "opened", "status", "sold"]);
    }
}

#[tokio::test]
async fn a_storage_that_is_away_is_told_as_such() {
    let shop = Shop::open_with(Options { request_timeout: Duration::from_millis(500), ..Options::default() });
    let product = desk(&shop).await;
    let id = id(&order(&shop, "", &two_of(&product)).await);
    for (behavior, code) in
        [(StorageBehavior::Fail(ErrorCode::Unavailable), "unavailable"), (StorageBehavior::Hang, "deadline_exceeded")]
    {
        shop.set_storage_behavior(behavior);
        for line in [
            "GET /payments".to_owned(),
            format!("GET /payments/{id}"),
            format!("GET /payments/{id}/timeline"),
            format!("GET /payments/{id}/events"),
            "POST /payments".to_owned(),
        ] {
            let body = if line.starts_with("POST") { two_of(&product) } else { String::new() };
            assert_eq!(ask(&shop, TOKEN, &line, "", &body).await.error(), (503, code.to_owned()), "{line}");
        }
    }
}
