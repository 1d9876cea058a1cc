//! Deleting products.

use crate::scenarios::user::assert_refused;
use domain::error::ErrorCode;
use testkit::client::{Query, change, teapot};
use testkit::member::seller;
use testkit::world::World;
use tokio::task::JoinSet;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_withdrawn_product_vanishes_from_every_read(world: &World) {
    let seller = seller(world).await;
    let stays = seller.client.create(&teapot().name("Stays")).await.unwrap();
    let goes = seller.client.create(&teapot().name("Goes")).await.unwrap();
    seller.client.delete(&goes.id).await.unwrap();

    for client in [world.client(), world.other_client()] {
        assert_refused(client.product(&goes.id).await, ErrorCode::ProductNotFound);
        for sort in ["newest", "oldest", "price", "-price", "name"] {
            let listing = client.products(&Query::default().sort(sort)).await.unwrap();
            assert_eq!(listing.items, [stays.listed()], "{sort}");
            assert!(listing.total.is_none_or(|total| total == 1));
        }
        for query in [Query::default().q("goes"), Query::default().seller(&seller.id).q("Goes")] {
            assert!(client.products(&query).await.unwrap().items.is_empty());
        }
    }
    assert_refused(seller.client.delete(&goes.id).await, ErrorCode::ProductNotFound);
    assert_refused(seller.client.update(&goes.id, &change().price("1")).await, ErrorCode::ProductNotFound);
    assert_eq!(world.client().product(&stays.id).await.unwrap(), stays);
}

/// Payments refer to it.
pub async fn a_withdrawn_product_is_kept_out_of_sight(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    seller.client.delete(&made.id).await.unwrap();
    let kept = format!("SELECT name AS value FROM products WHERE id = '{}' AND deleted_at IS NOT NULL", made.id);
    assert_eq!(world.database.texts(&kept), ["Teapot"]);
}

pub async fn of_twenty_who_withdraw_at_once_one_does(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let mut race = JoinSet::new();
    for _ in 0..20 {
        let (client, id) = (world.client().with_authorization(&seller.token), made.id.clone());
        race.spawn(async move { client.delete(&id).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = race.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 19));
    for outcome in lost {
        assert_refused(outcome, ErrorCode::ProductNotFound);
    }
}

/// Whichever comes last, the product stays deleted.
pub async fn a_change_that_races_a_withdrawal_brings_nothing_back(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let mut race = JoinSet::new();
    for at in 0..10 {
        let (client, id) = (world.client().with_authorization(&seller.token), made.id.clone());
        race.spawn(async move {
            if at == 5 {
                client.delete(&id).await.unwrap();
            } else if let Err(call_error) = client.update(&id, &change().stock(at)).await {
                assert_eq!(call_error.code, ErrorCode::ProductNotFound, "{call_error:?}");
            }
        });
    }
    race.join_all().await;
    assert_refused(world.client().product(&made.id).await, ErrorCode::ProductNotFound);
    assert!(world.client().products(&Query::default()).await.unwrap().items.is_empty());
}
