//! The ledger of images that are to be removed.

use crate::support::{TestDatabase, image_key, kinds, offer, seller, soon};
use app::entity_tag::EntityTags;
use app::product::{ImageLedger, Products, Removal};
use chrono::{DateTime, TimeDelta, Utc};
use domain::actor::Seller;
use domain::error::ErrorCode;
use domain::product::{Changes, Details, ImageKey, Picture, Product, Stock};
use persistence::Database;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinSet;

fn at(seconds: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
    noon + TimeDelta::seconds(seconds)
}

fn removal(key: &ImageKey, attempts: u32) -> Removal {
    Removal { key: key.clone(), attempts }
}

/// Claims the notes that are due, for a hundred seconds.
async fn claim(database: &Database, second: i64) -> Vec<Removal> {
    database.claim(10, at(second), at(second + 100), soon()).await.unwrap()
}

fn pictured(seller: Seller, key: &ImageKey) -> Product {
    let plain = offer(seller, "tea", "1", at(0));
    Product::offer(seller, Details { picture: Picture::Stored(key.clone()), ..plain.details().clone() }, at(0))
}

fn with_image(key: &ImageKey) -> Changes {
    Changes { picture: Some(Picture::Stored(key.clone())), ..Changes::default() }
}

#[tokio::test]
async fn a_note_is_claimed_when_it_is_due_until_it_is_forgotten() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (first, second) = (image_key(), image_key());
        database.record_upload(&second, at(20), soon()).await.unwrap();
        database.record_upload(&first, at(10), soon()).await.unwrap();
        assert_eq!(claim(&database, 9).await, [], "{kind:?}");
        assert_eq!(claim(&database, 10).await, [removal(&first, 0)], "{kind:?}");
        assert_eq!(claim(&database, 20).await, [removal(&second, 0)], "{kind:?}: a claimed one is somebody's");
        assert_eq!(claim(&database, 110).await, [removal(&first, 1)], "{kind:?}: who claimed it may have fallen");
        database.postpone(&first, at(130), soon()).await.unwrap();
        assert_eq!(
            claim(&database, 130).await,
            [removal(&second, 1), removal(&first, 2)],
            "{kind:?}: the longest due first"
        );
        for key in [&first, &second, &second] {
            database.forget(key, soon()).await.unwrap();
        }
        assert_eq!(claim(&database, 1_000).await, [], "{kind:?}");
    }
}

#[tokio::test]
async fn an_abandoned_image_is_due_at_once_but_not_one_that_is_claimed_or_a_products() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let (abandoned, owned) = (image_key(), image_key());
        for key in [&abandoned, &owned] {
            database.record_upload(key, at(7_200), soon()).await.unwrap();
        }
        database.add(&pictured(ada, &owned), soon()).await.unwrap();
        for key in [&abandoned, &owned] {
            database.abandon(key, at(5), soon()).await.unwrap();
        }
        assert_eq!(claim(&database, 5).await, [removal(&abandoned, 0)], "{kind:?}");
        database.abandon(&abandoned, at(6), soon()).await.unwrap();
        assert_eq!(claim(&database, 6).await, [], "{kind:?}");
    }
}

#[tokio::test]
async fn a_limit_keeps_the_rest_for_later() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        for _ in 0..25 {
            database.record_upload(&image_key(), at(0), soon()).await.unwrap();
        }
        for expected in [10, 10, 5, 0] {
            assert_eq!(claim(&database, 1).await.len(), expected, "{kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_servers_claim_the_same() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let servers = [test.open(), test.open()];
        for round in 0..5 {
            for _ in 0..60 {
                servers[0].record_upload(&image_key(), at(0), soon()).await.unwrap();
            }
            let mut racers = JoinSet::new();
            for racer in 0..10_usize {
                let database = Arc::clone(&servers[racer % 2]);
                racers.spawn(async move {
                    let mut claimed = Vec::new();
                    loop {
                        match database.claim(7, at(0), at(100), soon()).await.unwrap() {
                            none if none.is_empty() => return claimed,
                            some => claimed.extend(some),
                        }
                    }
                });
            }
            let claimed: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
            let places: HashSet<_> = claimed.iter().map(|removal| removal.key.clone()).collect();
            assert_eq!(places.len(), claimed.len(), "{kind:?}, round {round}");
            assert!(claimed.iter().all(|removal| removal.attempts == 0), "{kind:?}, round {round}");
            // A server that claims nothing because others claim the same rows stops; the rows it leaves are claimed below.
            let rest = servers[0].claim(100, at(0), at(100), soon()).await.unwrap();
            assert_eq!(claimed.len() + rest.len(), 60, "{kind:?}, round {round}");
        }
    }
}

