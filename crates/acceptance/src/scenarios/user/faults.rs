//! Errors on the server's side.

use super::assert_refused;
use domain::error::ErrorCode;
use testkit::client::{PASSWORD, ada};
use testkit::member::register_and_log_in;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_stored_row_that_makes_no_sense_is_our_fault_and_tells_nothing(world: &World) {
    let ada = register_and_log_in(&*world.client(), &ada()).await;
    world.database.execute(&format!("UPDATE users SET role = 'rubbish' WHERE id = '{}'", ada.id));
    for call_error in [
        assert_refused(world.client().with_authorization(&ada.token).profile(&ada.id).await, ErrorCode::Internal),
        assert_refused(world.client().login("ada@example.com", PASSWORD).await, ErrorCode::Internal),
    ] {
        let received = call_error.received.to_lowercase();
        for word in ["rubbish", "role", "users", "select", "diesel", "panick", ".rs", "sqlite", "postgres", "mysql"] {
            assert!(!received.contains(word), "{word:?} leaks: {received}");
        }
    }
}

pub async fn text_that_looks_like_sql_is_text(world: &World) {
    let owner = register_and_log_in(&*world.client(), &ada()).await;
    let name = "Robert'); DROP TABLE users;--";
    let robert = register_and_log_in(&*world.client(), &ada().name(name).email("o'hara%_@example.com")).await;
    assert_eq!(world.client().with_authorization(&robert.token).profile(&robert.id).await.unwrap().name, name);
    assert_refused(world.client().login("o'hara__@example.com", PASSWORD).await, ErrorCode::LoginFailed);
    world.client().with_authorization(&owner.token).profile(&owner.id).await.unwrap();
}
