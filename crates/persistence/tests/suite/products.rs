//! Products.

use crate::support::{TestDatabase, image_key, kinds, offer, seller, soon};
use app::entity_tag::EntityTags;
use app::product::{Filter, ImageLedger, ProductQueries, Products, Removal};
use chrono::{DateTime, TimeDelta, Utc};
use domain::actor::Seller;
use domain::error::ErrorCode;
use domain::money::Money;
use domain::product::{
    Changes, Description, Details, ImageUrl, Owned, Picture, Price, Product, ProductId, ProductName, Stock,
};
use domain::user::UserId;
use domain::version::Version;
use persistence::Database;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Amounts that a floating-point number would change, and the smallest and largest amounts.
const AMOUNTS: [&str; 7] = ["0.01", "0.10", "19.99", "10.50", "1234567.89", "99999999.99", "9999999999999.99"];

fn now() -> DateTime<Utc> {
    "2026-11-24T00:00:00.000001Z".parse().unwrap()
}

fn owned(product: &Product, seller: Seller) -> Owned {
    product.clone().owned_by(seller).unwrap()
}

fn expecting(version: i64) -> EntityTags {
    EntityTags::parse(&app::entity_tag::etag(Version::restore(version)))
}

async fn stored(database: &Database, id: ProductId) -> Option<Product> {
    let primary = Products::product(database, id, soon()).await.unwrap();
    assert_eq!(ProductQueries::product(database, id, soon()).await.unwrap(), primary);
    primary
}

/// The notes that are due by then.
async fn due(database: &Database, then: DateTime<Utc>) -> Vec<Removal> {
    database.claim(100, then, then + TimeDelta::days(1), soon()).await.unwrap()
}

#[tokio::test]
async fn every_column_reads_back_as_it_was_written() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let key = image_key();
        database.record_upload(&key, now(), soon()).await.unwrap();
        let pictures = [
            Picture::None,
            Picture::Stored(key),
            Picture::External(ImageUrl::parse("https://example.com/%20ä.png?a=b#c").unwrap()),
        ];
        for picture in pictures {
            let details = Details {
                name: ProductName::parse(&"🛍İ".repeat(127)).unwrap(),
                description: Description::parse(&format!("O'Neil's \"\\\" %_\r\n\t{}", "ß".repeat(4_000))).unwrap(),
                price: Price::parse("1234.5").unwrap(),
                stock: Stock::parse("2147483647").unwrap(),
                picture,
            };
            let written = Product::offer(ada, details, "2026-12-31T23:59:59.999999Z".parse().unwrap());
            database.add(&written, soon()).await.unwrap();
            assert_eq!(stored(&database, written.id()).await, Some(written), "{kind:?}");
        }
        assert_eq!(stored(&database, ProductId::generate()).await, None, "{kind:?}");
    }
}

#[tokio::test]
async fn amounts_are_kept_to_the_last_digit() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        for amount in AMOUNTS {
            let product = offer(ada, "tea", amount, now());
            database.add(&product, soon()).await.unwrap();
            let read = stored(&database, product.id()).await.unwrap();
            assert_eq!(read.details().price, Price::parse(amount).unwrap(), "{kind:?}: {amount}");
            let exactly = Some(Money::parse(amount).unwrap());
            let filter = Filter { min_price: exactly, max_price: exactly, ..Filter::default() };
            assert_eq!(database.count_products(&filter, soon()).await.unwrap(), 1, "{kind:?}: {amount}");
        }
    }
}

#[tokio::test]
async fn a_product_needs_a_seller_who_has_an_account() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let key = image_key();
        database.record_upload(&key, now(), soon()).await.unwrap();
        let ada = seller(&database, "ada@example.com").await;
        test.raw().execute("DELETE FROM users");
        let product = offer(ada, "tea", "1", now());
        let with_image = Product::restore(
            ProductId::generate(),
            ada.id(),
            Details { picture: Picture::Stored(key.clone()), ..product.details().clone() },
            Version::FIRST,
            now(),
            now(),
        );
        for product in [&product, &with_image] {
            let refused = database.add(product, soon()).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::TokenInvalid, "{kind:?}: {refused:?}");
            assert_eq!(stored(&database, product.id()).await, None, "{kind:?}");
        }
        let refused = database.add_missing_products(vec![product], soon()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TokenInvalid, "{kind:?}");
        assert_eq!(due(&database, now()).await, [Removal { key, attempts: 0 }], "{kind:?}: the note has stayed");
    }
}

