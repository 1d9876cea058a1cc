//! Headers of answers.

use super::{LOGIN, REGISTER, get};
use reqwest::Method;
use serde_json::json;
use testkit::client::ada;
use testkit::raw::Answer;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] =
    &[("cors.allowed_origins", "[\"https://shop.example\", \"http://localhost:3000\"]")];

const ORIGIN: &str = "https://shop.example";
const EXPOSED: [&str; 4] = ["x-request-id", "retry-after", "etag", "link"];

fn lists(answer: &Answer, header: &str, wanted: &str) -> bool {
    let values = answer.headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(wanted))
}

pub async fn a_request_id_is_echoed_when_harmless_and_replaced_when_not(world: &World) {
    let ask = |id: &str| Answer::of(world.rest().request(Method::GET, "/nonsense").header("x-request-id", id));
    let longest = "x".repeat(64);
    for id in ["trace-1_a.B", longest.as_str()] {
        assert_eq!(ask(id).await.header("x-request-id"), Some(id));
    }
    let too_long = "x".repeat(65);
    for id in ["a b", "<script>", "a;b", &too_long] {
        let answer = ask(id).await;
        let replaced = answer.header("x-request-id").unwrap();
        assert_eq!(uuid::Uuid::parse_str(replaced).unwrap().get_version_num(), 7, "{replaced:?}");
    }
}

pub async fn an_allowed_origin_reads_answers_and_errors(world: &World) {
    let form = super::body(&ada());
    let asked = [
        (201, world.rest().request(Method::POST, REGISTER).json(&form)),
        (400, world.rest().request(Method::POST, REGISTER).json(&form)),
        (401, world.rest().request(Method::GET, "/users/1")),
        (404, world.rest().request(Method::GET, "/nonsense")),
        (405, world.rest().request(Method::DELETE, LOGIN)),
        (415, world.rest().request(Method::POST, LOGIN).header("content-type", "text/plain").body("x")),
    ];
    for (status, request) in asked {
        let answer = Answer::of(request.header("origin", ORIGIN)).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{answer:?}");
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            None,
            "tokens travel in a header, not in cookies"
        );
        assert!(lists(&answer, "vary", "origin"), "{answer:?}");
        for header in EXPOSED {
            assert!(lists(&answer, "access-control-expose-headers", header), "{header}: {answer:?}");
        }
    }
}

pub async fn an_origin_that_is_not_allowed_reads_nothing(world: &World) {
    for origin in [
        "null",
        "http://shop.example",
        "https://shop.example:8443",
        "https://evil.shop.example",
        "https://shop.example.evil",
        "https://evilshop.example",
        "https://SHOP.example.",
        "http://localhost:3001",
    ] {
        let request = world.rest().request(Method::POST, LOGIN).header("origin", origin);
        let answer = Answer::of(request.json(&json!({}))).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{origin}: {answer:?}");
    }
}

pub async fn a_preflight_lists_what_is_allowed(world: &World) {
    let preflight = |origin: &str, method: &str| {
        let request = world.rest().request(Method::OPTIONS, LOGIN).header("origin", origin);
        Answer::of(
            request
                .header("access-control-request-method", method)
                .header("access-control-request-headers", "authorization,content-type,idempotency-key"),
        )
    };
    let allowed = preflight(ORIGIN, "POST").await;
    assert!((200..300).contains(&allowed.status), "{allowed:?}");
    assert_eq!(allowed.header("access-control-allow-origin"), Some(ORIGIN));
    assert!(lists(&allowed, "access-control-allow-methods", "POST"), "{allowed:?}");
    for header in ["authorization", "content-type", "idempotency-key"] {
        assert!(lists(&allowed, "access-control-allow-headers", header), "{header}: {allowed:?}");
    }
    assert_eq!(allowed.header("access-control-max-age"), Some("600"));
    let refused = preflight("https://evil.example", "POST").await;
    assert!(refused.headers.get("access-control-allow-origin").is_none(), "{refused:?}");
}

pub async fn a_page_of_another_origin_may_change_products_on_a_condition(world: &World) {
    for method in ["PUT", "DELETE", "GET"] {
        let request = world.rest().request(Method::OPTIONS, "/products/1").header("origin", ORIGIN);
        let wanted = "authorization,content-type,if-match,if-none-match";
        let request = request.header("access-control-request-method", method);
        let answer = Answer::of(request.header("access-control-request-headers", wanted)).await;
        assert!((200..300).contains(&answer.status), "{answer:?}");
        assert!(lists(&answer, "access-control-allow-methods", method), "{answer:?}");
        for header in wanted.split(',') {
            assert!(lists(&answer, "access-control-allow-headers", header), "{header}: {answer:?}");
        }
    }
}

/// RFC 9457.
pub async fn problem_details_come_on_request(world: &World) {
    let ask = |accept: &'static str| {
        let request = world.rest().request(Method::POST, REGISTER).header("accept", accept);
        Answer::of(request.json(&json!({ "name": "Ada" })))
    };
    let problem = ask("application/problem+json").await;
    problem.assert_common_headers();
    problem.assert_content_type("application/problem+json");
    let body = problem.json();
    assert_eq!((problem.status, &body["status"], &body["detail"]), (400, &json!(400), &json!("email is empty")));
    assert!(body["type"].is_string() && body["title"].is_string(), "{body}");
    assert_eq!(body["request_id"].as_str(), problem.header("x-request-id"));
    let fields: Vec<_> = body["errors"].as_array().unwrap().iter().map(|wrong| &wrong["field"]).collect();
    assert_eq!(fields, ["email", "role", "password", "confirm_password"]);

    for accept in ["application/json", "*/*", "application/problem+json;q=0.1, application/json"] {
        ask(accept).await.assert_content_type("application/json");
    }
    ask("text/html, application/problem+json").await.assert_content_type("application/problem+json");
    let unknown = world.rest().request(Method::GET, "/nonsense").header("accept", "application/problem+json");
    Answer::of(unknown).await.assert_content_type("application/problem+json");
}

/// RFC 6750 §3.
pub async fn a_refused_token_is_answered_with_a_challenge_that_tells_no_reason(world: &World) {
    let missing = get(world, "/users/1").await;
    assert!(missing.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer")), "{missing:?}");
    let refused = Answer::of(world.rest().request(Method::GET, "/users/1").bearer_auth("rubbish")).await;
    assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    assert_eq!(refused.json()["error"], json!("invalid authorization token"));
}
