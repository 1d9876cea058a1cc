//! The rate limit of a seller's changes, with both protocols limited.

use crate::scenarios::user::assert_refused;
use domain::error::ErrorCode;
use std::time::Duration;
use testkit::client::{Query, change, teapot};
use testkit::member::{member, seller};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[
    ("rate_limit.enabled", "true"),
    ("rate_limit.writes_per_minute", "6"),
    ("rate_limit.grpc_writes_per_minute", "6"),
    ("rate_limit.reads_per_minute", "40"),
    ("rate_limit.grpc_reads_per_minute", "40"),
];

pub async fn the_seventh_change_in_a_minute_is_refused(world: &World) {
    let (ada, grace) = (seller(world).await, member(world, "seller", "grace@example.com").await);
    let made = ada.client.create(&teapot()).await.unwrap();
    let other_way = world.other_client().with_authorization(&ada.token);
    for stock in 1..=4 {
        ada.client.update(&made.id, &change().stock(stock)).await.unwrap();
    }
    assert_eq!(
        ada.client.create(&change()).await.unwrap_err().code,
        ErrorCode::InvalidRequest,
        "it counts all the same"
    );
    for call_error in [
        assert_refused(ada.client.create(&teapot()).await, ErrorCode::RateLimited),
        assert_refused(ada.client.update(&made.id, &change().price("3")).await, ErrorCode::RateLimited),
        assert_refused(ada.client.delete(&made.id).await, ErrorCode::RateLimited),
    ] {
        let wait = call_error.retry_after.unwrap();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(60), "{wait:?}");
    }
    for _ in 0..15 {
        ada.client.products(&Query::default()).await.unwrap();
        assert_eq!(ada.client.product(&made.id).await.unwrap().stock, 4);
    }
    grace.client.create(&teapot()).await.unwrap();
    other_way.update(&made.id, &change().stock(5)).await.unwrap();
}

pub async fn the_forty_first_query_in_a_minute_is_refused(world: &World) {
    let ada = seller(world).await;
    for _ in 0..40 {
        ada.client.profile(&ada.id).await.unwrap();
    }
    assert_refused(ada.client.profile(&ada.id).await, ErrorCode::RateLimited);
    world.other_client().with_authorization(&ada.token).profile(&ada.id).await.unwrap();
}
