//! The payment gateway's notifications, as it sends them.

use crate::client::Answer;
use crate::orders::{payment, read};
use crate::shop::{Shop, chunked};
use domain::error::ErrorCode;
use domain::payment::TransactionStatus;
use rest::Options;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;
use test_doubles::{SECRET, SIGNATURE, StorageBehavior, TOKEN};

const PATH: &str = "/payments/midtrans/webhook";
const DONE: &str = r#"{"meta":{"success":true,"message":"payment status updated"}}"#;

/// A notification that a payment is settled.
fn settlement(order: &str) -> Value {
    json!({
        "transaction_time": "2026-11-23 10:00:00",
        "transaction_status": "settlement",
        "transaction_id": "t-1",
        "status_code": "200",
        "signature_key": SIGNATURE,
        "order_id": order,
        "gross_amount": "20001.00",
        "payment_amounts": [{ "paid_at": "2026-11-23 10:00:00", "amount": "20001.00" }],
        "currency": "IDR",
    })
}

async fn send(shop: &Shop, body: impl ToString) -> Answer {
    shop.post(PATH, "application/json", body.to_string()).await
}

#[tokio::test]
async fn a_notification_is_kept_applied_and_acknowledged() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    *shop.ports.payments.gateway_report.lock().unwrap() =
        Some(shop.ports.payments.report(&id, TransactionStatus::Settlement));
    let body = serde_json::to_string_pretty(&settlement(&id)).unwrap();
    for _ in 0..3 {
        let answer = send(&shop, &body).await;
        assert_eq!((answer.status, answer.text()), (200, DONE));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    assert_eq!(read(&shop, TOKEN, &format!("/payments/{id}")).await.json()["results"]["status"], "success");
    assert_eq!(
        shop.ports.payments.notification_bodies(),
        [body.replace(SIGNATURE, "***")],
        "as it came, once, without its signature"
    );
    let story = read(&shop, TOKEN, &format!("/payments/{id}/timeline")).await;
    assert!(story.text().contains("settlement, 3 times: applied") && !story.text().contains(SIGNATURE));
}

#[tokio::test]
async fn the_kind_of_body_is_not_insisted_on() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let body = settlement(&id).to_string();
    let length = format!("content-length: {}\r\n", body.len());
    for lines in [
        String::new(),
        "content-type: text/plain; charset=latin1\r\n".to_owned(),
        "content-type: application/x-www-form-urlencoded\r\nuser-agent: Veritrans\r\n".to_owned(),
    ] {
        for path in [PATH.to_owned(), format!("{PATH}/")] {
            let answer = shop.ask(&format!("POST {path} HTTP/1.1\r\n{lines}{length}"), &body).await;
            assert_eq!((answer.status, answer.text()), (200, DONE), "{lines}");
        }
    }
    let head = format!("POST {PATH} HTTP/1.1\r\ntransfer-encoding: chunked\r\n");
    assert_eq!(shop.ask(&head, chunked(body.as_bytes(), 100)).await.status, 200);
}

