//! The rate limits of internal services, which apply to log-ins only.

use crate::scenarios::user::assert_refused;
use domain::error::ErrorCode;
use testkit::client::{Query, change, teapot};
use testkit::member::seller;
use testkit::world::World;

/// With the default limits.
pub const SETTINGS: &[(&str, &str)] = &[("rate_limit.enabled", "true")];

pub async fn a_service_reads_and_writes_without_limit(world: &World) {
    let ada = seller(world).await;
    let made = ada.client.create(&teapot()).await.unwrap();
    for round in 0..250 {
        ada.client.update(&made.id, &change().stock(round)).await.unwrap();
        for _ in 0..2 {
            ada.client.profile(&ada.id).await.unwrap();
            ada.client.product(&made.id).await.unwrap();
        }
    }
    ada.client.products(&Query::default()).await.unwrap();
    // Over REST the same account is limited.
    let over_rest = world.other_client().with_authorization(&ada.token);
    for round in 0..100 {
        over_rest.update(&made.id, &change().stock(round)).await.unwrap();
    }
    assert_refused(over_rest.update(&made.id, &change().stock(1)).await, ErrorCode::RateLimited);
    ada.client.update(&made.id, &change().stock(1)).await.unwrap();
}

pub async fn log_ins_are_limited_all_the_same(world: &World) {
    for attempt in 0..30 {
        let outcome = world.client().login(&format!("eve{attempt}@example.com"), "password124").await;
        assert_refused(outcome, ErrorCode::LoginFailed);
    }
    assert_refused(world.client().login("eve@example.com", "password124").await, ErrorCode::RateLimited);
}