#[tokio::test]
async fn an_image_has_a_product_or_a_note_whatever_is_done_to_it() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let (first, second) = (image_key(), image_key());
        for key in [&first, &second] {
            database.record_upload(key, at(0), soon()).await.unwrap();
        }
        let product = pictured(ada, &first);
        database.add(&product, soon()).await.unwrap();
        let mine = product.clone().owned_by(ada).unwrap();
        database.update(&mine, &with_image(&second), &EntityTags::None, at(10), soon()).await.unwrap();
        assert_eq!(claim(&database, 9).await, [], "{kind:?}");
        assert_eq!(claim(&database, 10).await, [removal(&first, 0)], "{kind:?}: the image that was replaced");

        let stock = Changes { stock: Stock::parse("5").ok(), ..Changes::default() };
        database.update(&mine, &stock, &EntityTags::None, at(11), soon()).await.unwrap();
        let same = database.update(&mine, &with_image(&second), &EntityTags::None, at(12), soon()).await.unwrap();
        assert_eq!(same.details().picture.stored(), Some(&second), "{kind:?}: it has it already");
        assert_eq!(claim(&database, 12).await, [], "{kind:?}");

        database.delete(&mine, &EntityTags::None, at(20), soon()).await.unwrap();
        assert_eq!(claim(&database, 20).await, [removal(&second, 0)], "{kind:?}: the withdrawn product's");
    }
}

#[tokio::test]
async fn an_image_that_has_been_given_up_is_no_products_any_more() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let (kept, claimed, unknown) = (image_key(), image_key(), image_key());
        database.record_upload(&claimed, at(0), soon()).await.unwrap();
        database.record_upload(&kept, at(1_000), soon()).await.unwrap();
        assert_eq!(claim(&database, 0).await, [removal(&claimed, 0)], "{kind:?}");
        let product = pictured(ada, &kept);
        database.add(&product, soon()).await.unwrap();
        for key in [&claimed, &unknown] {
            let refused = database.add(&pictured(ada, key), soon()).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::ImageStoreFailed, "{kind:?}");
            let mine = product.clone().owned_by(ada).unwrap();
            let changes = Changes { stock: Stock::parse("5").ok(), ..with_image(key) };
            let refused = database.update(&mine, &changes, &EntityTags::None, at(1), soon()).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::ImageStoreFailed, "{kind:?}");
        }
        let read = Products::product(&*database, product.id(), soon()).await.unwrap();
        assert_eq!(read, Some(product), "{kind:?}: nothing has changed");
        assert_eq!(claim(&database, 100).await, [removal(&claimed, 1)], "{kind:?}: and nothing is noted");
    }
}

/// A worker claims an image at the moment at which a product gets it: one of them succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_claimed_or_given_to_a_product_but_never_both() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let servers = [test.open(), test.open()];
        let ada = seller(&servers[0], "ada@example.com").await;
        for round in 0..30 {
            let key = image_key();
            servers[0].record_upload(&key, at(0), soon()).await.unwrap();
            let product = pictured(ada, &key);
            let (added, claimed) = tokio::join!(servers[0].add(&product, soon()), claim(&servers[1], 0));
            match added {
                Ok(()) => assert_eq!(claimed, [], "{kind:?}, round {round}"),
                Err(refused) => {
                    assert_eq!(refused.code(), ErrorCode::ImageStoreFailed, "{kind:?}, round {round}");
                    assert_eq!(claimed, [removal(&key, 0)], "{kind:?}, round {round}");
                }
            }
        }
    }
}

#[tokio::test]
async fn rubbish_in_the_ledger_is_in_nobodys_way() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        test.raw()
            .execute("INSERT INTO image_notes (image_key, due_at, attempts) VALUES ('../x', '2026-01-01 00:00:00', 0)");
        let key = image_key();
        database.record_upload(&key, at(0), soon()).await.unwrap();
        assert_eq!(claim(&database, 0).await, [removal(&key, 0)], "{kind:?}");
    }
}
