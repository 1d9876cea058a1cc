//! What is known of transactions.

use crate::{MERCHANT, opened, options, soon, start, told};
use app::payment::{Gateway, GatewayError, Subject};
use domain::money::Money;
use domain::payment::{GatewayReport, PaymentId, Transaction, TransactionStatus};
use fake_servers::midtrans::{Endpoint, Midtrans as Server};
use midtrans::{Midtrans, Options};
use serde_json::json;

async fn look(gateway: &Midtrans, order: PaymentId) -> GatewayReport {
    gateway.fetch_status(&Subject::Order(order), soon()).await.unwrap().unwrap()
}

async fn status(gateway: &Midtrans, order: PaymentId) -> TransactionStatus {
    look(gateway, order).await.transaction.status
}

fn rupiah(whole: u64) -> Money {
    Money::from_whole(whole).unwrap()
}

#[tokio::test]
async fn nothing_is_known_before_a_way_to_pay_is_chosen() {
    let (server, gateway) = start();
    let (order, _) = opened(&gateway).await;
    for http in [404, 200] {
        server.answer_unknown_with(http);
        for subject in [Subject::Order(order), Subject::Transaction("t-1".to_owned())] {
            assert_eq!(gateway.fetch_status(&subject, soon()).await.unwrap(), None, "{http} {subject:?}");
        }
    }
}

#[tokio::test]
async fn what_is_known_is_told_whole() {
    let (server, gateway) = start();
    let (order, id) = opened(&gateway).await;
    let transaction = server.pay(&id, "qris");
    let told = GatewayReport {
        order: Some(id.clone()),
        is_foreign: false,
        transaction: Transaction {
            id: transaction.clone(),
            status: TransactionStatus::Settlement,
            payment_type: "qris".to_owned(),
            amount: rupiah(30_000),
            fee: Money::ZERO,
            refunded: Money::ZERO,
        },
        currency: "IDR".to_owned(),
    };
    assert_eq!(look(&gateway, order).await, told);
    let subject = Subject::Transaction(transaction.clone());
    assert_eq!(gateway.fetch_status(&subject, soon()).await.unwrap(), Some(told));
    let seen = server.requests_to(Endpoint::Status);
    assert!(seen.iter().all(|request| request.is_authorized));
    let paths: Vec<_> = seen.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, [format!("/v2/{id}/status"), format!("/v2/{transaction}/status")]);
}

#[tokio::test]
async fn every_way_to_pay_is_read() {
    let (server, gateway) = start();
    for (chosen, told) in [
        ("credit_card", "credit_card"),
        ("bank_transfer", "bank_transfer"),
        ("permata", "bank_transfer"),
        ("gopay", "gopay"),
        ("shopeepay", "shopeepay"),
        ("dana", "dana"),
        ("qris", "qris"),
        ("indomaret", "cstore"),
        ("something_new", "something_new"),
    ] {
        let (order, id) = opened(&gateway).await;
        let transaction = server.choose(&id, chosen);
        let report = look(&gateway, order).await;
        assert_eq!((report.transaction.id.as_str(), report.transaction.payment_type.as_str()), (&*transaction, told));
        assert_eq!(report.transaction.status, TransactionStatus::Pending, "{chosen}");
        assert_eq!(server.pay(&id, chosen), transaction);
        let paid = status(&gateway, order).await;
        assert!(matches!(paid, TransactionStatus::Capture | TransactionStatus::Settlement), "{chosen}");
    }
}

/// What happens to an order.
type Turn = fn(&Server, &str);

#[tokio::test]
async fn every_turn_that_a_transaction_takes_is_read() {
    let (server, gateway) = start();
    let ends: [(Turn, TransactionStatus); 10] = [
        (|server, id| drop(server.challenge(id)), TransactionStatus::Challenge),
        (|server, id| server.accept(id), TransactionStatus::Capture),
        (|server, id| server.settle(id), TransactionStatus::Settlement),
        (|server, id| server.refund(id, 1_000), TransactionStatus::PartialRefund),
        (|server, id| server.charge_back(id), TransactionStatus::Chargeback),
        (|server, id| drop(server.refuse(id, "credit_card")), TransactionStatus::Deny),
        (|server, id| server.expire(id), TransactionStatus::Expire),
        (|server, id| server.cancel(id), TransactionStatus::Cancel),
        (|server, id| server.fail(id), TransactionStatus::Failure),
        (|server, id| server.deny(id), TransactionStatus::Deny),
    ];
    let (order, id) = opened(&gateway).await;
    for (turn, expected) in ends {
        turn(&server, &id);
        assert_eq!(status(&gateway, order).await, expected);
    }
}

