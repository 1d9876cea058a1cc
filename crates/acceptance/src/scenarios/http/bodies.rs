//! The bodies that requests may have.

use super::{LOGIN, REGISTER, assert_error, body, post};
use domain::error::ErrorCode;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use testkit::client::{PASSWORD, RegisterForm, ada};
use testkit::raw::Answer;
use testkit::rest::call_error;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

/// The largest accepted JSON body, in bytes.
const MAX_JSON: usize = 64 * 1024;
/// The largest accepted form, in bytes.
const MAX_FORM: usize = 64 * 1024;

fn fields(form: &RegisterForm) -> [(&'static str, String); 5] {
    [
        ("name", form.name.clone()),
        ("email", form.email.clone()),
        ("role", form.role.clone()),
        ("password", form.password.clone()),
        ("confirm_password", form.confirm_password.clone()),
    ]
}

fn multipart(form: &RegisterForm) -> Form {
    fields(form).into_iter().fold(Form::new(), |parts, (name, value)| parts.text(name, value))
}

pub async fn json_form_and_multipart_open_the_same_account(world: &World) {
    let form = ada().name("Ådä & Co = 100% +").password("pass word+&=%ü");
    let request =
        |at: usize| (world.rest().request(Method::POST, REGISTER), form.clone().email(format!("ada{at}@example.com")));
    let requests = [
        {
            let (request, form) = request(0);
            request.json(&body(&form))
        },
        {
            let (request, form) = request(1);
            request.form(&fields(&form))
        },
        {
            let (request, form) = request(2);
            request.multipart(multipart(&form))
        },
    ];
    for (at, request) in requests.into_iter().enumerate() {
        let answer = Answer::of(request).await;
        answer.assert_content_type("application/json");
        assert_eq!(answer.status, 201, "{answer:?}");
        let email = format!("ada{at}@example.com");
        let logged_in = world.client().login(&email, &form.password).await.unwrap();
        let profile = world.client().with_authorization(&logged_in.token).profile(&logged_in.id).await.unwrap();
        assert_eq!(profile.name, form.name);
    }
    let login = [("email", "ada0@example.com"), ("password", form.password.as_str())];
    assert_eq!(Answer::of(world.rest().request(Method::POST, LOGIN).form(&login)).await.status, 200);
}

pub async fn an_empty_body_is_all_fields_empty(world: &World) {
    let empty = ["name", "email", "role", "password", "confirm_password"];
    for (content_type, text) in [
        ("application/json", ""),
        ("application/json; charset=utf-8", "{}"),
        ("application/json", "{\"name\":null,\"email\":null}"),
        ("application/x-www-form-urlencoded", ""),
    ] {
        let call_error = call_error(&post(world, REGISTER, content_type, text).await);
        let fields: Vec<_> = call_error.fields.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            (call_error.code, fields.as_slice()),
            (ErrorCode::InvalidRequest, &empty[..]),
            "{content_type} {text:?}"
        );
    }
    let without_a_type = Answer::of(world.rest().request(Method::POST, REGISTER)).await;
    assert_eq!(call_error(&without_a_type).message, "name is empty");
    assert_eq!(call_error(&post(world, LOGIN, "application/json", "").await).code, ErrorCode::InvalidLogin);
}

/// Mass assignment (OWASP ASVS 15.3.3): a body sets what the form asks for and nothing else.
pub async fn fields_that_are_not_asked_for_change_nothing(world: &World) {
    let foreign = "01890000-0000-7000-8000-000000000000";
    let mut wanted = body(&ada());
    for (name, value) in [
        ("id", json!(foreign)),
        ("is_admin", json!(true)),
        ("created_at", json!("1970-01-01T00:00:00Z")),
        ("password_hash", json!("$2b$04$")),
        ("email_key", json!("eve@example.com")),
    ] {
        wanted[name] = value;
    }
    let answer = post(world, REGISTER, "application/json", wanted.to_string()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_ne!(answer.json()["results"]["id"], json!(foreign));
    assert!(
        world
            .database
            .texts("SELECT id AS value FROM users WHERE id = '01890000-0000-7000-8000-000000000000'")
            .is_empty()
    );
    world.client().login("ada@example.com", PASSWORD).await.unwrap();
}

pub async fn a_body_that_is_not_json_is_refused(world: &World) {
    let malformed: [&[u8]; 9] = [
        b"{",
        b"nonsense",
        b"[]",
        b"\"text\"",
        b"{\"name\":}",
        b"{\"name\":\"a\",}",
        b"{\"name\":\"\xff\"}",
        b"{} {}",
        b"{\"name\":\"\\ud800\"}",
    ];
    for route in [REGISTER, LOGIN] {
        for text in malformed {
            let answer = post(world, route, "application/json", text.to_vec()).await;
            let code = &answer.json()["meta"]["code"];
            assert_eq!((answer.status, code), (400, &json!("malformed_body")), "{route} {text:?}");
        }
    }
    let wrong_type = post(world, REGISTER, "application/json", "{\"name\":{\"first\":\"Ada\"}}").await;
    assert_eq!(wrong_type.status, 400, "{wrong_type:?}");
    let unreadable = post(world, REGISTER, "multipart/form-data; boundary=x", "no parts here").await;
    assert_eq!(unreadable.status, 400, "{unreadable:?}");
    let without_boundary = post(world, REGISTER, "multipart/form-data", "--x--").await;
    assert_eq!(without_boundary.status, 400, "{without_boundary:?}");
}

pub async fn nesting_and_repetition_in_json_have_a_limit(world: &World) {
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let twice = "{\"name\":\"Ada\",\"name\":\"Eve\"}";
    let ignored_but_deep = format!("{{\"other\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for text in [deep, twice.to_owned(), ignored_but_deep] {
        let answer = post(world, REGISTER, "application/json", text).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

fn padded(empty: &str, place: &str, length: usize) -> String {
    empty.replacen(place, &format!("{place}{}", "x".repeat(length - empty.len())), 1)
}

pub async fn a_body_over_its_limit_is_too_large(world: &World) {
    let json = body(&ada().name("")).to_string();
    let form = "email=ada%40example.com&other=";
    for (content_type, text, place, limit) in [
        ("application/json", json.as_str(), "\"name\":\"", MAX_JSON),
        ("application/x-www-form-urlencoded", form, "other=", MAX_FORM),
    ] {
        let at_limit = post(world, REGISTER, content_type, padded(text, place, limit)).await;
        assert_eq!(at_limit.status, 400, "read, and found wanting: {at_limit:?}");
        let over = post(world, REGISTER, content_type, padded(text, place, limit + 1)).await;
        assert_error(&over, 413, "Request Entity Too Large");
    }
    let fields = multipart(&ada()).part("other", Part::bytes(vec![b'x'; 12 * 1024 * 1024]).file_name("x.bin"));
    let answer = Answer::of(world.rest().request(Method::POST, REGISTER).multipart(fields)).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(world.database.texts("SELECT id AS value FROM users").is_empty());
}

pub async fn a_body_of_another_type_is_not_supported(world: &World) {
    for content_type in ["text/plain", "application/xml", "text/json", "nonsense"] {
        let answer = post(world, REGISTER, content_type, Value::to_string(&body(&ada()))).await;
        assert_error(&answer, 415, "Unsupported Media Type");
    }
}
