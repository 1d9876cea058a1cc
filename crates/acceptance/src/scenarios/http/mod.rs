//! The scenarios of REST alone.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::client::{Protocol, RegisterForm};
use testkit::raw::Answer;
use testkit::world::World;

pub mod bodies;
pub mod conditions;
pub mod giving_up;
pub mod headers;
pub mod limits;
pub mod product_lists;
pub mod products;
pub mod routes;

pub const PROTOCOLS: &[Protocol] = &[Protocol::Rest];

const REGISTER: &str = "/users/register";
const LOGIN: &str = "/users/login";

fn body(form: &RegisterForm) -> Value {
    json!({
        "name": form.name,
        "email": form.email,
        "role": form.role,
        "password": form.password,
        "confirm_password": form.confirm_password,
    })
}

async fn post(world: &World, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = world.rest().request(Method::POST, path).header("content-type", content_type).body(body);
    let answer = Answer::of(request).await;
    answer.assert_common_headers();
    answer
}

async fn get(world: &World, path: &str) -> Answer {
    Answer::of(world.rest().request(Method::GET, path)).await
}

/// Checks an error that REST answers before any use case: the envelope, and the key `message` that clients of the
/// Go system read.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, message: &str) {
    answer.assert_common_headers();
    answer.assert_content_type("application/json");
    let body = answer.json();
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(body["meta"]["success"], json!(false), "{answer:?}");
    assert_eq!(body["meta"]["message"], json!(message), "{answer:?}");
    assert_eq!(body["message"], json!(message), "{answer:?}");
    assert_eq!(body["meta"]["request_id"].as_str(), answer.header("x-request-id"));
    assert!(body["meta"]["code"].as_str().is_some_and(|code| !code.is_empty()), "{answer:?}");
    assert!(body.get("results").is_none(), "{answer:?}");
}