#[tokio::test]
async fn an_account_with_products_stays() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let product = offer(ada, "tea", "1", now());
        database.add(&product, soon()).await.unwrap();
        database.delete(&owned(&product, ada), &EntityTags::None, now(), soon()).await.unwrap();
        assert!(test.raw().try_execute("DELETE FROM users").is_err(), "{kind:?}");
        for impossible in ["price = -1", "stock = -1"] {
            let update = format!("UPDATE products SET {impossible}");
            assert!(test.raw().try_execute(&update).is_err(), "{kind:?}: {impossible}");
        }
    }
}

#[tokio::test]
async fn only_what_is_decided_anew_changes() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let other = offer(ada, "other", "1", now());
        let product = offer(ada, "Tea", "1.5", now());
        for product in [&other, &product] {
            database.add(product, soon()).await.unwrap();
        }
        let external = Picture::External(ImageUrl::parse("https://example.com/a.png").unwrap());
        let all = [
            Changes { name: Some(ProductName::parse("Café").unwrap()), ..Changes::default() },
            Changes { description: Some(Description::parse("hot").unwrap()), ..Changes::default() },
            Changes { price: Some(Price::parse("9999999999999.99").unwrap()), ..Changes::default() },
            Changes { stock: Some(Stock::parse("0").unwrap()), ..Changes::default() },
            Changes { picture: Some(external), ..Changes::default() },
            Changes { picture: Some(Picture::None), ..Changes::default() },
        ];
        let mut expected = product.clone();
        for (number, changes) in (1..).zip(all) {
            let old = expected.details().clone();
            let details = Details {
                name: changes.name.clone().unwrap_or(old.name),
                description: changes.description.clone().unwrap_or(old.description),
                price: changes.price.unwrap_or(old.price),
                stock: changes.stock.unwrap_or(old.stock),
                picture: changes.picture.clone().unwrap_or(old.picture),
            };
            let (version, then) = (expected.version().next(), now() + TimeDelta::seconds(number));
            expected = Product::restore(product.id(), ada.id(), details, version, product.created_at(), then);
            // The caller may have read the product long ago, which does not matter to columns that the change leaves alone.
            let changed =
                database.update(&owned(&product, ada), &changes, &EntityTags::None, then, soon()).await.unwrap();
            assert_eq!(changed, expected, "{kind:?}: {changes:?}");
            assert_eq!(stored(&database, product.id()).await.as_ref(), Some(&expected), "{kind:?}");
        }
        let found = Filter { text: None, max_price: Some(Money::parse("1").unwrap()), ..Filter::default() };
        assert_eq!(database.count_products(&found, soon()).await.unwrap(), 1, "{kind:?}: the other one is as it was");
        assert_eq!(stored(&database, other.id()).await, Some(other), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_change_one_version_at_once_one_does() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let servers = [test.open(), test.open()];
        let ada = seller(&servers[0], "ada@example.com").await;
        let product = offer(ada, "tea", "1", now());
        servers[0].add(&product, soon()).await.unwrap();
        for round in 1..=20 {
            let mut racers = JoinSet::new();
            for racer in 0..20_usize {
                let (database, product) = (Arc::clone(&servers[racer % 2]), owned(&product, ada));
                let stock = Stock::parse(&racer.to_string()).ok();
                let changes = Changes { stock, ..Changes::default() };
                racers.spawn(async move {
                    let changed = database.update(&product, &changes, &expecting(round), now(), soon()).await;
                    changed.map(|changed| changed.details().stock).map_err(|error| error.code())
                });
            }
            let outcomes = racers.join_all().await;
            let winners: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.ok()).collect();
            let losers = outcomes.iter().filter(|outcome| **outcome == Err(ErrorCode::ProductChanged)).count();
            assert_eq!((winners.len(), losers), (1, 19), "{kind:?}, round {round}: {outcomes:?}");
            let read = stored(&servers[0], product.id()).await.unwrap();
            assert_eq!((read.version().number(), read.details().stock), (round + 1, winners[0]), "{kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_different_fields_at_once_are_all_kept() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let product = offer(ada, "tea", "1", now());
        database.add(&product, soon()).await.unwrap();
        let all = [
            Changes { name: ProductName::parse("coffee").ok(), ..Changes::default() },
            Changes { price: Price::parse("2").ok(), ..Changes::default() },
            Changes { stock: Stock::parse("3").ok(), ..Changes::default() },
        ];
        let mut racers = JoinSet::new();
        for changes in all {
            let (database, product) = (Arc::clone(&database), owned(&product, ada));
            racers.spawn(async move { database.update(&product, &changes, &EntityTags::None, now(), soon()).await });
        }
        assert!(racers.join_all().await.iter().all(Result::is_ok), "{kind:?}");
        let read = stored(&database, product.id()).await.unwrap();
        let details = read.details();
        assert_eq!((details.name.as_str(), details.stock.count()), ("coffee", 3), "{kind:?}");
        assert_eq!((details.price.money().to_string().as_str(), read.version().number()), ("2", 4), "{kind:?}");
    }
}

