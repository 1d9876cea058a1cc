//! Guessing at one account is slowed down.

use super::assert_refused;
use domain::error::ErrorCode;
use std::time::Duration;
use testkit::shop::{PASSWORD, Refusal, Shop, ada};
use testkit::world::World;

/// The limits per client are out of the way, so that only the throttle per account is seen.
pub const SETTINGS: &[(&str, &str)] = &[
    ("rate_limit.enabled", "true"),
    ("rate_limit.credentials_per_minute", "100000"),
    ("rate_limit.credentials_per_hour", "100000"),
];

/// How many failures cost nothing.
const FREE_FAILURES: usize = 5;

async fn fail(shop: &dyn Shop, email: &str, times: usize) {
    for _ in 0..times {
        assert_refused(shop.login(email, "password124").await, ErrorCode::LoginFailed);
    }
}

async fn throttled(shop: &dyn Shop, email: &str, password: &str) -> Refusal {
    let refusal = assert_refused(shop.login(email, password).await, ErrorCode::LoginThrottled);
    let wait = refusal.retry_after.unwrap();
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(900), "{wait:?}");
    refusal
}

/// The time to wait in whole seconds, as REST tells it; gRPC tells the rest of the last one too.
fn seconds(refusal: &Refusal) -> u64 {
    refusal.retry_after.unwrap().as_secs_f64().ceil() as u64
}

pub async fn after_five_failures_even_the_right_password_waits(world: &World) {
    let shop = world.shop();
    shop.register(&ada()).await.unwrap();
    fail(&*shop, "ada@example.com", FREE_FAILURES).await;
    throttled(&*shop, "ada@example.com", PASSWORD).await;

    world.clock.advance(2);
    fail(&*shop, "ada@example.com", 1).await;
    let refusal = throttled(&*shop, "ADA@example.com", PASSWORD).await;
    assert_eq!(seconds(&refusal), 2, "each failure doubles the wait");

    world.clock.advance(3);
    shop.login("ada@example.com", PASSWORD).await.unwrap();
}

pub async fn an_unknown_email_is_made_to_wait_alike(world: &World) {
    let shop = world.shop();
    shop.register(&ada()).await.unwrap();
    for email in ["ada@example.com", "eve@example.com"] {
        fail(&*shop, email, FREE_FAILURES).await;
        let refusal = throttled(&*shop, email, "password124").await;
        assert_eq!(seconds(&refusal), 1, "{email}");
    }
}

pub async fn failures_are_counted_over_both_protocols_together(world: &World) {
    world.shop().register(&ada()).await.unwrap();
    fail(&*world.shop(), "ada@example.com", 2).await;
    fail(&*world.other_shop(), "ada@example.com", FREE_FAILURES - 2).await;
    throttled(&*world.shop(), "ada@example.com", PASSWORD).await;
    throttled(&*world.other_shop(), "ada@example.com", PASSWORD).await;
}

pub async fn a_login_forgets_the_failures_before_it(world: &World) {
    let shop = world.shop();
    shop.register(&ada()).await.unwrap();
    for _ in 0..3 {
        fail(&*shop, "ada@example.com", FREE_FAILURES - 1).await;
        shop.login("ada@example.com", PASSWORD).await.unwrap();
    }
}
