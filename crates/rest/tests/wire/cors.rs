//! Calls from pages of other origins (the Fetch Standard's CORS protocol).

use crate::client::Answer;
use crate::headers::quota;
use crate::shop::{ADA, Shop};
use rest::Options;
use test_doubles::{PANIC_TOKEN, StorageBehavior};

const ORIGIN: &str = "https://shop.example";

fn with_origins() -> Shop {
    let cors_origins = vec![ORIGIN.to_owned(), "http://localhost:3000".to_owned()];
    Shop::open_with(Options { cors_origins, ..Options::default() })
}

fn lists(answer: &Answer, header: &str, wanted: &str) -> bool {
    let values = answer.headers(header).join(",");
    values.split(',').any(|value| value.trim().eq_ignore_ascii_case(wanted))
}

async fn preflight(shop: &Shop, origin: &str, method: &str, headers: &str) -> Answer {
    let lines = format!("access-control-request-method: {method}\r\naccess-control-request-headers: {headers}\r\n");
    shop.ask(&format!("OPTIONS /users/login HTTP/1.1\r\norigin: {origin}\r\n{lines}"), "").await
}

#[tokio::test]
async fn an_origin_is_allowed_to_the_letter() {
    let shop = with_origins();
    for (origin, is_allowed) in [
        (ORIGIN, true),
        ("http://localhost:3000", true),
        ("null", false),
        ("http://shop.example", false),
        ("https://shop.example:8443", false),
        ("https://shop.example/", false),
        ("https://evil.shop.example", false),
        ("https://shop.example.evil", false),
        ("https://evilshop.example", false),
        ("https://SHOP.example", false),
        ("http://localhost:3001", false),
    ] {
        let told = is_allowed.then_some(origin);
        let answer = shop.profile(&format!("origin: {origin}\r\n")).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, told), "{origin}");
        assert!(lists(&answer, "vary", "origin"), "{answer:?}");
        let asked_first = preflight(&shop, origin, "POST", "content-type").await;
        assert_eq!(asked_first.header("access-control-allow-origin"), told, "{origin}");
        assert_eq!(asked_first.status, if is_allowed { 200 } else { 400 }, "{origin}");
        assert!(lists(&asked_first, "vary", "origin"), "{asked_first:?}");
    }
}

#[tokio::test]
async fn a_page_may_read_errors_too() {
    let shop = with_origins();
    let origin = format!("origin: {ORIGIN}\r\n");
    let length = ADA.len();
    let register = format!(
        "POST /users/register HTTP/1.1\r\n{origin}content-type: application/json\r\ncontent-length: {length}\r\n"
    );
    let mut answers = vec![
        (201, shop.ask(&register, ADA).await),
        (400, shop.ask(&format!("POST /users/register HTTP/1.1\r\n{origin}"), "").await),
        (401, shop.ask(&format!("GET /users/1 HTTP/1.1\r\n{origin}"), "").await),
        (404, shop.ask(&format!("GET /nonsense HTTP/1.1\r\n{origin}"), "").await),
        (405, shop.ask(&format!("TRACE /users/1 HTTP/1.1\r\n{origin}"), "").await),
        (413, shop.ask(&format!("POST /users/login HTTP/1.1\r\n{origin}content-length: 99999999\r\n"), "").await),
        (414, shop.ask(&format!("GET /{} HTTP/1.1\r\n{origin}", "x".repeat(3_000)), "").await),
        (500, shop.ask(&format!("GET /users/1 HTTP/1.1\r\nauthorization: {PANIC_TOKEN}\r\n{origin}"), "").await),
    ];
    shop.set_storage_behavior(StorageBehavior::Fail(domain::error::ErrorCode::Unavailable));
    answers.push((503, shop.profile(&origin).await));
    *shop.ports.quota.lock().unwrap() = Some(quota(0, true));
    answers.push((429, shop.profile(&origin).await));
    for (status, answer) in answers {
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, Some(ORIGIN)), "{answer:?}");
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            None,
            "tokens travel in a header, not in cookies"
        );
        assert!(lists(&answer, "vary", "origin"), "{answer:?}");
        for header in ["x-request-id", "retry-after", "etag", "link", "ratelimit", "ratelimit-policy"] {
            assert!(lists(&answer, "access-control-expose-headers", header), "{header}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_preflight_lists_what_is_allowed_and_refuses_the_rest() {
    let shop = with_origins();
    let headers = "authorization,content-type,x-request-id,idempotency-key,if-match,if-none-match,if-modified-since,range,\
                   last-event-id,accept,accept-language,content-language,cache-control,pragma,expires,x-requested-with,\
                   traceparent,tracestate,baggage,sentry-trace";
    let allowed = preflight(&shop, ORIGIN, "POST", headers).await;
    assert_eq!((allowed.status, allowed.header("access-control-max-age")), (200, Some("600")));
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
        assert!(lists(&allowed, "access-control-allow-methods", method), "{method}: {allowed:?}");
    }
    for header in headers.split(',') {
        assert!(lists(&allowed, "access-control-allow-headers", header), "{header}: {allowed:?}");
    }
    assert_eq!(preflight(&shop, ORIGIN, "TRACE", "content-type").await.status, 400);
    let refused = preflight(&shop, ORIGIN, "POST", "content-type, X-Anything,x-more").await;
    assert_eq!(refused.error(), (400, "bad_request".to_owned()));
    let told = "pages of other origins may not send x-anything, x-more: the setting cors.allowed_headers lets them";
    assert_eq!(refused.json()["meta"]["message"], told);
    assert_eq!(refused.header("access-control-allow-origin"), Some(ORIGIN), "it is not the origin that is refused");
    assert!(lists(&refused, "access-control-allow-headers", "content-type"), "{refused:?}");
    assert!(!lists(&refused, "access-control-allow-headers", "x-anything"), "{refused:?}");
    for garbage in ["", "a b", "\u{e9}"] {
        assert_eq!(preflight(&shop, ORIGIN, "POST", garbage).await.status, 400, "{garbage:?}");
    }
    let stranger = preflight(&shop, "https://evil.example", "POST", "content-type").await;
    assert_eq!(stranger.error(), (400, "bad_request".to_owned()));
    assert_eq!(stranger.header("access-control-allow-methods"), None, "{stranger:?}");
}

