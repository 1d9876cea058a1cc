//! Images of products: when they are removed.

use crate::scenarios::user::{assert_fields, assert_refused};
use domain::error::ErrorCode;
use testkit::client::{change, teapot};
use testkit::image_files::{jpeg, png};
use testkit::member::seller;
use testkit::world::World;
use tokio::task::JoinSet;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_replaced_image_goes(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    let changed = seller.client.update(&made.id, &change().image(jpeg(9, 9))).await.unwrap();
    assert_ne!(changed.image_url, made.image_url);
    assert_eq!((changed.name, changed.price, changed.stock), (made.name, made.price, made.stock));
    world.wait_until("one image is left", async || world.stored_images().len() == 1).await;
    assert_eq!(world.rest().download(&changed.image_url).await.status, 200);
    assert_eq!(world.rest().download(&made.image_url).await.status, 404);
}

pub async fn a_withdrawn_products_image_goes(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    let stays = seller.client.create(&teapot().image(png(9, 9))).await.unwrap();
    seller.client.delete(&made.id).await.unwrap();
    world.wait_until("one image is left", async || world.stored_images().len() == 1).await;
    assert_eq!(world.rest().download(&made.image_url).await.status, 404);
    assert_eq!(world.rest().download(&stays.image_url).await.status, 200);
}

pub async fn a_change_of_something_else_keeps_the_image(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    let changed = seller.client.update(&made.id, &change().price("1")).await.unwrap();
    assert_eq!(changed.image_url, made.image_url);
    assert_eq!(world.rest().download(&changed.image_url).await.status, 200);
}

pub async fn a_refused_change_keeps_the_old_image_and_no_other(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    let stale = seller.client.with_if_match("\"99\"").update(&made.id, &change().image(png(9, 9))).await;
    assert_refused(stale, ErrorCode::ProductChanged);
    let wrong = seller.client.update(&made.id, &change().stock(-1).image(png(9, 9))).await;
    assert_fields(wrong, &[("stock", "product stock cannot be negative")]);
    let call_error = seller.client.update(&made.id, &change().image(b"no image".to_vec())).await.unwrap_err();
    assert_eq!(call_error.code, ErrorCode::InvalidRequest);

    assert_eq!(world.stored_images().len(), 1);
    assert_eq!(world.client().product(&made.id).await.unwrap(), made);
    assert_eq!(world.rest().download(&made.image_url).await.status, 200);
}

pub async fn of_images_that_race_one_is_left(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    let mut race = JoinSet::new();
    for at in 0..6 {
        let (client, id) = (world.client().with_authorization(&seller.token), made.id.clone());
        let client = if at % 2 == 0 { client } else { client.with_if_match(&made.etag) };
        race.spawn(async move {
            if let Err(call_error) = client.update(&id, &change().image(png(10 + at, 8))).await {
                assert_eq!(call_error.code, ErrorCode::ProductChanged, "{call_error:?}");
            }
        });
    }
    race.join_all().await;
    world.wait_until("one image is left", async || world.stored_images().len() == 1).await;
    let kept = world.client().product(&made.id).await.unwrap();
    assert_eq!(world.rest().download(&kept.image_url).await.status, 200);
}
