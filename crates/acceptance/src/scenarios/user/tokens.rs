//! Valid and invalid access tokens.

use super::assert_refused;
use app::clock::Clock;
use domain::error::ErrorCode;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use testkit::client::{LoggedIn, PASSWORD, ada};
use testkit::member::register_and_log_in;
use testkit::token::{
    AUDIENCE, ISSUER, KID, SECRET, base64url, claims, header, legacy_claims, legacy_header, sign, signed, with,
};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

/// The allowed clock skew, in seconds.
const LEEWAY: i64 = 30;

async fn account(world: &World) -> (LoggedIn, Value) {
    let logged_in = register_and_log_in(&*world.client(), &ada()).await;
    let claims = claims(&logged_in.id, world.clock.now().timestamp());
    (logged_in, claims)
}

async fn assert_accepted(world: &World, id: &str, token: &str) {
    assert_eq!(world.client().with_authorization(token).profile(id).await.unwrap().id, id);
}

async fn assert_token_refused(world: &World, id: &str, token: &str, why: &str) {
    let outcome = world.client().with_authorization(&format!("Bearer {token}")).profile(id).await;
    assert!(outcome.is_err(), "accepted: {why}");
    assert_refused(outcome, ErrorCode::TokenInvalid);
}

/// RFC 8725 §2 and §3: a forged header must not choose how the token is checked.
pub async fn a_forged_header_opens_nothing(world: &World) {
    let (ada, claims) = account(world).await;
    assert_accepted(world, &ada.id, &signed(&header(), &claims)).await;
    for (why, token) in other_algorithms(&claims).into_iter().chain(other_keys(&claims)) {
        assert_token_refused(world, &ada.id, &token, why).await;
    }
}

/// Tokens that name another algorithm than the key's.
fn other_algorithms(claims: &Value) -> Vec<(&'static str, String)> {
    let named = |alg: Value| with(&header(), "alg", alg);
    let unsigned = |alg: &str| {
        let header = named(json!(alg)).to_string();
        format!("{}.{}.", base64url(header.as_bytes()), base64url(claims.to_string().as_bytes()))
    };
    let with_secret = |alg: &str, algorithm| sign(&named(json!(alg)), claims, SECRET.as_bytes(), algorithm);
    vec![
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg NONE", unsigned("NONE")),
        ("alg empty", signed(&named(json!("")), claims)),
        ("alg absent", signed(&named(Value::Null), claims)),
        ("alg HS384", with_secret("HS384", Algorithm::HS384)),
        ("alg HS512", with_secret("HS512", Algorithm::HS512)),
        ("alg RS256 with the secret for a key", with_secret("RS256", Algorithm::HS256)),
        ("no signature", signed(&header(), claims).rsplit_once('.').unwrap().0.to_owned() + "."),
    ]
}

/// Tokens that name or contain another key.
fn other_keys(claims: &Value) -> Vec<(&'static str, String)> {
    let own = b"a key of the forger's own choosing";
    let jwk = with(&header(), "jwk", json!({ "kty": "oct", "k": base64url(own) }));
    vec![
        ("crit", signed(&with(&header(), "crit", json!(["exp"])), claims)),
        ("jwk", sign(&jwk, claims, own, Algorithm::HS256)),
        ("jku", forged_with("jku", "http://127.0.0.1:1/keys", claims)),
        ("x5u", forged_with("x5u", "http://127.0.0.1:1/chain", claims)),
        ("kid a path", forged_with("kid", "../../../../dev/null", claims)),
        ("kid SQL", forged_with("kid", "x' UNION SELECT 'forged' --", claims)),
        ("kid unknown", signed(&with(&header(), "kid", json!("unknown")), claims)),
        ("empty secret", sign(&header(), claims, b"", Algorithm::HS256)),
        ("another secret", sign(&header(), claims, b"another secret of more than 32 bytes", Algorithm::HS256)),
    ]
}

fn forged_with(member: &str, value: &str, claims: &Value) -> String {
    sign(&with(&header(), member, json!(value)), claims, b"", Algorithm::HS256)
}

pub async fn a_token_ends_when_it_expires(world: &World) {
    let (ada, claims) = account(world).await;
    let now = world.clock.now().timestamp();
    let expired = |seconds: i64| signed(&header(), &with(&claims, "exp", json!(now - seconds)));
    assert_accepted(world, &ada.id, &expired(LEEWAY - 3)).await;
    assert_token_refused(world, &ada.id, &expired(LEEWAY + 1), "expired").await;

    world.clock.advance(86_400 - 5);
    assert_accepted(world, &ada.id, &ada.token).await;
    world.clock.advance(5 + LEEWAY + 1);
    assert_token_refused(world, &ada.id, &ada.token, "a day old").await;
}

pub async fn a_token_is_not_taken_before_its_time(world: &World) {
    let (ada, claims) = account(world).await;
    let now = world.clock.now().timestamp();
    for claim in ["nbf", "iat"] {
        let early = |seconds: i64| signed(&header(), &with(&claims, claim, json!(now + seconds)));
        assert_accepted(world, &ada.id, &early(LEEWAY - 1)).await;
        assert_token_refused(world, &ada.id, &early(LEEWAY + 5), claim).await;
    }
}

pub async fn a_token_of_another_issuer_or_for_another_audience_is_refused(world: &World) {
    let (ada, claims) = account(world).await;
    for (claim, own) in [("iss", ISSUER), ("aud", AUDIENCE)] {
        for other in [json!("another"), json!(""), json!(own.to_uppercase()), json!(["another"]), json!(7)] {
            let token = signed(&header(), &with(&claims, claim, other));
            assert_token_refused(world, &ada.id, &token, claim).await;
        }
    }
}

pub async fn a_token_without_a_required_claim_is_refused(world: &World) {
    let (ada, claims) = account(world).await;
    for claim in ["exp", "iss", "aud", "sub", "role"] {
        let token = signed(&header(), &with(&claims, claim, Value::Null));
        assert_token_refused(world, &ada.id, &token, claim).await;
    }
    for (claim, value) in [("exp", json!("tomorrow")), ("sub", json!("not-a-uuid")), ("exp", json!(-1))] {
        assert_token_refused(world, &ada.id, &signed(&header(), &with(&claims, claim, value)), claim).await;
    }
}

pub async fn a_role_that_does_not_exist_is_refused(world: &World) {
    let (ada, claims) = account(world).await;
    for role in ["admin", "Buyer", "", "buyer seller"] {
        let token = signed(&header(), &with(&claims, "role", json!(role)));
        assert_token_refused(world, &ada.id, &token, role).await;
    }
}

pub async fn a_token_of_the_old_system_is_refused_unless_asked_for(world: &World) {
    let (ada, _) = account(world).await;
    let in_a_day = world.clock.now().timestamp() + 86_400;
    let token = signed(&legacy_header(), &legacy_claims(&ada.id, in_a_day));
    assert_token_refused(world, &ada.id, &token, "legacy").await;
}

pub async fn an_endless_token_is_refused_before_it_is_read(world: &World) {
    let (ada, claims) = account(world).await;
    let padded = |bytes: usize| signed(&header(), &with(&claims, "padding", json!("x".repeat(bytes))));
    assert_accepted(world, &ada.id, &padded(2_000)).await;
    assert_token_refused(world, &ada.id, &padded(4_096), "longer than 4 KiB").await;
    assert!(world.client().login("ada@example.com", PASSWORD).await.is_ok());
    assert!(signed(&header(), &claims).len() < 4_096 && KID.len() < 64);
}
