//! Streams of a payment's status changes.

use std::time::Duration;
use testkit::payment_fixture::{PaymentFixture, press};
use testkit::world::World;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

const SOON: Duration = Duration::from_secs(20);

pub async fn a_payment_that_is_watched_is_seen_to_succeed(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(1).await;
    let mut watches = [
        fixture.buyer.client.watch(&payment.id, 0).await.unwrap(),
        fixture.seller.client.watch(&payment.id, 0).await.unwrap(),
    ];
    for watch in &mut watches {
        assert_eq!(watch.next().await.unwrap().status, "pending", "how it stands comes first");
    }
    press(world, &payment, "deny").await;
    for watch in &mut watches {
        let change = tokio::time::timeout(SOON, watch.next()).await.unwrap().unwrap();
        assert_eq!((change.status.as_str(), change.needs_attention), ("deny", false));
    }
    press(world, &payment, "pay").await;
    let mut last = 0;
    for watch in &mut watches {
        let change = tokio::time::timeout(SOON, watch.next()).await.unwrap().unwrap();
        assert_eq!(change.status, "success");
        last = change.number;
    }
    drop(watches);
    // A client that reconnects gets the changes it missed, and none twice.
    let mut again = fixture.buyer.client.watch(&payment.id, 2).await.unwrap();
    let missed = [again.next().await.unwrap(), again.next().await.unwrap()];
    assert_eq!(missed.each_ref().map(|change| change.status.as_str()), ["deny", "success"]);
    assert_eq!(missed[1].number, last);
}

pub async fn a_change_that_another_server_makes_is_seen_too(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(1).await;
    let mut watch = fixture.buyer.client.watch(&payment.id, 0).await.unwrap();
    assert_eq!(watch.next().await.unwrap().status, "pending");
    // Writes what another server would write.
    for sql in [
        "INSERT INTO payment_events (payment_id, number, kind, from_state, to_state, amount, cause, cause_id, happened_at)
         SELECT id, events + 1, 'moved', 'pending', 'expire', NULL, 'check', NULL, created_at FROM payments",
        "UPDATE payments SET events = events + 1, state = 'expire', closed = 'expire'",
        "UPDATE products SET stock = stock + 1, reserved = reserved - 1",
        "UPDATE stock_reservations SET state = 'released'",
    ] {
        world.database.execute(sql);
    }
    let change = tokio::time::timeout(SOON, watch.next()).await.unwrap().unwrap();
    assert_eq!(change.status, "expire");
}
