//! The gateway's notifications, genuine and forged.

use domain::error::ErrorCode;
use serde_json::json;
use testkit::payment_fixture::{KEY, PaymentFixture, notification, notify, press, refused};
use testkit::world::World;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_notification_that_the_gateway_does_not_confirm_changes_nothing(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(1).await;
    // The signature is valid: anybody who has seen a notification of the same amount can send it with another
    // status.
    notify(world, &notification(&payment.id, "10000", "settlement", KEY)).await.unwrap();
    assert_eq!(fixture.status(&payment).await, "pending");
    press(world, &payment, "pay").await;
    fixture.wait_for_status(world, &payment, "success").await;
    for late in ["pending", "expire", "deny", "cancel", "refund"] {
        notify(world, &notification(&payment.id, "10000", late, KEY)).await.unwrap();
        assert_eq!(fixture.status(&payment).await, "success", "{late}");
    }
}

pub async fn what_is_forged_is_refused(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(1).await;
    press(world, &payment, "pay").await;
    fixture.wait_for_status(world, &payment, "success").await;
    let genuine = notification(&payment.id, "10000", "settlement", KEY);
    for (field, value) in [
        ("signature_key", json!("")),
        ("signature_key", json!("0".repeat(128))),
        ("signature_key", notification(&payment.id, "10000", "settlement", "another key")["signature_key"].clone()),
        ("gross_amount", json!("1000.00")),
        ("gross_amount", json!("10000")),
        ("status_code", json!("201")),
        ("order_id", json!(uuid::Uuid::now_v7().to_string())),
    ] {
        let mut forged = genuine.clone();
        forged[field] = value;
        let told = refused(notify(world, &forged)).await;
        assert_eq!(told, (ErrorCode::SignatureInvalid, "invalid signature".to_owned()), "{field}: {forged}");
    }
}

pub async fn what_is_about_nothing_of_ours_is_told_so(world: &World) {
    let stranger = uuid::Uuid::now_v7().to_string();
    for order in [stranger.as_str(), "ORDER-101"] {
        let told = refused(notify(world, &notification(order, "10000", "settlement", KEY))).await;
        assert_eq!(told, (ErrorCode::NotifiedOrderNotFound, "payment not found".to_owned()), "{order}");
    }
    for (field, message) in [("order_id", "missing order_id"), ("transaction_status", "missing transaction_status")] {
        let mut lacking = notification(&stranger, "10000", "settlement", KEY);
        lacking[field] = json!("");
        assert_eq!(refused(notify(world, &lacking)).await, (ErrorCode::InvalidRequest, message.to_owned()));
    }
}