#[tokio::test]
async fn a_number_is_as_good_as_the_text_of_it() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let body = settlement(&id).to_string();
    let body = body.replace(r#""gross_amount":"20001.00""#, r#""gross_amount":20001.00"#);
    let body = body.replace(r#""status_code":"200""#, r#""status_code":200"#);
    assert!(body.contains(":20001.00") && body.contains(":200,"), "{body}");
    assert_eq!(send(&shop, body).await.status, 200);
}

#[tokio::test]
async fn what_is_no_notification_is_refused_in_the_order_of_the_contract() {
    let shop = Shop::open();
    for body in ["", "{", "[]", "null", "\"text\"", "7", "a=b", "{\"order_id\":\"\\ud800\"}x", "\u{feff}"] {
        let refused = send(&shop, body).await;
        assert_eq!(refused.error(), (400, "malformed_body".to_owned()), "{body}");
        assert_eq!(refused.json()["meta"]["message"], "invalid json format", "{body}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert!([200, 400].contains(&send(&shop, deep).await.status));
    for (body, message) in [
        (json!({}), "missing order_id"),
        (json!({ "order_id": " ", "transaction_status": "settlement" }), "missing order_id"),
        (json!({ "order_id": null, "transaction_status": "settlement" }), "missing order_id"),
        (json!({ "order_id": 101, "transaction_status": "settlement" }), "missing order_id"),
        (json!({ "order_id": 1.5, "transaction_status": "settlement" }), "missing order_id"),
        (json!({ "order_id": true, "transaction_status": "settlement" }), "missing order_id"),
        (json!({ "order_id": { "id": "o" }, "transaction_status": "settlement" }), "missing order_id"),
        (json!({ "order_id": ["o"], "transaction_status": "settlement" }), "missing order_id"),
        (json!({ "order_id": "o" }), "missing transaction_status"),
        (json!({ "order_id": "o", "transaction_status": ["settlement"] }), "missing transaction_status"),
        (json!({ "order_id": "o", "transaction_status": null }), "missing transaction_status"),
        (json!({ "order_id": "o", "transaction_status": 200 }), "missing transaction_status"),
    ] {
        let refused = send(&shop, &body).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{body}");
        assert_eq!(refused.json()["meta"]["message"], message, "{body}");
    }
    assert_eq!(shop.ports.asked.load(Ordering::SeqCst), 0, "the storage was asked");
}

/// RFC 8259 §8.1.
#[tokio::test]
async fn a_byte_order_mark_before_a_notification_is_ignored() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let body = settlement(&id).to_string();
    let answer = send(&shop, format!("\u{feff}{body}")).await;
    assert_eq!((answer.status, answer.text()), (200, DONE));
    assert_eq!(shop.ports.payments.notification_bodies(), [body.replace(SIGNATURE, "***")], "kept as JSON");
}

#[tokio::test]
async fn a_forged_notification_is_refused_before_storage_hears_of_it() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let asked = shop.ports.asked.load(Ordering::SeqCst);
    let mut forged = 0;
    for (field, value) in [
        ("signature_key", json!(SIGNATURE.replace('e', "f"))),
        ("signature_key", json!("")),
        ("signature_key", json!(SECRET)),
        ("signature_key", json!(null)),
        ("signature_key", json!([SIGNATURE])),
        ("status_code", json!("2000")),
        ("gross_amount", json!("0020001.0")),
    ] {
        let mut body = settlement(&id);
        body[field] = value;
        let refused = send(&shop, &body).await;
        assert_eq!(refused.error(), (401, "signature_invalid".to_owned()), "{body}");
        assert_eq!(refused.json()["meta"]["message"], "invalid signature");
        assert_eq!((refused.json().get("error"), refused.header("www-authenticate")), (None, None), "no token helps");
        forged += 1;
        assert_eq!(shop.ports.forged.load(Ordering::SeqCst), forged);
    }
    assert_eq!(shop.ports.asked.load(Ordering::SeqCst), asked, "the storage was asked");
}

#[tokio::test]
async fn an_order_that_is_not_ours_is_not_found() {
    let shop = Shop::open();
    for order in ["0198c5f0-0000-7000-8000-00000000000f", "ORDER-101"] {
        let refused = send(&shop, settlement(order)).await;
        assert_eq!(refused.error(), (404, "notified_order_not_found".to_owned()), "{order}");
        assert_eq!(refused.json()["meta"]["message"], "payment not found");
    }
}

#[tokio::test]
async fn a_storage_that_is_away_makes_the_gateway_come_again() {
    let shop = Shop::open_with(Options { request_timeout: Duration::from_millis(300), ..Options::default() });
    let id = payment(&shop).await;
    for (behavior, code) in [
        (StorageBehavior::Fail(ErrorCode::Unavailable), "unavailable"),
        (StorageBehavior::Fail(ErrorCode::Overloaded), "overloaded"),
        (StorageBehavior::Fail(ErrorCode::DeadlineExceeded), "deadline_exceeded"),
        (StorageBehavior::Hang, "deadline_exceeded"),
    ] {
        shop.set_storage_behavior(behavior);
        assert_eq!(send(&shop, settlement(&id)).await.error(), (503, code.to_owned()));
    }
    shop.set_storage_behavior(StorageBehavior::Answer);
    assert_eq!(send(&shop, settlement(&id)).await.status, 200);
}

#[tokio::test]
async fn a_notification_has_a_limit_of_size_and_time_and_none_of_number() {
    let shop = Shop::open_with(Options { body_timeout: Duration::from_millis(300), ..Options::default() });
    let id = payment(&shop).await;
    *shop.ports.quota.lock().unwrap() = Some(crate::headers::quota(0, true));
    let padded = |length: usize| {
        let mut body = settlement(&id);
        let short = body.to_string().len() + r#","x":"""#.len();
        body["x"] = "x".repeat(length - short).into();
        body.to_string()
    };
    assert_eq!(padded(64 << 10).len(), 64 << 10);
    assert_eq!(send(&shop, padded(64 << 10)).await.status, 200);
    assert_eq!(send(&shop, padded((64 << 10) + 1)).await.error(), (413, "body_too_large".to_owned()));
    let slow = shop.ask(&format!("POST {PATH} HTTP/1.1\r\ncontent-length: 100\r\n"), "{").await;
    assert_eq!(slow.error(), (408, "body_timeout".to_owned()));
}

#[tokio::test]
async fn the_dashboards_trial_is_answered_and_not_kept() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let mut trial = settlement("payment_notif_test_G141532850_62ba2a4d-8e8e-4b8e-9a3f-0a4b8f1c2d3e");
    for body in [trial.to_string(), Value::String(trial.to_string()).to_string()] {
        let answer = send(&shop, &body).await;
        assert_eq!((answer.status, answer.text()), (200, DONE), "{body}");
    }
    trial["signature_key"] = json!("0".repeat(128));
    assert_eq!(send(&shop, &trial).await.error(), (401, "signature_invalid".to_owned()));
    assert!(shop.ports.payments.notification_bodies().is_empty());
    // Any notification may come within a text.
    *shop.ports.payments.gateway_report.lock().unwrap() =
        Some(shop.ports.payments.report(&id, TransactionStatus::Settlement));
    let answer = send(&shop, Value::String(settlement(&id).to_string())).await;
    assert_eq!((answer.status, answer.text()), (200, DONE));
    assert_eq!(read(&shop, TOKEN, &format!("/payments/{id}")).await.json()["results"]["status"], "success");
}

#[tokio::test]
async fn what_the_gateway_contradicts_says_that_somebody_has_to_look_at_it() {
    let shop = Shop::open();
    let id = payment(&shop).await;
    let mut odd = shop.ports.payments.report(&id, TransactionStatus::Settlement);
    odd.currency = "USD".to_owned();
    *shop.ports.payments.gateway_report.lock().unwrap() = Some(odd);
    assert_eq!(send(&shop, settlement(&id)).await.status, 200);
    let seen = read(&shop, TOKEN, &format!("/payments/{id}")).await.json();
    assert_eq!((&seen["results"]["status"], &seen["results"]["needs_attention"]), (&json!("pending"), &json!(true)));
    let story = read(&shop, TOKEN, &format!("/payments/{id}/timeline")).await;
    assert!(story.text().contains("contradicted"), "{}", story.text());
}
