//! Orders that are sent again under one key.

use domain::error::ErrorCode;
use testkit::stall::{Stall, press, refused};
use testkit::world::World;
use tokio::task::JoinSet;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

pub async fn an_order_that_is_sent_again_gives_the_first_answer(world: &World) {
    let stall = Stall::open(world, 5).await;
    let keyed = stall.buyer.shop.keyed("order-1");
    let first = keyed.order(&stall.product.id, 2).await.unwrap();
    press(world, &first, "pay").await;
    stall.until(world, &first, "success").await;
    assert_eq!(keyed.order(&stall.product.id, 2).await.unwrap(), first, "as it was, whatever has become of it");
    assert_eq!(stall.stock().await, 3);
    let told = refused(keyed.order(&stall.product.id, 1)).await;
    let message = "this idempotency key was used for another order, use a new one";
    assert_eq!(told, (ErrorCode::IdempotencyKeyReused, message.to_owned()));
    let other = stall.buyer.shop.keyed("order-2").order(&stall.product.id, 2).await.unwrap();
    assert_ne!(other.id, first.id);
}

pub async fn ten_orders_at_once_under_one_key_make_one_payment(world: &World) {
    let stall = Stall::open(world, 50).await;
    let mut orders = JoinSet::new();
    for _ in 0..10 {
        let (shop, product) = (stall.buyer.shop.keyed("once"), stall.product.id.clone());
        orders.spawn(
            async move { shop.order(&product, 1).await.map(|payment| payment.id).map_err(|refusal| refusal.code) },
        );
    }
    let ends = orders.join_all().await;
    let mut ids: Vec<_> = ends.iter().filter_map(|end| end.as_ref().ok()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ends:?}");
    assert!(ends.iter().all(|end| matches!(end, Ok(_) | Err(ErrorCode::IdempotencyKeyInUse))), "{ends:?}");
    assert_eq!(stall.stock().await, 49);
}

pub async fn a_key_is_visible_ascii_and_not_too_long(world: &World) {
    let stall = Stall::open(world, 5).await;
    let long = "k".repeat(256);
    let refusal = stall.buyer.shop.keyed(&long).order(&stall.product.id, 1).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::InvalidRequest);
    assert_eq!(refusal.fields.first().map(|(field, _)| field.as_str()), Some("idempotency-key"));
    stall.buyer.shop.keyed(&long[1..]).order(&stall.product.id, 1).await.unwrap();
}
