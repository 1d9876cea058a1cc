//! Whether a notification is the gateway's.

use crate::{opened, start};
use app::payment::{Gateway, Signed};
use midtrans::Midtrans;
use serde_json::Value;

fn is_taken(gateway: &Midtrans, notification: &Value) -> bool {
    let text = |name| notification.get(name).and_then(Value::as_str).unwrap_or_default();
    gateway.verify_signature(&Signed {
        order: text("order_id"),
        status_code: text("status_code"),
        gross_amount: text("gross_amount"),
        signature: text("signature_key"),
    })
}

#[tokio::test]
async fn what_the_gateway_has_signed_is_taken_and_nothing_else() {
    let (server, gateway) = start();
    let (_, id) = opened(&gateway).await;
    server.choose(&id, "bank_transfer");
    let pending = server.notification(&id);
    server.pay(&id, "bank_transfer");
    let settled = server.notification(&id);
    assert!(is_taken(&gateway, &pending) && is_taken(&gateway, &settled));
    for (name, forged) in [
        ("order_id", "0192f3c4-0000-7000-8000-000000000009"),
        ("status_code", "201"),
        ("gross_amount", "30000.0"),
        ("gross_amount", "300000.00"),
        ("signature_key", ""),
        ("signature_key", pending.get("signature_key").and_then(Value::as_str).unwrap()),
    ] {
        let mut notification = settled.clone();
        notification.as_object_mut().unwrap().insert(name.to_owned(), forged.into());
        assert!(!is_taken(&gateway, &notification), "{name} {forged}");
    }
}

#[tokio::test]
async fn what_another_key_has_signed_is_not_taken() {
    let (_server, gateway) = start();
    let other = fake_servers::midtrans::Midtrans::start("SB-Mid-server-anothers");
    let stranger = Midtrans::new(midtrans::Options {
        server_key: "SB-Mid-server-anothers".into(),
        ..crate::options(&other.url())
    });
    let (_, id) = opened(&stranger.unwrap()).await;
    other.pay(&id, "gopay");
    assert!(!is_taken(&gateway, &other.notification(&id)));
}
