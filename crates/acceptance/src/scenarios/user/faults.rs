//! What goes wrong on our side, and what must not.

use super::assert_refused;
use domain::error::ErrorCode;
use testkit::member::entered;
use testkit::shop::{PASSWORD, ada};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_stored_row_that_makes_no_sense_is_our_fault_and_tells_nothing(world: &World) {
    let ada = entered(&*world.shop(), &ada()).await;
    world.database.execute(&format!("UPDATE users SET role = 'rubbish' WHERE id = '{}'", ada.id));
    for refusal in [
        assert_refused(world.shop().bearing(&ada.token).profile(&ada.id).await, ErrorCode::Internal),
        assert_refused(world.shop().login("ada@example.com", PASSWORD).await, ErrorCode::Internal),
    ] {
        let received = refusal.received.to_lowercase();
        for word in ["rubbish", "role", "users", "select", "diesel", "panick", ".rs", "sqlite", "postgres", "mysql"] {
            assert!(!received.contains(word), "{word:?} leaks: {received}");
        }
    }
}

pub async fn text_that_looks_like_sql_is_text(world: &World) {
    let owner = entered(&*world.shop(), &ada()).await;
    let name = "Robert'); DROP TABLE users;--";
    let robert = entered(&*world.shop(), &ada().name(name).email("o'hara%_@example.com")).await;
    assert_eq!(world.shop().bearing(&robert.token).profile(&robert.id).await.unwrap().name, name);
    assert_refused(world.shop().login("o'hara__@example.com", PASSWORD).await, ErrorCode::LoginFailed);
    world.shop().bearing(&owner.token).profile(&owner.id).await.unwrap();
}