#[tokio::test]
async fn a_withdrawn_product_is_nowhere() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let (kept, product) = (offer(ada, "kept", "1", now()), offer(ada, "gone", "1", now()));
        for product in [&kept, &product] {
            database.add(product, soon()).await.unwrap();
        }
        let product_of = |tags: &str| (owned(&product, ada), EntityTags::parse(tags));
        let (right, stale) = product_of("\"7\"");
        let refused = database.delete(&right, &stale, now(), soon()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::ProductChanged, "{kind:?}");
        database.delete(&right, &expecting(1), now(), soon()).await.unwrap();

        assert_eq!(stored(&database, product.id()).await, None, "{kind:?}");
        let seller = Some(ada.id());
        for filter in [Filter::default(), Filter { seller, ..Filter::default() }] {
            assert_eq!(database.count_products(&filter, soon()).await.unwrap(), 1, "{kind:?}");
            let listed = crate::listing::all(&database, &filter).await;
            assert_eq!(listed, [kept.id()], "{kind:?}");
        }
        let changes = Changes { stock: Stock::parse("3").ok(), ..Changes::default() };
        let update = database.update(&right, &changes, &EntityTags::None, now(), soon()).await.unwrap_err();
        let delete = database.delete(&right, &EntityTags::None, now(), soon()).await.unwrap_err();
        let gone = ErrorCode::ProductNotFound;
        assert_eq!((update.code(), delete.code()), (gone, gone), "{kind:?}");
        let again = database.add_missing_products(vec![product], soon()).await.unwrap();
        assert_eq!(again, 0, "{kind:?}: what was withdrawn does not come back");
    }
}

#[tokio::test]
async fn stored_rubbish_is_a_fault_of_ours() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let product = offer(ada, "tea", "1", now());
        database.add(&product, soon()).await.unwrap();
        test.raw().execute("UPDATE products SET image_key = '../etc/passwd'");
        let found = Products::product(&*database, product.id(), soon()).await.unwrap_err();
        assert_eq!(found.code(), ErrorCode::Internal, "{kind:?}");
    }
}

#[tokio::test]
async fn many_are_added_at_once_and_those_that_are_there_are_left_out() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let users: Vec<_> =
            (0..1_234).map(|number| crate::support::user(&format!("user{number}@example.com"))).collect();
        assert_eq!(database.add_missing_users(users[..700].to_vec(), soon()).await.unwrap(), 700, "{kind:?}");
        assert_eq!(database.add_missing_users(users.clone(), soon()).await.unwrap(), 534, "{kind:?}");
        assert_eq!(database.add_missing_users(users, soon()).await.unwrap(), 0, "{kind:?}");
        assert_eq!(database.add_missing_users(Vec::new(), soon()).await.unwrap(), 0, "{kind:?}");
        let double = vec![crate::support::user("USER1@example.com")];
        let taken = database.add_missing_users(double, soon()).await.unwrap_err();
        assert_eq!(taken.code(), ErrorCode::EmailTaken, "{kind:?}");

        let ada = seller(&database, "ada@example.com").await;
        let products: Vec<_> = (0..2_345).map(|number| offer(ada, &format!("tea {number}"), "1", now())).collect();
        assert_eq!(database.add_missing_products(products[1_000..1_100].to_vec(), soon()).await.unwrap(), 100);
        assert_eq!(database.add_missing_products(products.clone(), soon()).await.unwrap(), 2_245, "{kind:?}");
        let filter = Filter { seller: Some(ada.id()), ..Filter::default() };
        assert_eq!(database.count_products(&filter, soon()).await.unwrap(), 2_345, "{kind:?}");
        assert_eq!(stored(&database, products[2_000].id()).await.as_ref(), Some(&products[2_000]), "{kind:?}");
        let nobody = Filter { seller: Some(UserId::generate()), ..Filter::default() };
        assert_eq!(database.count_products(&nobody, soon()).await.unwrap(), 0, "{kind:?}");
    }
}
