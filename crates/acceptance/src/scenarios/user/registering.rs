//! Registering a user.

use super::{assert_fields, assert_refused};
use domain::error::ErrorCode;
use testkit::client::{PASSWORD, RegisterForm, ada};
use testkit::member::register_and_log_in;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

const INVALID_EMAIL: &str = "invalid email format. example: emailname@example.com";
const INVALID_ROLE: &str = "invalid role. allowed roles: buyer, seller";
const TOO_SHORT: &str = "minimum length for field password is 8 characters";
const MISMATCH: &str = "password do not match";

pub async fn an_account_is_opened_entered_and_shown(world: &World) {
    for (role, email) in [("buyer", "ada@example.com"), ("seller", "grace@example.com")] {
        let registered = world.client().register(&ada().role(role).email(email)).await.unwrap();
        assert_eq!((registered.role.as_str(), registered.email.as_str()), (role, email));

        let logged_in = world.client().login(email, PASSWORD).await.unwrap();
        assert_eq!((&logged_in.id, logged_in.role.as_str()), (&registered.id, role));

        let profile = world
            .client()
            .with_authorization(&format!("Bearer {}", logged_in.token))
            .profile(&logged_in.id)
            .await
            .unwrap();
        assert_eq!((profile.id, profile.name.as_str()), (registered.id.clone(), "Ada Lovelace"));
        assert_eq!((profile.email.as_str(), profile.role.as_str()), (email, role));
        assert_eq!(uuid::Uuid::parse_str(&registered.id).unwrap().to_string(), registered.id);
    }
}

pub async fn what_is_made_over_one_protocol_is_read_over_the_other(world: &World) {
    let registered = world.client().register(&ada()).await.unwrap();
    let logged_in = world.other_client().login(&registered.email, PASSWORD).await.unwrap();
    let here = world.client().with_authorization(&logged_in.token).profile(&registered.id).await.unwrap();
    let there = world.other_client().with_authorization(&logged_in.token).profile(&registered.id).await.unwrap();
    assert_eq!(here, there);
}

pub async fn each_missing_field_is_named(world: &World) {
    let blank: [(&str, RegisterForm); 4] = [
        ("name", ada().name("")),
        ("email", ada().email("  ")),
        ("role", ada().role("")),
        ("confirm_password", ada().confirm_password("")),
    ];
    for (field, form) in blank {
        let message = format!("{field} is empty");
        let call_error = assert_fields(world.client().register(&form).await, &[(field, &message)]);
        assert_eq!((call_error.code, call_error.message), (ErrorCode::InvalidRequest, message));
    }
    let form = RegisterForm { password: String::new(), ..ada() };
    let both = [("password", "password is empty"), ("confirm_password", MISMATCH)];
    assert_fields(world.client().register(&form).await, &both);
}

pub async fn every_mistake_is_told_at_once_in_the_order_of_the_fields(world: &World) {
    let empty = ada().name("").email("").role("").password("");
    let fields = ["name", "email", "role", "password", "confirm_password"];
    let messages = fields.map(|field| format!("{field} is empty"));
    let expected: Vec<_> = fields.iter().copied().zip(messages.iter().map(String::as_str)).collect();
    let call_error = assert_fields(world.client().register(&empty).await, &expected);
    assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::InvalidRequest, "name is empty"));

    let wrong = ada().name("\u{7}").email("nonsense").role("pirate").password("short").confirm_password("other");
    let expected = [
        ("name", "field name contains control characters"),
        ("email", INVALID_EMAIL),
        ("role", INVALID_ROLE),
        ("password", TOO_SHORT),
        ("confirm_password", MISMATCH),
    ];
    assert_fields(world.client().register(&wrong).await, &expected);
}

/// The order in which the Go system checked: empty fields, the role, the e-mail, the password's length, whether the
/// e-mail is taken, the confirmation.
pub async fn the_first_message_is_the_one_that_go_told_first(world: &World) {
    world.client().register(&ada()).await.unwrap();
    let free = || ada().email("free@example.com");
    let told = [
        (ada().email("nonsense").role("pirate").password("short").confirm_password(""), "confirm_password is empty"),
        (ada().email("nonsense").role("pirate").password("short").confirm_password("other"), INVALID_ROLE),
        (ada().email("nonsense").password("short").confirm_password("other"), INVALID_EMAIL),
        (ada().password("short").confirm_password("other"), TOO_SHORT),
        (ada().confirm_password("other"), "email already exists"),
        (free().confirm_password("other"), MISMATCH),
    ];
    for (form, message) in told {
        assert_eq!(world.client().register(&form).await.unwrap_err().message, message, "{form:?}");
    }
}

