//! Rotation of the signing key without logging anybody out (RFC 8725 §3.5, key rotation).

use super::assert_refused;
use app::clock::Clock;
use domain::error::ErrorCode;
use jsonwebtoken::Algorithm;
use serde_json::json;
use testkit::client::{PASSWORD, ada};
use testkit::member::register_and_log_in;
use testkit::token::{KID, claims, header, sign, verified, with};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] =
    &[("auth.jwt.verification_keys", "[{ kid = \"previous\", secret = \"previous-secret-of-more-than-32-bytes\" }]")];

const PREVIOUS_KID: &str = "previous";
const PREVIOUS_SECRET: &str = "previous-secret-of-more-than-32-bytes";

pub async fn a_token_of_the_previous_key_is_still_accepted(world: &World) {
    let ada = register_and_log_in(&*world.client(), &ada()).await;
    let claims = claims(&ada.id, world.clock.now().timestamp());
    let previous = with(&header(), "kid", json!(PREVIOUS_KID));
    let token = sign(&previous, &claims, PREVIOUS_SECRET.as_bytes(), Algorithm::HS256);
    assert_eq!(world.client().with_authorization(&token).profile(&ada.id).await.unwrap().id, ada.id);
    assert_eq!(world.client().with_authorization(&ada.token).profile(&ada.id).await.unwrap().id, ada.id);

    let under_another_name = sign(&header(), &claims, PREVIOUS_SECRET.as_bytes(), Algorithm::HS256);
    assert_refused(
        world.client().with_authorization(&under_another_name).profile(&ada.id).await,
        ErrorCode::TokenInvalid,
    );
}

pub async fn a_new_token_is_signed_with_the_current_key(world: &World) {
    world.client().register(&ada()).await.unwrap();
    let token = world.client().login("ada@example.com", PASSWORD).await.unwrap().token;
    let (header, _) = verified(&token, testkit::token::SECRET);
    assert_eq!(header.kid.as_deref(), Some(KID));
}
