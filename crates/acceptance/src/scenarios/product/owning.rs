//! Only the owner may change a product.

use crate::scenarios::user::assert_refused;
use domain::error::ErrorCode;
use testkit::client::{ProductForm, change, teapot};
use testkit::member::{member, seller};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

fn forms() -> [ProductForm; 3] {
    [change().price("1"), change(), change().price("a lot").stock(-1)]
}

pub async fn only_the_owner_changes_and_withdraws_a_product(world: &World) {
    let owner = seller(world).await;
    let made = owner.client.create(&teapot()).await.unwrap();
    let strangers = [
        (world.client(), ErrorCode::TokenMissing),
        (world.client().with_authorization("Bearer rubbish"), ErrorCode::TokenInvalid),
        (member(world, "buyer", "bob@example.com").await.client, ErrorCode::RoleNotAllowed),
        (member(world, "seller", "grace@example.com").await.client, ErrorCode::Forbidden),
    ];
    for (stranger, code) in strangers {
        for form in forms() {
            assert_refused(stranger.update(&made.id, &form).await, code);
            assert_refused(stranger.with_if_match("\"99\"").update(&made.id, &form).await, code);
        }
        assert_refused(stranger.delete(&made.id).await, code);
        assert_refused(stranger.with_if_match("\"99\"").delete(&made.id).await, code);
    }
    assert_eq!(world.client().product(&made.id).await.unwrap(), made);
    owner.client.update(&made.id, &change().price("1")).await.unwrap();
    owner.client.delete(&made.id).await.unwrap();
}

pub async fn an_unknown_product_is_told_after_the_role_and_before_the_fields(world: &World) {
    let buyer = member(world, "buyer", "bob@example.com").await;
    let seller = seller(world).await;
    let unknown = uuid::Uuid::now_v7().to_string();
    for id in [unknown.as_str(), "not-a-uuid", "1"] {
        for form in forms() {
            assert_refused(world.client().update(id, &form).await, ErrorCode::TokenMissing);
            assert_refused(buyer.client.update(id, &form).await, ErrorCode::RoleNotAllowed);
            assert_refused(seller.client.update(id, &form).await, ErrorCode::ProductNotFound);
        }
        assert_refused(world.client().delete(id).await, ErrorCode::TokenMissing);
        assert_refused(buyer.client.delete(id).await, ErrorCode::RoleNotAllowed);
        assert_refused(seller.client.delete(id).await, ErrorCode::ProductNotFound);
    }
}

pub async fn a_seller_sees_the_products_of_others_like_anybody(world: &World) {
    let made = seller(world).await.client.create(&teapot()).await.unwrap();
    for role in ["seller", "buyer"] {
        let other = member(world, role, &format!("{role}@example.com")).await;
        assert_eq!(other.client.product(&made.id).await.unwrap(), made);
    }
    let rubbish = world.client().with_authorization("Bearer rubbish");
    assert_eq!(rubbish.product(&made.id).await.unwrap(), made, "who asks is not looked at");
}