pub async fn a_role_is_one_of_two_words(world: &World) {
    for role in ["admin", "Buyer", "SELLER", "buyer,seller", "0"] {
        let call_error = assert_fields(world.client().register(&ada().role(role)).await, &[("role", INVALID_ROLE)]);
        assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::InvalidRequest, INVALID_ROLE));
    }
}

pub async fn a_text_that_is_no_address_is_refused(world: &World) {
    let local_part_too_long = format!("{}@example.com", "a".repeat(65));
    let too_long = format!("ada@{}.com", "a.".repeat(130));
    let texts = [
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "ada@example..com",
        "ada example@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada\0@example.com",
        "a@b@example.com",
        "Ada <ada@example.com>",
        "ada@[127.0.0.1]",
        &local_part_too_long,
        &too_long,
    ];
    for text in texts {
        let call_error = assert_fields(world.client().register(&ada().email(text)).await, &[("email", INVALID_EMAIL)]);
        assert_eq!(call_error.message, INVALID_EMAIL, "{text:?}");
    }
}

pub async fn an_email_is_kept_as_typed(world: &World) {
    let registered = world.client().register(&ada().email(" Ada.Lovelace+Shop@Example.COM ")).await.unwrap();
    assert_eq!(registered.email, "Ada.Lovelace+Shop@Example.COM");
    let token = world.client().login("ada.lovelace+shop@example.com", PASSWORD).await.unwrap().token;
    let profile = world.client().with_authorization(&token).profile(&registered.id).await.unwrap();
    assert_eq!(profile.email, "Ada.Lovelace+Shop@Example.COM");
}

pub async fn letters_with_marks_are_one_account_in_any_spelling(world: &World) {
    for (typed, kept, again) in [
        ("Jose\u{301}@Example.com", "Jos\u{e9}@Example.com", "jos\u{e9}@example.com"),
        ("\u{928}\u{93f}\u{915}\u{94d}\u{915}\u{940}@example.com", "निक्की@example.com", "निक्की@EXAMPLE.com"),
        ("\u{915}\u{93c}@example.com", "\u{915}\u{93c}@example.com", "\u{958}@example.com"),
        ("ที่อยู่@example.com", "ที่อยู่@example.com", "ที่อยู่@EXAMPLE.com"),
    ] {
        let registered = world.client().register(&ada().email(typed)).await.unwrap();
        assert_eq!(registered.email, kept);
        for spelling in [typed, kept, again] {
            let call_error = world.client().register(&ada().email(spelling)).await.unwrap_err();
            assert_eq!(call_error.code, ErrorCode::EmailTaken, "{spelling:?}");
            assert_eq!(world.client().login(spelling, PASSWORD).await.unwrap().id, registered.id, "{spelling:?}");
        }
    }
}

pub async fn a_domain_that_no_mail_server_can_have_is_refused(world: &World) {
    for domain in [
        "example.c",
        "127.0.0.1",
        "0x7f.0.0.0x1",
        "localhost",
        "mail.localhost",
        "-a.com",
        "a-.com",
        "a_b.com",
        "example.com.",
        "example.123",
    ] {
        let outcome = world.client().register(&ada().email(format!("ada@{domain}"))).await;
        assert_eq!(assert_fields(outcome, &[("email", INVALID_EMAIL)]).message, INVALID_EMAIL, "{domain}");
    }
    for domain in ["shop.test", "mail.shop.local", "почта.рф", "xn--bcher-kva.example", "1.com"] {
        world.client().register(&ada().email(format!("ada@{domain}"))).await.unwrap();
    }
}

