//! Changing products.

use crate::scenarios::user::assert_fields;
use domain::error::ErrorCode;
use testkit::client::{Product, Query, change, teapot};
use testkit::member::seller;
use testkit::world::World;
use tokio::task::JoinSet;

pub const SETTINGS: &[(&str, &str)] = &[];

/// A product without the fields that every change updates.
fn lasting(product: &Product) -> Product {
    Product { updated_at: String::new(), etag: String::new(), ..product.clone() }
}

pub async fn what_is_absent_or_blank_stays_as_it_is(world: &World) {
    let seller = seller(world).await;
    let mut expected = seller.client.create(&teapot()).await.unwrap();
    for form in [
        change().name("Kettle"),
        change().description("Boils a litre."),
        change().price("250000.50"),
        change().stock(3),
        change().name("Cup").description("").price(" "),
        change().name(" ").price("1").stock(0),
    ] {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        expected.name = given(&form.name).unwrap_or(expected.name);
        expected.description = given(&form.description).unwrap_or(expected.description);
        expected.price = given(&form.price).map_or(expected.price, |price| price.trim_end_matches('0').to_owned());
        expected.stock = form.stock.unwrap_or(expected.stock);
        let changed = seller.client.update(&expected.id, &form).await.unwrap();
        assert_eq!(lasting(&changed), lasting(&expected), "{form:?}");
        assert_eq!(world.client().product(&expected.id).await.unwrap(), changed);
        assert_eq!(world.other_client().product(&expected.id).await.unwrap(), changed);
    }
}

pub async fn a_change_of_nothing_changes_nothing(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    world.clock.advance(60);
    for form in [change(), change().name("\u{200E}").description("  ")] {
        assert_eq!(seller.client.update(&made.id, &form).await.unwrap(), made);
    }
    assert_eq!(world.client().product(&made.id).await.unwrap(), made);
}

pub async fn a_refused_change_changes_nothing(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let wrong = change().name("Kettle\u{7}").price("0").stock(-1);
    let call_error = assert_fields(
        seller.client.update(&made.id, &wrong).await,
        &[
            ("name", "field name contains control characters"),
            ("price", "price is empty or invalid"),
            ("stock", "product stock cannot be negative"),
        ],
    );
    assert_eq!(call_error.code, ErrorCode::InvalidRequest);
    assert_eq!(call_error.message, "price is empty or invalid", "what the Go system told first");
    assert_eq!(world.client().product(&made.id).await.unwrap(), made);
}

pub async fn times_are_told_alike_on_every_read(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let mut before = made.clone();
    for stock in 1..=3 {
        world.clock.advance(1);
        let changed = seller.client.update(&made.id, &change().stock(stock)).await.unwrap();
        assert_eq!(changed.created_at, made.created_at, "a product begins once");
        assert!(changed.updated_at > before.updated_at, "{changed:?}");
        for client in [world.client(), world.other_client()] {
            assert_eq!(client.product(&made.id).await.unwrap(), changed);
            assert_eq!(client.products(&Query::default()).await.unwrap().items, [changed.listed()]);
        }
        before = changed;
    }
}

pub async fn without_a_condition_the_last_change_stays(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let mut race = JoinSet::new();
    for at in 1..=20 {
        let (client, id) = (world.client().with_authorization(&seller.token), made.id.clone());
        race.spawn(async move { client.update(&id, &change().price(at.to_string())).await.unwrap().price });
    }
    let prices = race.join_all().await;
    let kept = world.client().product(&made.id).await.unwrap();
    assert!(prices.contains(&kept.price), "{kept:?}");
    assert_eq!((kept.name, kept.stock), (made.name, made.stock));
}

/// Different people change price and stock at the same moment; neither reverts the other's change.
pub async fn a_change_of_the_price_does_not_touch_the_stock(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let mut race = JoinSet::new();
    for at in 1..=20 {
        let (client, id) = (world.client().with_authorization(&seller.token), made.id.clone());
        let form = if at == 10 { change().stock(77) } else { change().price(at.to_string()) };
        race.spawn(async move { client.update(&id, &form).await.unwrap().stock });
    }
    for stock in race.join_all().await {
        assert!([12, 77].contains(&stock), "{stock}");
    }
    assert_eq!(world.client().product(&made.id).await.unwrap().stock, 77);
}
