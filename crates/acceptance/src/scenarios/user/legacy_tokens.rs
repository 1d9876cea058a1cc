//! Tokens of the Go system, during a cut-over.

use super::assert_refused;
use app::clock::Clock;
use domain::error::ErrorCode;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use testkit::client::ada;
use testkit::member::register_and_log_in;
use testkit::token::{ISSUER, SECRET, header, legacy_claims, legacy_header, sign, signed, with};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[("auth.jwt.accept_legacy", "true")];

/// The lifetime of the old system's tokens and the allowed clock skew, in seconds.
const LIFETIME: i64 = 86_400;

async fn assert_legacy(world: &World, id: &str, token: &str, is_accepted: bool) {
    let outcome = world.client().with_authorization(token).profile(id).await;
    if is_accepted {
        assert_eq!(outcome.unwrap().id, id);
    } else {
        assert_refused(outcome, ErrorCode::TokenInvalid);
    }
}

pub async fn a_token_of_the_old_system_is_accepted_when_asked_for(world: &World) {
    let ada = register_and_log_in(&*world.client(), &ada()).await;
    let claims = legacy_claims(&ada.id, world.clock.now().timestamp() + LIFETIME);
    assert_legacy(world, &ada.id, &signed(&legacy_header(), &claims), true).await;
    assert_legacy(world, &ada.id, &ada.token, true).await;

    let another_key = sign(&legacy_header(), &claims, b"another secret of more than 32 bytes", Algorithm::HS256);
    let another_algorithm =
        sign(&with(&legacy_header(), "alg", json!("HS512")), &claims, SECRET.as_bytes(), Algorithm::HS512);
    let another_role = signed(&legacy_header(), &with(&claims, "role", json!("admin")));
    let unauthorized = signed(&legacy_header(), &with(&claims, "authorized", json!(false)));
    for refused in [another_key, another_algorithm, another_role, unauthorized] {
        assert_legacy(world, &ada.id, &refused, false).await;
    }
}

pub async fn a_token_of_the_old_system_may_not_outlive_a_day(world: &World) {
    let ada = register_and_log_in(&*world.client(), &ada()).await;
    let ending =
        |seconds: i64| signed(&legacy_header(), &legacy_claims(&ada.id, world.clock.now().timestamp() + seconds));
    for (seconds, is_accepted) in [(LIFETIME + 50, true), (LIFETIME + 90, false), (2 * LIFETIME, false), (-31, false)] {
        assert_legacy(world, &ada.id, &ending(seconds), is_accepted).await;
    }
    let endless = with(&legacy_claims(&ada.id, 0), "exp", Value::Null);
    assert_legacy(world, &ada.id, &signed(&legacy_header(), &endless), false).await;
}

/// A token is checked as new or as legacy; leaving claims out must not select the weaker check (RFC 8725 §3.12).
pub async fn a_token_with_an_issuer_does_not_pass_for_one_of_the_old_system(world: &World) {
    let ada = register_and_log_in(&*world.client(), &ada()).await;
    let claims = legacy_claims(&ada.id, world.clock.now().timestamp() + LIFETIME);
    for (header, claims) in [
        (legacy_header(), with(&claims, "iss", json!(ISSUER))),
        (legacy_header(), with(&claims, "iss", json!("another"))),
        (header(), claims),
    ] {
        assert_legacy(world, &ada.id, &signed(&header, &claims), false).await;
    }
}
