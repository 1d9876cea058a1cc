//! The throttle of log-ins to one account.

use super::assert_refused;
use domain::error::ErrorCode;
use std::time::Duration;
use testkit::client::{CallError, PASSWORD, ShopClient, ada};
use testkit::world::World;

/// Without limits per client, so that only the throttle per account applies.
pub const SETTINGS: &[(&str, &str)] = &[
    ("rate_limit.enabled", "true"),
    ("rate_limit.credentials_per_minute", "100000"),
    ("rate_limit.credentials_per_hour", "100000"),
];

/// The number of failures before the throttle applies.
const FREE_FAILURES: usize = 5;

async fn fail(client: &dyn ShopClient, email: &str, times: usize) {
    for _ in 0..times {
        assert_refused(client.login(email, "password124").await, ErrorCode::LoginFailed);
    }
}

async fn throttled(client: &dyn ShopClient, email: &str, password: &str) -> CallError {
    let call_error = assert_refused(client.login(email, password).await, ErrorCode::LoginThrottled);
    let wait = call_error.retry_after.unwrap();
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(900), "{wait:?}");
    call_error
}

/// The waiting time in whole seconds, as in REST; gRPC has fractions of a second.
fn seconds(call_error: &CallError) -> u64 {
    call_error.retry_after.unwrap().as_secs_f64().ceil() as u64
}

pub async fn after_five_failures_even_the_right_password_waits(world: &World) {
    let client = world.client();
    client.register(&ada()).await.unwrap();
    fail(&*client, "ada@example.com", FREE_FAILURES).await;
    throttled(&*client, "ada@example.com", PASSWORD).await;

    world.clock.advance(2);
    fail(&*client, "ada@example.com", 1).await;
    let call_error = throttled(&*client, "ADA@example.com", PASSWORD).await;
    assert_eq!(seconds(&call_error), 2, "each failure doubles the wait");

    world.clock.advance(3);
    client.login("ada@example.com", PASSWORD).await.unwrap();
}

pub async fn an_unknown_email_is_made_to_wait_alike(world: &World) {
    let client = world.client();
    client.register(&ada()).await.unwrap();
    for email in ["ada@example.com", "eve@example.com"] {
        fail(&*client, email, FREE_FAILURES).await;
        let call_error = throttled(&*client, email, "password124").await;
        assert_eq!(seconds(&call_error), 1, "{email}");
    }
}

pub async fn failures_are_counted_over_both_protocols_together(world: &World) {
    world.client().register(&ada()).await.unwrap();
    fail(&*world.client(), "ada@example.com", 2).await;
    fail(&*world.other_client(), "ada@example.com", FREE_FAILURES - 2).await;
    throttled(&*world.client(), "ada@example.com", PASSWORD).await;
    throttled(&*world.other_client(), "ada@example.com", PASSWORD).await;
}

pub async fn a_login_forgets_the_failures_before_it(world: &World) {
    let client = world.client();
    client.register(&ada()).await.unwrap();
    for _ in 0..3 {
        fail(&*client, "ada@example.com", FREE_FAILURES - 1).await;
        client.login("ada@example.com", PASSWORD).await.unwrap();
    }
}