/// Passwords that are refused today were accepted once.
pub async fn an_account_is_entered_however_old_the_rules_are_that_it_was_opened_under(world: &World) {
    for (email, key, typed) in [
        ("Ada@example.c", "ada@example.c", "ADA@example.c"),
        ("ada@127.0.0.1", "ada@127.0.0.1", "ada@127.0.0.1"),
        ("\u{958}@example.com", "\u{958}@example.com", "\u{958}@EXAMPLE.com"),
    ] {
        let id = world.client().register(&ada()).await.unwrap().id;
        let aged = format!("UPDATE users SET email = '{email}', email_key = '{key}' WHERE id = '{id}'");
        world.database.execute(&aged);
        let logged_in = world.client().login(typed, PASSWORD).await.unwrap();
        assert_eq!(logged_in.id, id);
        let profile = world.client().with_authorization(&logged_in.token).profile(&id).await.unwrap();
        assert_eq!(profile.email, email);
        let taken = world.client().register(&ada().email(email)).await.unwrap_err();
        assert!(matches!(taken.code, ErrorCode::EmailTaken | ErrorCode::InvalidRequest), "{taken:?}");
        assert_eq!(world.client().login(typed, PASSWORD).await.unwrap().id, id);
    }
    for nobodys in ["eve@example.c", "eve@127.0.0.1"] {
        assert_refused(world.client().login(nobodys, PASSWORD).await, ErrorCode::LoginFailed);
    }
}

pub async fn a_taken_email_is_refused_and_named(world: &World) {
    let first = register_and_log_in(&*world.client(), &ada()).await;
    let second = world.client().register(&ada().name("Somebody Else").password("another password")).await;
    let call_error = assert_fields(second, &[("email", "email already exists")]);
    assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::EmailTaken, "email already exists"));

    let profile = world.client().with_authorization(&first.token).profile(&first.id).await.unwrap();
    assert_eq!(profile.name, "Ada Lovelace", "the account that was there first is untouched");
    assert_refused(world.client().login("ada@example.com", "another password").await, ErrorCode::LoginFailed);
}

pub async fn a_taken_email_is_one_identity_however_it_is_spelt(world: &World) {
    world.client().register(&ada()).await.unwrap();
    world.client().register(&ada().email("ÅSA@Bücher.example")).await.unwrap();
    for spelling in
        ["ADA@EXAMPLE.COM", "aDa@example.Com", " ada@example.com ", "åsa@xn--bcher-kva.example", "åsa@BÜCHER.EXAMPLE"]
    {
        let call_error = world.client().register(&ada().email(spelling)).await.unwrap_err();
        assert_eq!(call_error.code, ErrorCode::EmailTaken, "{spelling:?}");
    }
    for other in ["ada+shop@example.com", "a.da@example.com", "asa@bücher.example"] {
        world.client().register(&ada().email(other)).await.unwrap();
    }
}

pub async fn a_taken_email_is_told_before_a_password_that_is_not_confirmed(world: &World) {
    world.client().register(&ada()).await.unwrap();
    let outcome = world.client().register(&ada().confirm_password("password124")).await;
    let call_error = assert_fields(outcome, &[("email", "email already exists"), ("confirm_password", MISMATCH)]);
    assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::EmailTaken, "email already exists"));
}

pub async fn a_name_that_acts_on_the_text_around_it_is_refused(world: &World) {
    let message = "field name contains control characters";
    for name in
        ["Ada\r\nBcc: eve@example.com", "Ada\0", "Ada\u{1b}[2J", "Ada \u{202e}ecalevoL", "A\u{2028}b", "A\u{2066}b"]
    {
        assert_fields(world.client().register(&ada().name(name)).await, &[("name", message)]);
    }
}

pub async fn a_name_of_which_nothing_can_be_seen_is_empty(world: &World) {
    for name in ["\u{200B}", "\u{200E} \u{200F}", "\u{3164}", "\u{2800}\u{FEFF}", "\u{00AD}"] {
        assert_fields(world.client().register(&ada().name(name)).await, &[("name", "name is empty")]);
    }
}

pub async fn a_name_in_any_script_is_kept_to_the_last_character(world: &World) {
    let longest = "😀".repeat(255);
    for (at, name) in [
        "Ådä Løvelace",
        "艾達·洛夫萊斯",
        "O'Hara; -- \"\\%_",
        "\u{200F}עדה (Ada)\u{200E}",
        "\u{061C}آدا می\u{200C}خواهم",
        "ක්\u{200D}ෂ",
        &longest,
    ]
    .into_iter()
    .enumerate()
    {
        let form = ada().name(format!(" {name} ")).email(format!("ada{at}@example.com"));
        let logged_in = register_and_log_in(&*world.client(), &form).await;
        let profile = world.client().with_authorization(&logged_in.token).profile(&logged_in.id).await.unwrap();
        assert_eq!(profile.name, name);
    }
    let outcome = world.client().register(&ada().name("x".repeat(256))).await;
    assert_fields(outcome, &[("name", "maximum length for field name is 255 characters")]);
}
