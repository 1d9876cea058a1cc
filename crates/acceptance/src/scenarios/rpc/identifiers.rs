//! Calls that name nothing, which only gRPC can make.

use crate::scenarios::user::assert_fields;
use domain::error::ErrorCode;
use std::fmt::Debug;
use testkit::member::{member, seller};
use testkit::shop::{Outcome, change};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

#[track_caller]
fn assert_required<T: Debug>(thing: &str, outcome: Outcome<T>) {
    let message = format!("{thing} id is required");
    let refusal = assert_fields(outcome, &[("id", &message)]);
    assert_eq!((refusal.code, refusal.message), (ErrorCode::InvalidRequest, message));
}

pub async fn an_empty_id_is_asked_for(world: &World) {
    let (seller, buyer) = (seller(world).await, member(world, "buyer", "bob@example.com").await);
    for blank in ["", " ", "\t"] {
        assert_required("product", world.shop().product(blank).await);
        assert_required("product", seller.shop.update(blank, &change().price("1")).await);
        assert_required("product", seller.shop.delete(blank).await);
        for member in [&seller, &buyer] {
            assert_required("user", member.shop.profile(blank).await);
            assert_required("payment", member.shop.payment(blank).await);
            assert_required("payment", member.shop.timeline(blank).await);
            assert_required("payment", member.shop.watch(blank, 0).await.map(drop));
        }
        let refusal = assert_fields(buyer.shop.order(blank, 1).await, &[("product_id", "product_id is empty")]);
        assert_eq!(refusal.message, "product_id is empty");
    }
}

pub async fn who_may_not_call_is_told_that_before_the_id_is_looked_at(world: &World) {
    let buyer = member(world, "buyer", "bob@example.com").await;
    let code = |outcome: Outcome<()>| outcome.unwrap_err().code;
    assert_eq!(code(buyer.shop.delete("").await), ErrorCode::RoleNotAllowed);
    assert_eq!(code(buyer.shop.update("", &change()).await.map(drop)), ErrorCode::RoleNotAllowed);
    assert_eq!(code(world.shop().delete("").await), ErrorCode::TokenMissing);
    assert_eq!(code(world.shop().profile("").await.map(drop)), ErrorCode::TokenMissing);
    assert_eq!(code(world.shop().payment("").await.map(drop)), ErrorCode::TokenMissing);
    assert_eq!(code(world.shop().watch("", 0).await.map(drop)), ErrorCode::TokenMissing);
}
