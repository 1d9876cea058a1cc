//! Withdrawing products.

use crate::scenarios::user::assert_refused;
use domain::error::ErrorCode;
use testkit::member::seller;
use testkit::shop::{Query, change, teapot};
use testkit::world::World;
use tokio::task::JoinSet;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_withdrawn_product_vanishes_from_every_read(world: &World) {
    let seller = seller(world).await;
    let stays = seller.shop.create(&teapot().name("Stays")).await.unwrap();
    let goes = seller.shop.create(&teapot().name("Goes")).await.unwrap();
    seller.shop.delete(&goes.id).await.unwrap();

    for shop in [world.shop(), world.other_shop()] {
        assert_refused(shop.product(&goes.id).await, ErrorCode::ProductNotFound);
        for sort in ["newest", "oldest", "price", "-price", "name"] {
            let listing = shop.products(&Query::default().sort(sort)).await.unwrap();
            assert_eq!(listing.items, [stays.listed()], "{sort}");
            assert!(listing.total.is_none_or(|total| total == 1));
        }
        for query in [Query::default().q("goes"), Query::default().seller(&seller.id).q("Goes")] {
            assert!(shop.products(&query).await.unwrap().items.is_empty());
        }
    }
    assert_refused(seller.shop.delete(&goes.id).await, ErrorCode::ProductNotFound);
    assert_refused(seller.shop.update(&goes.id, &change().price("1")).await, ErrorCode::ProductNotFound);
    assert_eq!(world.shop().product(&stays.id).await.unwrap(), stays);
}

/// What was bought will name it.
pub async fn a_withdrawn_product_is_kept_out_of_sight(world: &World) {
    let seller = seller(world).await;
    let made = seller.shop.create(&teapot()).await.unwrap();
    seller.shop.delete(&made.id).await.unwrap();
    let kept = format!("SELECT name AS value FROM products WHERE id = '{}' AND deleted_at IS NOT NULL", made.id);
    assert_eq!(world.database.texts(&kept), ["Teapot"]);
}

pub async fn of_twenty_who_withdraw_at_once_one_does(world: &World) {
    let seller = seller(world).await;
    let made = seller.shop.create(&teapot()).await.unwrap();
    let mut race = JoinSet::new();
    for _ in 0..20 {
        let (shop, id) = (world.shop().bearing(&seller.token), made.id.clone());
        race.spawn(async move { shop.delete(&id).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = race.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 19));
    for outcome in lost {
        assert_refused(outcome, ErrorCode::ProductNotFound);
    }
}

/// Whichever comes last finds no product or changes one that vanishes: none comes back.
pub async fn a_change_that_races_a_withdrawal_brings_nothing_back(world: &World) {
    let seller = seller(world).await;
    let made = seller.shop.create(&teapot()).await.unwrap();
    let mut race = JoinSet::new();
    for at in 0..10 {
        let (shop, id) = (world.shop().bearing(&seller.token), made.id.clone());
        race.spawn(async move {
            if at == 5 {
                shop.delete(&id).await.unwrap();
            } else if let Err(refusal) = shop.update(&id, &change().stock(at)).await {
                assert_eq!(refusal.code, ErrorCode::ProductNotFound, "{refusal:?}");
            }
        });
    }
    race.join_all().await;
    assert_refused(world.shop().product(&made.id).await, ErrorCode::ProductNotFound);
    assert!(world.shop().products(&Query::default()).await.unwrap().items.is_empty());
}