#[tokio::test]
async fn an_operator_may_allow_more_headers() {
    let (cors_origins, cors_headers) = (vec![ORIGIN.to_owned()], vec!["x-csrf-token".to_owned()]);
    let shop = Shop::open_with(Options { cors_origins: cors_origins.clone(), cors_headers, ..Options::default() });
    for wanted in ["x-csrf-token", "X-CSRF-Token,traceparent"] {
        let allowed = preflight(&shop, ORIGIN, "POST", wanted).await;
        assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, Some(ORIGIN)), "{wanted}");
        assert!(lists(&allowed, "access-control-allow-headers", "x-csrf-token"), "{allowed:?}");
    }
    assert_eq!(preflight(&shop, ORIGIN, "POST", "x-other").await.status, 400);

    let any = Options { cors_origins, cors_headers: vec!["*".to_owned()], ..Options::default() };
    let shop = Shop::open_with(any);
    let allowed = preflight(&shop, ORIGIN, "POST", "authorization,x-anything").await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, Some(ORIGIN)));
    for header in ["authorization", "x-anything"] {
        assert!(lists(&allowed, "access-control-allow-headers", header), "{header}: {allowed:?}");
    }
    let stranger = preflight(&shop, "https://evil.example", "POST", "x-anything").await;
    assert_eq!((stranger.status, stranger.header("access-control-allow-origin")), (400, None));
}

/// A cache must not give an answer to one origin that was made for none.
#[tokio::test]
async fn answers_vary_by_origin_also_where_there_was_none() {
    let shop = with_origins();
    for answer in [shop.profile("").await, shop.get("/nonsense").await, shop.get("/users/1").await] {
        assert!(lists(&answer, "vary", "origin"), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn without_a_list_no_page_of_another_origin_reads_anything() {
    let shop = Shop::open();
    let answer = shop.profile(&format!("origin: {ORIGIN}\r\n")).await;
    assert_eq!((answer.status, answer.header("vary")), (200, Some("Origin")));
    assert!(!answer.head.to_lowercase().contains("access-control"), "{answer:?}");
    assert_eq!(preflight(&shop, ORIGIN, "POST", "content-type").await.status, 405);
}

#[tokio::test]
async fn any_origin_may_call_where_an_operator_says_so() {
    let shop = Shop::open_with(Options { cors_origins: vec!["*".to_owned()], ..Options::default() });
    let answer = shop.profile("origin: https://anybody.example\r\n").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

/// Browsers send a page's own origin with every POST.
#[tokio::test]
async fn a_page_of_our_own_may_call() {
    let shop = with_origins();
    let length = ADA.len();
    let lines =
        format!("origin: http://shop.example\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n");
    assert_eq!(shop.ask(&format!("POST /users/register HTTP/1.1\r\n{lines}"), ADA).await.status, 201);
}
