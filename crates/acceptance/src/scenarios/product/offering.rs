//! Creating products.

use crate::scenarios::user::{assert_fields, assert_refused};
use domain::error::ErrorCode;
use testkit::client::{ProductForm, Query, change, teapot};
use testkit::member::{member, seller};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_product_is_offered_shown_and_listed(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    assert_eq!(made.user_id, seller.id);
    assert_eq!((made.name.as_str(), made.description.as_str()), ("Teapot", "Holds a litre.\nPours without a drop."));
    assert_eq!((made.price.as_str(), made.stock, made.image_url.as_str()), ("199000", 12, ""));
    assert_eq!(made.created_at, made.updated_at);

    for client in [world.client(), world.other_client()] {
        assert_eq!(client.product(&made.id).await.unwrap(), made, "anybody sees the same, by whichever way");
        assert_eq!(client.product(&made.id.to_uppercase()).await.unwrap().id, made.id);
        let listing = client.products(&Query::default()).await.unwrap();
        assert_eq!((listing.items, listing.next), (vec![made.listed()], None));
    }
}

pub async fn each_missing_field_is_named(world: &World) {
    let seller = seller(world).await;
    for (field, form, message) in [
        ("name", ProductForm { name: None, ..teapot() }, "name is empty"),
        ("name", teapot().name(" \t"), "name is empty"),
        ("description", ProductForm { description: None, ..teapot() }, "description is empty"),
        ("description", teapot().description(""), "description is empty"),
        ("price", ProductForm { price: None, ..teapot() }, "price is empty or invalid"),
        ("price", teapot().price("  "), "price is empty or invalid"),
    ] {
        let call_error = assert_fields(seller.client.create(&form).await, &[(field, message)]);
        assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::InvalidRequest, message));
    }
    assert!(world.client().products(&Query::default()).await.unwrap().items.is_empty());
}

pub async fn every_mistake_is_told_at_once_in_the_order_of_the_fields(world: &World) {
    let seller = seller(world).await;
    let wrong = change().price("a lot").stock(-1);
    let call_error = assert_fields(
        seller.client.create(&wrong).await,
        &[
            ("name", "name is empty"),
            ("description", "description is empty"),
            ("price", "price is empty or invalid"),
            ("stock", "product stock cannot be negative"),
        ],
    );
    assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::InvalidRequest, "name is empty"));
}

/// The order in which the Go system checked: absent fields and invalid prices, then the stock.
pub async fn the_first_message_is_the_one_that_go_told_first(world: &World) {
    let seller = seller(world).await;
    for (form, message) in [
        (change().price("0").stock(-1), "name is empty"),
        (change().name("Teapot").price("0").stock(-1), "description is empty"),
        (teapot().price("a lot").stock(-1), "price is empty or invalid"),
        (teapot().price("-1").stock(-1), "price is empty or invalid"),
        (teapot().price("0").stock(-1), "price is empty or invalid"),
        (teapot().stock(-1), "product stock cannot be negative"),
    ] {
        assert_eq!(seller.client.create(&form).await.unwrap_err().message, message, "{form:?}");
    }
}

pub async fn an_explicit_stock_of_zero_is_legal(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().stock(0)).await.unwrap();
    assert_eq!(world.other_client().product(&made.id).await.unwrap().stock, 0);
    let most = seller.client.create(&teapot().stock(i32::MAX)).await.unwrap();
    assert_eq!(world.other_client().product(&most.id).await.unwrap().stock, i32::MAX);
}

pub async fn only_sellers_offer_products(world: &World) {
    let buyer = member(world, "buyer", "grace@example.com").await;
    for form in [teapot(), change(), teapot().stock(-1)] {
        assert_refused(buyer.client.create(&form).await, ErrorCode::RoleNotAllowed);
        assert_refused(world.client().create(&form).await, ErrorCode::TokenMissing);
        assert_refused(
            world.client().with_authorization("Bearer rubbish").create(&form).await,
            ErrorCode::TokenInvalid,
        );
    }
    assert!(world.client().products(&Query::default()).await.unwrap().items.is_empty());
}

pub async fn a_token_whose_account_is_gone_offers_nothing(world: &World) {
    let seller = seller(world).await;
    world.database.execute(&format!("DELETE FROM users WHERE id = '{}'", seller.id));
    assert_refused(seller.client.create(&teapot()).await, ErrorCode::TokenInvalid);
    assert!(world.client().products(&Query::default()).await.unwrap().items.is_empty());
}

pub async fn two_products_may_be_alike(world: &World) {
    let seller = seller(world).await;
    let (one, two) = (seller.client.create(&teapot()).await.unwrap(), seller.client.create(&teapot()).await.unwrap());
    assert_ne!(one.id, two.id);
    assert_eq!(world.client().products(&Query::default()).await.unwrap().items.len(), 2);
}

pub async fn an_unknown_product_is_not_found(world: &World) {
    let seller = seller(world).await;
    let unknown = uuid::Uuid::now_v7().to_string();
    for id in [unknown.as_str(), "1", "not-a-uuid", &seller.id, &unknown.replace('-', "")] {
        assert_refused(world.client().product(id).await, ErrorCode::ProductNotFound);
    }
}
