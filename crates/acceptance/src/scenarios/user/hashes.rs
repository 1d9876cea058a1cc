//! Password hashes of the Go system.

use super::assert_refused;
use domain::error::ErrorCode;
use testkit::client::ada;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[("auth.bcrypt_cost", "11")];

/// A hash of [`GO_PASSWORD`] from the tests of Go's own implementation (golang.org/x/crypto/bcrypt, `bcrypt_test.go`).
const GO_HASH: &str = "$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga";
const GO_PASSWORD: &str = "allmine";

/// A hash of `cafe\u{301} noir` without preparation of the password.
const TYPED_HASH: &str = "$2a$10$XajjQvNhvvRt5GSeFk1xFeNufM8IDPA0B0y9vTFLMNqpEP5kapLx6";

async fn account_with(world: &World, hash: &str) -> String {
    let id = world.client().register(&ada()).await.unwrap().id;
    world.database.execute(&format!("UPDATE users SET password_hash = '{hash}' WHERE id = '{id}'"));
    id
}

async fn account_from_go(world: &World) -> String {
    account_with(world, GO_HASH).await
}

fn stored(world: &World, id: &str) -> String {
    world.database.texts(&format!("SELECT password_hash AS value FROM users WHERE id = '{id}'")).join("")
}

pub async fn a_hash_that_go_made_verifies_and_is_renewed(world: &World) {
    let id = account_from_go(world).await;
    world.client().login("ada@example.com", GO_PASSWORD).await.unwrap();
    let renewed = stored(world, &id);
    assert!(renewed.starts_with("$2b$11$"), "the hash is of the configured cost: {renewed}");

    world.client().login("ada@example.com", GO_PASSWORD).await.unwrap();
    assert_eq!(stored(world, &id), renewed, "a hash that is strong enough stays");
}

pub async fn a_wrong_password_renews_nothing(world: &World) {
    let id = account_from_go(world).await;
    assert_refused(world.client().login("ada@example.com", "allmine2").await, ErrorCode::LoginFailed);
    assert_eq!(stored(world, &id), GO_HASH);
}

pub async fn a_hash_of_a_password_as_it_was_typed_verifies_and_is_renewed(world: &World) {
    let id = account_with(world, TYPED_HASH).await;
    let (composed, apart) = ("caf\u{e9} noir", "cafe\u{301} noir");
    assert_refused(world.client().login("ada@example.com", composed).await, ErrorCode::LoginFailed);
    world.client().login("ada@example.com", apart).await.unwrap();
    assert_ne!(stored(world, &id), TYPED_HASH);
    for spelling in [composed, apart] {
        world.client().login("ada@example.com", spelling).await.unwrap();
    }
}
