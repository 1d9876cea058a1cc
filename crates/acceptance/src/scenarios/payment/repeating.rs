//! Orders that are repeated with one idempotency key.

use domain::error::ErrorCode;
use testkit::payment_fixture::{PaymentFixture, press, refused};
use testkit::world::World;
use tokio::task::JoinSet;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

pub async fn an_order_that_is_sent_again_gives_the_first_answer(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let keyed = fixture.buyer.client.with_idempotency_key("order-1");
    let first = keyed.order(&fixture.product.id, 2).await.unwrap();
    press(world, &first, "pay").await;
    fixture.wait_for_status(world, &first, "success").await;
    assert_eq!(keyed.order(&fixture.product.id, 2).await.unwrap(), first, "as it was, whatever has become of it");
    assert_eq!(fixture.stock().await, 3);
    let told = refused(keyed.order(&fixture.product.id, 1)).await;
    let message = "this idempotency key was used for another order, use a new one";
    assert_eq!(told, (ErrorCode::IdempotencyKeyReused, message.to_owned()));
    let other = fixture.buyer.client.with_idempotency_key("order-2").order(&fixture.product.id, 2).await.unwrap();
    assert_ne!(other.id, first.id);
}

pub async fn ten_orders_at_once_under_one_key_make_one_payment(world: &World) {
    let fixture = PaymentFixture::create(world, 50).await;
    let mut orders = JoinSet::new();
    for _ in 0..10 {
        let (client, product) = (fixture.buyer.client.with_idempotency_key("once"), fixture.product.id.clone());
        orders.spawn(async move {
            client.order(&product, 1).await.map(|payment| payment.id).map_err(|call_error| call_error.code)
        });
    }
    let ends = orders.join_all().await;
    let mut ids: Vec<_> = ends.iter().filter_map(|end| end.as_ref().ok()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ends:?}");
    assert!(ends.iter().all(|end| matches!(end, Ok(_) | Err(ErrorCode::IdempotencyKeyInUse))), "{ends:?}");
    assert_eq!(fixture.stock().await, 49);
}

pub async fn a_key_is_visible_ascii_and_not_too_long(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let long = "k".repeat(256);
    let call_error = fixture.buyer.client.with_idempotency_key(&long).order(&fixture.product.id, 1).await.unwrap_err();
    assert_eq!(call_error.code, ErrorCode::InvalidRequest);
    assert_eq!(call_error.fields.first().map(|(field, _)| field.as_str()), Some("idempotency-key"));
    fixture.buyer.client.with_idempotency_key(&long[1..]).order(&fixture.product.id, 1).await.unwrap();
}
