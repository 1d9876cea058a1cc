//! Orders that are sent again.

use crate::orders::{desk, id, order, two_of};
use crate::shop::Shop;
use app::clock::{Clock, SystemClock};
use domain::payment::TransactionStatus;
use test_doubles::GatewayBehavior;

#[tokio::test]
async fn an_order_under_a_key_is_made_once() {
    let shop = Shop::open();
    let desk = desk(&shop).await;
    let key = "idempotency-key: order-1\r\n";
    let first = order(&shop, key, &two_of(&desk)).await;
    assert_eq!(first.status, 201);
    shop.ports.payments.set_status(&id(&first), TransactionStatus::Settlement, SystemClock.now());
    let again = order(&shop, key, &two_of(&desk)).await;
    assert_eq!((again.status, again.text()), (201, first.text()), "as it was answered the first time");
    assert_eq!(again.header("location"), first.header("location"));
    let other = order(&shop, key, &format!(r#"{{"product_id":"{desk}","quantity":3}}"#)).await;
    assert_eq!(other.error(), (422, "idempotency_key_reused".to_owned()));
    let other = order(&shop, key, &two_of("0198c5f0-0000-7000-8000-00000000000f")).await;
    assert_eq!(other.error(), (422, "idempotency_key_reused".to_owned()));
    assert_eq!(shop.ports.payments.count(), 1);
    assert_eq!(order(&shop, "idempotency-key: order-2\r\n", &two_of(&desk)).await.status, 201);
    assert_eq!(shop.ports.payments.count(), 2);
    // Which of two would count is anybody's guess.
    let two = order(&shop, "idempotency-key: order-3\r\nidempotency-key: order-4\r\n", &two_of(&desk)).await;
    assert_eq!(two.error(), (400, "invalid_request".to_owned()));
    assert_eq!(shop.ports.payments.count(), 2);
}

#[tokio::test]
async fn of_many_orders_under_one_key_one_is_made() {
    let shop = Shop::open();
    let desk = desk(&shop).await;
    let (key, body) = ("idempotency-key: order-1\r\n", two_of(&desk));
    let orders = (0..16).map(|_| order(&shop, key, &body));
    let answers = futures_util::future::join_all(orders).await;
    assert_eq!(shop.ports.payments.count(), 1);
    for answer in &answers {
        assert!(answer.status == 201 && answer.text() == answers[0].text() || answer.status == 409, "{answer:?}");
    }
}

#[tokio::test]
async fn a_failure_under_a_key_is_told_again_and_what_is_under_way_later() {
    let shop = Shop::open();
    let desk = desk(&shop).await;
    for (behavior, key, again) in [
        (GatewayBehavior::Refuse, "idempotency-key: refused\r\n", (502, "gateway_failed")),
        (GatewayBehavior::Unknown, "idempotency-key: unknown\r\n", (409, "idempotency_key_in_use")),
    ] {
        *shop.ports.payments.gateway.lock().unwrap() = behavior;
        assert_eq!(order(&shop, key, &two_of(&desk)).await.error(), (502, "gateway_failed".to_owned()));
        *shop.ports.payments.gateway.lock().unwrap() = GatewayBehavior::Open;
        let second = order(&shop, key, &two_of(&desk)).await;
        assert_eq!(second.error(), (again.0, again.1.to_owned()));
        assert_eq!(second.header("retry-after"), (again.0 == 409).then_some("2"));
    }
    assert_eq!(shop.ports.payments.count(), 2);
}

#[tokio::test]
async fn a_key_that_cannot_be_one_is_refused_and_not_passed_over() {
    let shop = Shop::open();
    let desk = desk(&shop).await;
    for key in ["two words", "\u{e9}", &"k".repeat(256)] {
        let refused = order(&shop, &format!("idempotency-key: {key}\r\n"), &two_of(&desk)).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{key}");
        assert_eq!(refused.json()["errors"][0]["field"], "idempotency-key", "{key}");
    }
    assert_eq!(shop.ports.payments.count(), 0);
    let longest = format!("idempotency-key: {}\r\n", "k".repeat(255));
    assert_eq!(order(&shop, &longest, &two_of(&desk)).await.status, 201);
}
