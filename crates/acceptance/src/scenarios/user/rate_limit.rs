//! The rate limit of a client.

use super::assert_refused;
use domain::error::ErrorCode;
use std::time::Duration;
use testkit::client::ada;
use testkit::member::register_and_log_in;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[("rate_limit.enabled", "true"), ("rate_limit.credentials_per_minute", "30")];

pub async fn the_thirty_first_use_of_credentials_in_a_minute_is_refused(world: &World) {
    for attempt in 0..30 {
        // Half of them over the other protocol, because the client is the same. Each uses another account,
        // so that no account is throttled.
        let client = if attempt % 2 == 0 { world.client() } else { world.other_client() };
        let outcome = client.login(&format!("eve{attempt}@example.com"), "password124").await;
        assert_refused(outcome, ErrorCode::LoginFailed);
    }
    for call_error in [
        assert_refused(world.client().login("ada@example.com", "password124").await, ErrorCode::RateLimited),
        assert_refused(world.client().register(&ada()).await, ErrorCode::RateLimited),
    ] {
        let wait = call_error.retry_after.unwrap();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(60), "{wait:?}");
    }
}

pub async fn reads_have_an_allowance_of_their_own(world: &World) {
    let ada = register_and_log_in(&*world.client(), &ada()).await;
    for attempt in 0..28 {
        let outcome = world.client().login(&format!("eve{attempt}@example.com"), "password124").await;
        assert_refused(outcome, ErrorCode::LoginFailed);
    }
    assert_refused(world.client().login("eve@example.com", "password124").await, ErrorCode::RateLimited);
    for _ in 0..40 {
        world.client().with_authorization(&ada.token).profile(&ada.id).await.unwrap();
    }
}
