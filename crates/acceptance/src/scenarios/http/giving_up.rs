//! Clients that do not wait for the answer.

use super::{REGISTER, body};
use reqwest::Method;
use std::time::Duration;
use testkit::client::{PASSWORD, ada};
use testkit::raw::Answer;
use testkit::world::World;

/// Hashing takes long enough for a client to disconnect before it ends.
pub const SETTINGS: &[(&str, &str)] = &[("auth.bcrypt_cost", "11")];

/// A command runs to its end after its client has disconnected, so that no change is half made.
pub async fn a_caller_who_hangs_up_leaves_no_half_made_account(world: &World) {
    let request = world.rest().request(Method::POST, REGISTER).json(&body(&ada()));
    let gone = Answer::try_of(request.timeout(Duration::from_millis(40))).await;
    assert!(gone.is_err_and(|error| error.is_timeout()), "the caller left before the answer came");
    world
        .wait_until("the account is there", async || world.client().login("ada@example.com", PASSWORD).await.is_ok())
        .await;
    assert_eq!(world.database.texts("SELECT id AS value FROM users").len(), 1);
}
