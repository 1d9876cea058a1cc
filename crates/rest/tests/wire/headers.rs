//! What stands above a body.

use crate::client::Answer;
use crate::shop::{ADA, Shop, profile_head};
use app::client::TrustedProxies;
use app::rate_limit::Quota;
use rest::Options;
use std::time::Duration;
use test_doubles::PANIC_TOKEN;

/// What is left of an allowance of three calls in a minute.
pub(crate) fn quota(remaining: u32, exceeded: bool) -> Quota {
    let (window, resets_in) = (Duration::from_secs(60), Duration::from_millis(29_500));
    Quota { limit: 3, window, remaining, resets_in, exceeded }
}

#[track_caller]
fn assert_secure(answer: &Answer) {
    for (header, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("vary", "Origin"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{header}: {answer:?}");
    }
    for header in ["server", "x-powered-by", "strict-transport-security"] {
        assert_eq!(answer.header(header), None, "{answer:?}");
    }
    assert!(answer.header("x-request-id").is_some(), "{answer:?}");
}

#[tokio::test]
async fn every_answer_is_secure_by_default() {
    let shop = Shop::open();
    for (status, answer) in [
        (200, shop.profile("").await),
        (201, shop.register(ADA).await),
        (400, shop.register("{").await),
        (401, shop.get("/users/1").await),
        (403, shop.ask(&profile_head("").replacen("/users/", "/users/x", 1), "").await),
        (404, shop.get("/nonsense").await),
        (405, shop.ask("TRACE /users/1 HTTP/1.1\r\n", "").await),
        (413, shop.ask("POST /users/login HTTP/1.1\r\ncontent-length: 99999999\r\n", "").await),
        (415, shop.post("/users/login", "text/plain", "x").await),
        (500, shop.ask(&format!("GET /users/1 HTTP/1.1\r\nauthorization: {PANIC_TOKEN}\r\n"), "").await),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_secure(&answer);
    }
    *shop.ports.quota.lock().unwrap() = Some(quota(0, true));
    let limited = shop.profile("").await;
    assert_eq!(limited.status, 429);
    assert_secure(&limited);
}

/// RFC 6797 §7.2: never over plain HTTP, so never on the word of a stranger.
#[tokio::test]
async fn https_is_asked_for_where_a_trusted_proxy_tells_that_it_is_used() {
    let loopback = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let behind_proxy = Shop::open_with(Options { trusted_proxies: loopback, ..Options::default() });
    let https = "x-forwarded-proto: https\r\n";
    let asked = Some("max-age=31536000; includeSubDomains");
    assert_eq!(behind_proxy.profile(https).await.header("strict-transport-security"), asked);
    let http = behind_proxy.profile("x-forwarded-proto: http\r\n").await;
    assert_eq!(http.header("strict-transport-security"), None);
    assert_eq!(Shop::open().profile(https).await.header("strict-transport-security"), None);
}

#[tokio::test]
async fn a_request_id_is_echoed_when_harmless_and_replaced_when_not() {
    let shop = Shop::open();
    let longest = "x".repeat(64);
    for id in ["trace-1_a.B", longest.as_str()] {
        let answer = shop.profile(&format!("x-request-id: {id}\r\n")).await;
        assert_eq!(answer.header("x-request-id"), Some(id));
    }
    let too_long = "x".repeat(65);
    for id in ["", "a b", "<script>", "a;b", "é", &too_long] {
        let answer = shop.ask(&format!("GET /nonsense HTTP/1.1\r\nx-request-id: {id}\r\n"), "").await;
        let replaced = answer.header("x-request-id").unwrap();
        assert_eq!((replaced.len(), &replaced[14..15]), (36, "7"), "{id} became {replaced}");
        assert_eq!(answer.json()["meta"]["request_id"], replaced);
    }
}

/// draft-ietf-httpapi-ratelimit-headers.
#[tokio::test]
async fn what_is_left_of_an_allowance_is_told_on_success_and_on_refusal() {
    let shop = Shop::open();
    let unlimited = shop.profile("").await;
    assert_eq!((unlimited.header("ratelimit"), unlimited.header("ratelimit-policy")), (None, None));

    let told = |answer: &Answer| {
        let header = |name: &str| answer.header(name).map(str::to_owned);
        (answer.status, header("ratelimit-policy"), header("ratelimit"), header("retry-after"))
    };
    let policy = || Some("\"default\";q=3;w=60".to_owned());
    *shop.ports.quota.lock().unwrap() = Some(quota(2, false));
    let left = Some("\"default\";r=2;t=30".to_owned());
    assert_eq!(told(&shop.profile("").await), (200, policy(), left.clone(), None));
    assert_eq!(told(&shop.get("/users/1").await), (401, policy(), left.clone(), None));
    assert_eq!(told(&shop.register("{").await), (400, policy(), left, None));

    *shop.ports.quota.lock().unwrap() = Some(quota(0, true));
    let left = Some("\"default\";r=0;t=30".to_owned());
    let refused = shop.profile("").await;
    assert_eq!(told(&refused), (429, policy(), left, Some("30".to_owned())));
    assert_eq!(refused.json()["message"], "rate limit exceeded");
}
