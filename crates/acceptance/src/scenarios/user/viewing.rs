//! Reading one's own account.

use super::assert_refused;
use domain::error::ErrorCode;
use testkit::client::{PASSWORD, ada};
use testkit::member::register_and_log_in;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_profile_needs_a_token(world: &World) {
    let id = world.client().register(&ada()).await.unwrap().id;
    assert_refused(world.client().profile(&id).await, ErrorCode::TokenMissing);
    for nothing in ["", "Bearer", "Bearer "] {
        assert_refused(world.client().with_authorization(nothing).profile(&id).await, ErrorCode::TokenMissing);
    }
    for rubbish in ["Bearer rubbish", "rubbish", "Basic YWRhOnBhc3N3b3Jk", "Bearer a.b.c", "Bearer ..", "Bearer \u{7f}"]
    {
        if reqwest::header::HeaderValue::from_str(rubbish).is_ok() {
            assert_refused(world.client().with_authorization(rubbish).profile(&id).await, ErrorCode::TokenInvalid);
        }
    }
}

pub async fn a_token_is_taken_with_and_without_its_scheme(world: &World) {
    let ada = register_and_log_in(&*world.client(), &ada()).await;
    for scheme in ["Bearer ", "bearer ", "BEARER ", "Bearer   ", ""] {
        let profile = world.client().with_authorization(&format!("{scheme}{}", ada.token)).profile(&ada.id).await;
        assert_eq!(profile.unwrap().id, ada.id, "{scheme:?}");
    }
    let shouted = ada.id.to_uppercase();
    assert_eq!(world.client().with_authorization(&ada.token).profile(&shouted).await.unwrap().id, ada.id);
}

pub async fn nobody_elses_account_is_shown_be_it_there_or_not(world: &World) {
    let ada_in = register_and_log_in(&*world.client(), &ada()).await;
    let other = world.client().register(&ada().email("grace@example.com")).await.unwrap().id;
    let absent = uuid::Uuid::now_v7().to_string();
    let mut seen = Vec::new();
    for id in [other.as_str(), &absent, "not-a-uuid", "1", "me"] {
        let call_error =
            assert_refused(world.client().with_authorization(&ada_in.token).profile(id).await, ErrorCode::Forbidden);
        assert!(!call_error.received.contains(&other), "{call_error:?}");
        seen.push(call_error.received);
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "whether another account exists is not told: {seen:?}");
}

pub async fn an_account_that_vanished_is_not_found(world: &World) {
    let ada = register_and_log_in(&*world.client(), &ada()).await;
    world.database.execute(&format!("DELETE FROM users WHERE id = '{}'", ada.id));
    assert_refused(world.client().with_authorization(&ada.token).profile(&ada.id).await, ErrorCode::UserNotFound);
    assert_refused(world.client().login("ada@example.com", PASSWORD).await, ErrorCode::LoginFailed);
}

pub async fn public_calls_do_not_look_at_a_token(world: &World) {
    let client = world.client().with_authorization("Bearer rubbish");
    register_and_log_in(&*client, &ada()).await;
}
