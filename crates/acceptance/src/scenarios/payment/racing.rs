//! Concurrent calls.

use domain::error::ErrorCode;
use std::sync::Arc;
use testkit::payment_fixture::{KEY, PaymentFixture, notification, notify, press};
use testkit::world::World;
use tokio::task::JoinSet;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

/// What a server answers that has too much to do.
const BUSY: [ErrorCode; 3] = [ErrorCode::Overloaded, ErrorCode::Unavailable, ErrorCode::IdempotencyKeyInUse];

pub async fn two_hundred_buyers_at_once_buy_exactly_the_fifty_pieces_that_there_are(world: &World) {
    let fixture = PaymentFixture::create(world, 50).await;
    let mut buyers = JoinSet::new();
    for buyer in 0..200 {
        let client = fixture.buyer.client.with_idempotency_key(&format!("buyer-{buyer}"));
        let product = fixture.product.id.clone();
        buyers.spawn(async move {
            loop {
                match client.order(&product, 1).await {
                    Ok(payment) => return Ok(payment.id),
                    // As busy servers want it: again, with the same key, so that nothing is ordered twice.
                    Err(busy) if BUSY.contains(&busy.code) => tokio::task::yield_now().await,
                    Err(call_error) => return Err(call_error.code),
                }
            }
        });
    }
    let ends = buyers.join_all().await;
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 50, "{ends:?}");
    assert!(ends.iter().all(|end| matches!(end, Ok(_) | Err(ErrorCode::InsufficientStock))), "{ends:?}");
    assert_eq!(fixture.stock().await, 0);
    assert_eq!(world.database.texts("SELECT payment_id AS value FROM stock_reservations").len(), 50);
}

pub async fn a_storm_of_the_same_notification_changes_a_payment_once(world: &World) {
    let fixture = Arc::new(PaymentFixture::create(world, 5).await);
    let payment = fixture.order(2).await;
    press(world, &payment, "expire").await;
    let notice = notification(&payment.id, "20000", "expire", KEY);
    let storm = (0..40).map(|_| notify(world, &notice));
    for answer in futures_util::future::join_all(storm).await {
        answer.unwrap();
    }
    fixture.wait_for_status(world, &payment, "expire").await;
    assert_eq!(fixture.stock().await, 5);
    let mails = "SELECT id AS value FROM mails WHERE status = 'expire'";
    assert_eq!(world.database.texts(mails).len(), 1);
}
