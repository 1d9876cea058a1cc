//! Entity tags, by which sellers avoid overwriting each other's changes.

use crate::scenarios::user::{assert_fields, assert_refused};
use domain::error::ErrorCode;
use std::collections::BTreeSet;
use testkit::client::{change, teapot};
use testkit::member::{member, seller};
use testkit::world::World;
use tokio::task::JoinSet;

pub const SETTINGS: &[(&str, &str)] = &[];

const WRITERS: i32 = 20;

pub async fn each_change_makes_another_entity_tag(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let mut tags = BTreeSet::from([made.etag.clone()]);
    for stock in 0..5 {
        let changed = seller.client.update(&made.id, &change().stock(stock)).await.unwrap();
        assert!(tags.insert(changed.etag.clone()), "{} was there before", changed.etag);
        for client in [world.client(), world.other_client()] {
            assert_eq!(client.product(&made.id).await.unwrap().etag, changed.etag);
        }
    }
}

pub async fn a_change_of_what_has_changed_meanwhile_is_refused(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let fresh = seller.client.with_if_match(&made.etag).update(&made.id, &change().price("2")).await.unwrap();

    let stale = seller.client.with_if_match(&made.etag);
    assert_refused(stale.update(&made.id, &change().price("3")).await, ErrorCode::ProductChanged);
    assert_refused(stale.delete(&made.id).await, ErrorCode::ProductChanged);
    assert_eq!(world.client().product(&made.id).await.unwrap(), fresh);

    let other = world.other_client().with_authorization(&seller.token);
    let newer = other.with_if_match(&fresh.etag).update(&made.id, &change().price("4")).await.unwrap();
    assert_eq!(newer.price, "4", "a tag of one protocol is good on the other");
    seller.client.with_if_match(&newer.etag).delete(&made.id).await.unwrap();
    assert_refused(world.client().product(&made.id).await, ErrorCode::ProductNotFound);
}

pub async fn a_condition_that_cannot_be_read_matches_nothing(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    for tag in ["nonsense", "\"", "1", &made.etag.replace('"', ""), "W/\"99\"", "\"0\", \"99\""] {
        let client = seller.client.with_if_match(tag);
        assert_refused(client.update(&made.id, &change().price("3")).await, ErrorCode::ProductChanged);
        assert_refused(client.delete(&made.id).await, ErrorCode::ProductChanged);
    }
    assert_eq!(world.client().product(&made.id).await.unwrap(), made);
    for tag in ["*", &format!("\"99\", {}", made.etag)] {
        assert_eq!(seller.client.with_if_match(tag).update(&made.id, &change()).await.unwrap(), made, "{tag}");
    }
}

/// nginx marks the tag of a compressed answer as weak; Apache appends the coding's name.
pub async fn a_tag_that_a_proxy_has_changed_is_known_again(world: &World) {
    let seller = seller(world).await;
    let mut known = seller.client.create(&teapot()).await.unwrap();
    for price in 1..5 {
        let bare = known.etag.replace('"', "");
        let changed = match price {
            1 => format!("W/\"{bare}\""),
            2 => format!("\"{bare}-gzip\""),
            3 => format!("\"99\", W/\"{bare};gzip\""),
            _ => format!("\"{bare}--gzip\""),
        };
        let price = price.to_string();
        let owner = seller.client.with_if_match(&changed);
        let now = owner.update(&known.id, &change().price(&price)).await.unwrap();
        assert_eq!(now.price, price, "{changed}");
        assert_refused(owner.update(&known.id, &change().price("9")).await, ErrorCode::ProductChanged);
        known = now;
    }
}

pub async fn a_condition_is_judged_after_all_else(world: &World) {
    let owner = seller(world).await;
    let other = member(world, "seller", "grace@example.com").await;
    let made = owner.client.create(&teapot()).await.unwrap();
    let unknown = uuid::Uuid::now_v7().to_string();
    let stale = owner.client.with_if_match("\"99\"");
    assert_refused(stale.update(&unknown, &change()).await, ErrorCode::ProductNotFound);
    assert_refused(other.client.with_if_match("\"99\"").update(&made.id, &change()).await, ErrorCode::Forbidden);
    let wrong = [("stock", "product stock cannot be negative")];
    assert_fields(stale.update(&made.id, &change().stock(-1)).await, &wrong);
    assert_refused(stale.update(&made.id, &change()).await, ErrorCode::ProductChanged);
}

pub async fn of_twenty_writers_with_one_entity_tag_one_wins(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let mut race = JoinSet::new();
    for at in 0..WRITERS {
        // Half of them over the other protocol.
        let client = if at % 2 == 0 { world.client() } else { world.other_client() };
        let (client, id) = (client.with_authorization(&seller.token).with_if_match(&made.etag), made.id.clone());
        race.spawn(async move { client.update(&id, &change().stock(100 + at)).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = race.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, usize::try_from(WRITERS).unwrap() - 1));
    for outcome in lost {
        assert_refused(outcome, ErrorCode::ProductChanged);
    }
    let winner = won.into_iter().next().unwrap().unwrap();
    assert_eq!(world.client().product(&made.id).await.unwrap(), winner);
}

/// Each writer reads the stock and increments it, on the condition that the product has not changed.
pub async fn no_change_is_lost_among_writers_who_try_again(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().stock(0)).await.unwrap();
    let mut race = JoinSet::new();
    for _ in 0..5 {
        let (client, id) = (world.client().with_authorization(&seller.token), made.id.clone());
        race.spawn(async move {
            loop {
                let seen = client.product(&id).await.unwrap();
                let form = change().stock(seen.stock + 1);
                match client.with_if_match(&seen.etag).update(&id, &form).await {
                    Ok(_) => return,
                    Err(call_error) => assert_eq!(call_error.code, ErrorCode::ProductChanged, "{call_error:?}"),
                }
            }
        });
    }
    race.join_all().await;
    assert_eq!(world.client().product(&made.id).await.unwrap().stock, 5);
}
