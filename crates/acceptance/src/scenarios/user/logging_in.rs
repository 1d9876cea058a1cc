//! Logging in.

use super::{assert_fields, assert_refused};
use app::clock::Clock;
use domain::error::ErrorCode;
use serde_json::json;
use testkit::client::{PASSWORD, ada};
use testkit::token::{self, AUDIENCE, ISSUER, KID, SECRET};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_missing_field_is_named(world: &World) {
    let (no_email, no_password) = (("email", "email is empty"), ("password", "password is empty"));
    for (email, password, expected) in [
        ("", PASSWORD, vec![no_email]),
        ("ada@example.com", "", vec![no_password]),
        (" ", "", vec![no_email, no_password]),
    ] {
        let call_error = assert_fields(world.client().login(email, password).await, &expected);
        assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::InvalidLogin, expected[0].1));
    }
}

pub async fn a_text_that_is_no_address_is_refused_as_such(world: &World) {
    let message = "invalid email format. example: emailname@example.com";
    for (password, first) in [(PASSWORD, message), ("", "password is empty")] {
        let call_error = world.client().login("nonsense", password).await.unwrap_err();
        assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::InvalidLogin, first));
        assert!(call_error.fields.contains(&("email".to_owned(), message.to_owned())));
    }
}

pub async fn an_email_logs_in_however_it_is_spelt(world: &World) {
    let id = world.client().register(&ada()).await.unwrap().id;
    for spelling in ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@Example.com "] {
        assert_eq!(world.client().login(spelling, PASSWORD).await.unwrap().id, id);
    }
}

/// A stranger must not learn who has an account (OWASP Authentication Cheat Sheet, "Authentication and error messages").
pub async fn a_wrong_password_and_an_unknown_email_look_the_same_to_the_byte(world: &World) {
    world.client().register(&ada()).await.unwrap();
    let wrong = assert_refused(world.client().login("ada@example.com", "password124").await, ErrorCode::LoginFailed);
    let unknown = assert_refused(world.client().login("eve@example.com", "password124").await, ErrorCode::LoginFailed);
    assert_eq!(wrong.received, unknown.received);
    assert!(wrong.fields.is_empty());
}

pub async fn a_token_says_what_gos_clients_and_services_read(world: &World) {
    let id = world.client().register(&ada().role("seller")).await.unwrap().id;
    let token = world.client().login("ada@example.com", PASSWORD).await.unwrap().token;
    let (header, claims) = token::verified(&token, SECRET);
    assert_eq!(header.alg, jsonwebtoken::Algorithm::HS256);
    assert_eq!((header.typ.as_deref(), header.kid.as_deref()), (Some("at+jwt"), Some(KID)));

    let expected = [
        ("authorized", json!(true)),
        ("id", json!(id)),
        ("sub", json!(id)),
        ("role", json!("seller")),
        ("iss", json!(ISSUER)),
        ("aud", json!(AUDIENCE)),
    ];
    for (claim, value) in expected {
        assert_eq!(claims[claim], value, "{claim}");
    }
    let lifetime = claims["exp"].as_i64().unwrap() - world.clock.now().timestamp();
    assert!((86_340..=86_400).contains(&lifetime), "a day, not {lifetime} seconds");
    assert!(claims["iat"].as_i64().unwrap() <= world.clock.now().timestamp());

    let again = world.client().login("ada@example.com", PASSWORD).await.unwrap().token;
    assert_ne!(claims["jti"], token::verified(&again, SECRET).1["jti"], "each token has an identifier of its own");
}