#[tokio::test]
async fn of_an_order_the_latest_attempt_is_told_and_each_by_its_name() {
    let (server, gateway) = start();
    let (order, id) = opened(&gateway).await;
    let first = server.refuse(&id, "credit_card");
    let second = server.pay(&id, "gopay");
    assert_ne!(first, second);
    assert_eq!(look(&gateway, order).await.transaction.id, second);
    let report = gateway.fetch_status(&Subject::Transaction(first.clone()), soon()).await.unwrap().unwrap();
    assert_eq!((report.transaction.id, report.transaction.status), (first, TransactionStatus::Deny));
}

#[tokio::test]
async fn what_was_given_back_is_added_up() {
    let (server, gateway) = start();
    let (order, id) = opened(&gateway).await;
    server.pay(&id, "gopay");
    for (amount, status, refunded) in
        [(12_000, TransactionStatus::PartialRefund, 12_000), (18_000, TransactionStatus::Refund, 30_000)]
    {
        server.refund(&id, amount);
        let told = look(&gateway, order).await.transaction;
        assert_eq!((told.status, told.refunded, told.amount), (status, rupiah(refunded), rupiah(30_000)));
    }
    server.override_fields(&id, &json!({ "refund_amount": null, "refunds": null }));
    assert_eq!(look(&gateway, order).await.transaction.refunded, rupiah(30_000));
}

#[tokio::test]
async fn what_contradicts_the_order_is_told_as_it_is() {
    let (server, gateway) = start();
    let (order, id) = opened(&gateway).await;
    server.pay(&id, "gopay");
    server.override_fields(&id, &json!({ "order_id": "another", "gross_amount": "29999.99", "currency": "USD" }));
    let told = gateway.fetch_status(&Subject::Order(order), soon()).await.unwrap().unwrap();
    assert_eq!((told.order.as_deref(), told.currency.as_str()), (Some("another"), "USD"));
    assert_eq!(told.transaction.amount, Money::parse("29999.99").unwrap());
}

#[tokio::test]
async fn what_cannot_be_understood_is_not_guessed_at() {
    for changes in [
        json!({ "transaction_status": "paid" }),
        json!({ "transaction_status": null }),
        json!({ "transaction_id": null }),
        json!({ "gross_amount": "many" }),
        json!({ "order_id": null }),
        json!({ "status_code": "999" }),
    ] {
        let (server, gateway) = start();
        let (order, id) = opened(&gateway).await;
        server.pay(&id, "gopay");
        server.override_fields(&id, &changes);
        let error = gateway.fetch_status(&Subject::Order(order), soon()).await.unwrap_err();
        assert!(matches!(error, GatewayError::Unknown(_)), "{changes}: {}", told(&error));
    }
}

#[tokio::test]
async fn the_body_says_what_came_of_it_before_http_does() {
    let (server, gateway) = start();
    let (order, id) = opened(&gateway).await;
    let subject = Subject::Order(order);
    server.pay(&id, "gopay");
    server.override_fields(&id, &json!({ "status_code": "404" }));
    assert_eq!(gateway.fetch_status(&subject, soon()).await.unwrap(), None);
    server.override_fields(&id, &json!({ "status_code": "401" }));
    let error = gateway.fetch_status(&subject, soon()).await.unwrap_err();
    assert!(matches!(error, GatewayError::Refused(_)), "{}", told(&error));
    for code in ["500", "503", "429"] {
        server.override_fields(&id, &json!({ "status_code": code }));
        let error = gateway.fetch_status(&subject, soon()).await.unwrap_err();
        assert!(matches!(error, GatewayError::Failed(_)), "{}", told(&error));
    }
    for code in ["407", "202", "201"] {
        server.override_fields(&id, &json!({ "status_code": code }));
        assert!(gateway.fetch_status(&subject, soon()).await.unwrap().is_some(), "{code}");
    }
}

#[tokio::test]
async fn a_merchant_is_asked_for_only_where_ours_is_known() {
    let (server, gateway) = start();
    let (order, id) = opened(&gateway).await;
    server.pay(&id, "gopay");
    let subject = Subject::Order(order);
    for (changes, merchant, is_taken) in [
        (json!({ "merchant_id": MERCHANT }), Some("G000000000"), false),
        (json!({ "merchant_id": MERCHANT }), Some(MERCHANT), true),
        (json!({ "merchant_id": MERCHANT }), None, true),
        (json!({ "merchant_id": null }), Some(MERCHANT), true),
    ] {
        server.override_fields(&id, &changes);
        let options = Options { merchant_id: merchant.map(str::to_owned), ..options(&server.url()) };
        let answered = Midtrans::new(options).unwrap().fetch_status(&subject, soon()).await;
        assert_eq!(answered.unwrap().unwrap().is_foreign, !is_taken, "{changes} {merchant:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_transaction_is_not_asked_about() {
    let (server, gateway) = start();
    for id in ["", "..", "a/b", "x/../../v2/charge", "a?b", "ä", &"a".repeat(65)] {
        assert_eq!(gateway.fetch_status(&Subject::Transaction(id.to_owned()), soon()).await.unwrap(), None, "{id}");
    }
    assert!(server.requests().is_empty());
}
