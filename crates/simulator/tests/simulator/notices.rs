//! The notification of each step.

use crate::webhook::{Told, Webhook};
use crate::{KEY, invoice, known, open, opened, options};
use app::payment::{Gateway, Invoice, Signed};
use domain::payment::PaymentId;
use serde_json::Value;
use sha2::{Digest, Sha512};
use simulator::{Action, Options, Simulator};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The signature by the published formula.
fn signature(order: &str, code: &str, amount: &str) -> String {
    let digest = Sha512::digest(format!("{order}{code}{amount}{KEY}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Orders, carries out the actions in turn, and returns the notification of the last one.
async fn told_of(actions: &[Action]) -> (Invoice, Arc<Simulator>, Told) {
    let mut shop = Webhook::start();
    let (simulator, clock) = open(Options { webhook_url: shop.url(), ..options() });
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&simulator).run());
    let invoice = invoice();
    let page = opened(&simulator, &invoice);
    let mut last = None;
    for action in actions {
        simulator.act(&page.token, *action).unwrap();
        last = Some(shop.next().await);
        clock.forward(1);
    }
    (invoice, simulator, last.unwrap())
}

/// Checks the fields of every notification.
fn assert_is_about(told: &Told, invoice: &Invoice, simulator: &Simulator) {
    assert_eq!(told.line, "POST /hook HTTP/1.1");
    assert_eq!((told.header("content-type"), told.header("user-agent")), ("application/json", "Veritrans"));
    let order = invoice.order.to_string();
    let transaction = known(simulator, invoice.order).unwrap().transaction;
    for (name, value) in [
        ("order_id", order.as_str()),
        ("transaction_id", &transaction.id),
        ("transaction_status", transaction.status.as_str()),
        ("payment_type", &transaction.payment_type),
        ("gross_amount", "30000.00"),
        ("currency", "IDR"),
    ] {
        assert_eq!(told.text(name), value, "{name}");
    }
    assert!(!told.text("merchant_id").is_empty() && !told.text("status_message").is_empty());
    assert_eq!(told.text("signature_key"), signature(&order, told.text("status_code"), "30000.00"));
    assert!(is_taken(simulator, told));
    let mut fields = told.body.as_object().unwrap().iter().filter(|(name, _)| *name != "refunds");
    assert!(fields.all(|(_, value)| value.is_string()), "{}", told.body);
}

fn is_taken(simulator: &Simulator, told: &Told) -> bool {
    simulator.verify_signature(&Signed {
        order: told.text("order_id"),
        status_code: told.text("status_code"),
        gross_amount: told.text("gross_amount"),
        signature: told.text("signature_key"),
    })
}

#[tokio::test]
async fn each_step_is_told_signed_and_in_the_words_that_are_published() {
    for (actions, status, code, fraud) in [
        (&[Action::Pay][..], "settlement", "200", "accept"),
        (&[Action::Deny], "deny", "202", "deny"),
        (&[Action::Cancel], "cancel", "200", "accept"),
        (&[Action::Expire], "expire", "407", "accept"),
        (&[Action::Pay, Action::Refund], "refund", "200", "accept"),
        (&[Action::Deny, Action::Pay], "settlement", "200", "accept"),
    ] {
        let (invoice, simulator, told) = told_of(actions).await;
        assert_is_about(&told, &invoice, &simulator);
        let own = ["transaction_status", "status_code", "fraud_status"].map(|name| told.text(name));
        assert_eq!(own, [status, code, fraud], "{actions:?}");
    }
}

#[tokio::test]
async fn times_are_told_as_the_gateway_does_in_its_own_zone_without_saying_so() {
    let (_, _, told) = told_of(&[Action::Deny, Action::Pay]).await;
    // 18:31 UTC, which is the next day there.
    assert_eq!(told.text("transaction_time"), "2026-11-23 01:31:00");
    assert_eq!(told.text("settlement_time"), "2026-11-23 01:31:00");
}

#[tokio::test]
async fn what_is_told_of_one_way_to_pay_only_is_told_of_it() {
    let (_, _, paid) = told_of(&[Action::Pay]).await;
    assert_eq!(paid.text("payment_type"), "qris");
    for name in ["settlement_time", "transaction_type", "issuer", "acquirer"] {
        assert!(!paid.text(name).is_empty(), "{name}");
    }
    let (_, _, refused) = told_of(&[Action::Deny]).await;
    assert_eq!(refused.text("payment_type"), "credit_card");
    assert!(refused.text("status_message").contains("Do not honour"), "says why");
    assert!(refused.body.get("settlement_time").is_none());
}

#[tokio::test]
async fn a_refund_tells_how_much_and_of_which_payment() {
    let (_, _, told) = told_of(&[Action::Pay, Action::Refund]).await;
    assert_eq!(told.text("refund_amount"), "30000.00");
    assert_eq!(told.text("transaction_time"), "2026-11-23 01:30:00", "that of the payment");
    let Some(Value::Array(refunds)) = told.body.get("refunds") else { panic!("{}", told.body) };
    let [refund] = refunds.as_slice() else { panic!("{}", told.body) };
    let text = |name: &str| refund.get(name).and_then(Value::as_str).unwrap_or_default();
    assert_eq!((text("refund_amount"), text("refund_method")), ("30000.00", "online"));
    assert_eq!([text("created_at"), text("bank_confirmed_at")], ["2026-11-23 01:31:00"; 2]);
    assert!(!text("reason").is_empty() && !text("refund_key").is_empty());
    assert!(refund.get("refund_chargeback_id").is_some_and(Value::is_u64), "the only number there is");
}

#[tokio::test]
async fn a_notification_with_anything_changed_is_not_taken() {
    let (_, simulator, told) = told_of(&[Action::Pay]).await;
    let other = PaymentId::generate().to_string();
    for (name, forged) in [
        ("order_id", other.as_str()),
        ("status_code", "201"),
        ("gross_amount", "30000.0"),
        ("gross_amount", "3000.00"),
        ("signature_key", ""),
        ("signature_key", &"0".repeat(128)),
    ] {
        let mut body = told.body.clone();
        body.as_object_mut().unwrap().insert(name.to_owned(), forged.into());
        let told = Told { line: String::new(), headers: Vec::new(), body };
        assert!(!is_taken(&simulator, &told), "{name} {forged}");
    }
}

#[test]
fn the_key_is_not_told_to_those_who_print_the_options() {
    let told = format!("{:?}", options());
    assert!(told.contains("https://shop.example") && !told.contains(KEY), "{told}");
}
