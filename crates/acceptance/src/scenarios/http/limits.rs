//! Rate limit headers.

use super::{LOGIN, assert_error};
use reqwest::Method;
use serde_json::json;
use testkit::raw::Answer;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[("rate_limit.enabled", "true"), ("rate_limit.credentials_per_minute", "3")];

/// The number of a parameter in a structured field (RFC 9651), as in `"default";r=0;t=30`.
fn parameter(answer: &Answer, header: &str, name: &str) -> u64 {
    let value = answer.header(header).unwrap_or_else(|| panic!("no {header}: {answer:?}"));
    let (item, parameters) = value.split_once(';').unwrap();
    assert!(item.len() > 2 && item.starts_with('"') && item.ends_with('"'), "{header}: {value}");
    let found = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name} in {header}: {value}")).parse().unwrap()
}

pub async fn what_is_left_of_an_allowance_is_told(world: &World) {
    for attempt in 0..5 {
        let body = json!({ "email": format!("eve{attempt}@example.com"), "password": "password124" });
        let answer = Answer::of(world.rest().request(Method::POST, LOGIN).json(&body)).await;
        assert_eq!(parameter(&answer, "ratelimit-policy", "q"), 3);
        assert_eq!(parameter(&answer, "ratelimit-policy", "w"), 60);
        assert_eq!(parameter(&answer, "ratelimit", "r"), 2u64.saturating_sub(attempt));
        let resets_in = parameter(&answer, "ratelimit", "t");
        assert!(resets_in <= 60);
        if attempt < 3 {
            assert_eq!((answer.status, answer.retry_after()), (401, None));
        } else {
            assert_error(&answer, 429, "rate limit exceeded");
            let wait = answer.retry_after().unwrap().as_secs();
            assert!((resets_in..=60).contains(&wait) && wait > 0, "{answer:?}");
        }
    }
}
