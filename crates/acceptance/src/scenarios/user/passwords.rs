//! Valid and equal passwords.

use super::{assert_fields, assert_refused};
use domain::error::ErrorCode;
use testkit::client::{PASSWORD, ada};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

/// Characters are code points, as NIST SP 800-63B §3.1.1.2 counts them.
pub async fn seven_characters_are_too_few_and_eight_enough(world: &World) {
    let too_short = "minimum length for field password is 8 characters";
    for password in ["1234567", &"é".repeat(7)] {
        assert_fields(world.client().register(&ada().password(password)).await, &[("password", too_short)]);
    }
    for (at, password) in ["12345678", &"é".repeat(8)].into_iter().enumerate() {
        let email = format!("ada{at}@example.com");
        world.client().register(&ada().email(&email).password(password)).await.unwrap();
        world.client().login(&email, password).await.unwrap();
    }
}

pub async fn seventy_two_bytes_are_the_most(world: &World) {
    let too_long = "maximum length for field password is 72 bytes";
    for password in ["x".repeat(73), "é".repeat(37), "x".repeat(10_000)] {
        assert_fields(world.client().register(&ada().password(password)).await, &[("password", too_long)]);
    }
    for (at, password) in ["x".repeat(72), "é".repeat(36)].into_iter().enumerate() {
        let email = format!("ada{at}@example.com");
        world.client().register(&ada().email(&email).password(&password)).await.unwrap();
        world.client().login(&email, &password).await.unwrap();
    }
}

pub async fn a_longer_password_is_never_cut_to_the_right_one(world: &World) {
    let longest = "x".repeat(72);
    world.client().register(&ada().password(&longest)).await.unwrap();
    for wrong in [format!("{longest}x"), format!("{longest}\0"), "x".repeat(71), "x".repeat(10_000)] {
        assert_refused(world.client().login("ada@example.com", &wrong).await, ErrorCode::LoginFailed);
    }
}

pub async fn a_nul_is_refused_and_never_ends_a_password_early(world: &World) {
    let outcome = world.client().register(&ada().password("pass\0word")).await;
    assert_fields(outcome, &[("password", "field password contains a NUL character")]);

    world.client().register(&ada()).await.unwrap();
    for wrong in [format!("{PASSWORD}\0"), format!("{PASSWORD}\0{PASSWORD}"), "\0".to_owned()] {
        assert_refused(world.client().login("ada@example.com", &wrong).await, ErrorCode::LoginFailed);
    }
}

pub async fn a_space_a_case_and_an_accent_make_another_password(world: &World) {
    for (at, (right, wrong)) in [
        (" passw0rd ", "passw0rd"),
        ("passw0rd", "passw0rd "),
        ("Passw0rd", "passw0rd"),
        ("        ", "         "),
        ("caf\u{e9} noir", "cafe noir"),
        ("ﬁn de si\u{e8}cle", "fin de si\u{e8}cle"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("ada{at}@example.com");
        world.client().register(&ada().email(&email).password(right)).await.unwrap();
        assert_refused(world.client().login(&email, wrong).await, ErrorCode::LoginFailed);
        world.client().login(&email, right).await.unwrap();
    }
}

/// RFC 8265 §4.2: two keyboards may send different code points for the same keys.
pub async fn a_password_is_the_same_in_every_spelling(world: &World) {
    let spellings = ["caf\u{e9} noir", "cafe\u{301} noir", "caf\u{e9}\u{a0}noir", "cafe\u{301}\u{3000}noir"];
    for (at, chosen) in spellings.into_iter().enumerate() {
        let email = format!("ada{at}@example.com");
        let form = ada().email(&email).password(chosen).confirm_password(spellings[3 - at]);
        world.client().register(&form).await.unwrap();
        for typed in spellings {
            world.client().login(&email, typed).await.unwrap();
        }
    }
    let short = ada().email("eve@example.com").password("e\u{301}".repeat(7));
    let outcome = world.client().register(&short).await;
    assert_fields(outcome, &[("password", "minimum length for field password is 8 characters")]);
}

pub async fn a_stored_text_that_is_no_hash_is_a_failed_login(world: &World) {
    let id = world.client().register(&ada()).await.unwrap().id;
    for rubbish in
        ["", "rubbish", "$2b$", "$2b$04$short", "$2b$99$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga"]
    {
        world.database.execute(&format!("UPDATE users SET password_hash = '{rubbish}' WHERE id = '{id}'"));
        assert_refused(world.client().login("ada@example.com", PASSWORD).await, ErrorCode::LoginFailed);
    }
}
