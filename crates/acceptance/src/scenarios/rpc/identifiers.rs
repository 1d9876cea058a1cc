//! Calls without an id, which only gRPC can express.

use crate::scenarios::user::assert_fields;
use domain::error::ErrorCode;
use std::fmt::Debug;
use testkit::client::{Outcome, change};
use testkit::member::{member, seller};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

#[track_caller]
fn assert_required<T: Debug>(thing: &str, outcome: Outcome<T>) {
    let message = format!("{thing} id is required");
    let call_error = assert_fields(outcome, &[("id", &message)]);
    assert_eq!((call_error.code, call_error.message), (ErrorCode::InvalidRequest, message));
}

pub async fn an_empty_id_is_asked_for(world: &World) {
    let (seller, buyer) = (seller(world).await, member(world, "buyer", "bob@example.com").await);
    for blank in ["", " ", "\t"] {
        assert_required("product", world.client().product(blank).await);
        assert_required("product", seller.client.update(blank, &change().price("1")).await);
        assert_required("product", seller.client.delete(blank).await);
        for member in [&seller, &buyer] {
            assert_required("user", member.client.profile(blank).await);
            assert_required("payment", member.client.payment(blank).await);
            assert_required("payment", member.client.timeline(blank).await);
            assert_required("payment", member.client.watch(blank, 0).await.map(drop));
        }
        let call_error = assert_fields(buyer.client.order(blank, 1).await, &[("product_id", "product_id is empty")]);
        assert_eq!(call_error.message, "product_id is empty");
    }
}

pub async fn who_may_not_call_is_told_that_before_the_id_is_looked_at(world: &World) {
    let buyer = member(world, "buyer", "bob@example.com").await;
    let code = |outcome: Outcome<()>| outcome.unwrap_err().code;
    assert_eq!(code(buyer.client.delete("").await), ErrorCode::RoleNotAllowed);
    assert_eq!(code(buyer.client.update("", &change()).await.map(drop)), ErrorCode::RoleNotAllowed);
    assert_eq!(code(world.client().delete("").await), ErrorCode::TokenMissing);
    assert_eq!(code(world.client().profile("").await.map(drop)), ErrorCode::TokenMissing);
    assert_eq!(code(world.client().payment("").await.map(drop)), ErrorCode::TokenMissing);
    assert_eq!(code(world.client().watch("", 0).await.map(drop)), ErrorCode::TokenMissing);
}
