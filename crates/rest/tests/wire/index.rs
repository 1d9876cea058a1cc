//! The first page.

use crate::client::Answer;
use crate::shop::Shop;
use rest::{Index, Options};
use serde_json::json;

const HTML: &str = "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";
const JSON: &str = "accept: application/json\r\n";

fn index() -> Index {
    Index { environment: "development", grpc: "127.0.0.1:8080".parse().unwrap(), ops: "[::1]:9090".parse().unwrap() }
}

fn open() -> Shop {
    Shop::open_with(Options { index: Some(index()), ..Options::default() })
}

async fn ask(shop: &Shop, method: &str, lines: &str) -> Answer {
    shop.ask(&format!("{method} / HTTP/1.1\r\n{lines}"), "").await
}

/// The addresses that a page leads to.
fn links(page: &str) -> Vec<&str> {
    page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn a_browser_is_shown_what_runs_here() {
    let page = ask(&open(), "GET", HTML).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = page.text();
    for part in ["<h1>Go Commerce</h1>", env!("CARGO_PKG_VERSION"), "development", "127.0.0.1:8080"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Nothing begins with a slash, so that all of it holds below a path that a proxy strips.
    assert_eq!(
        links(text),
        ["style.css", "docs", "openapi.json", "http://[::1]:9090/readyz", "http://[::1]:9090/metrics"]
    );
}

#[tokio::test]
async fn the_page_runs_loads_and_keeps_nothing() {
    let shop = open();
    let page = ask(&shop, "GET", HTML).await;
    for (header, value) in [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        ),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("vary", "Accept, Origin"),
    ] {
        assert_eq!(page.header(header), Some(value), "{header}: {page:?}");
    }
    let text = page.text();
    for tag in text.split('<').filter_map(|rest| rest.split('>').next()) {
        assert!(!tag.starts_with("script") && !tag.contains("style=") && !tag.contains(" on"), "{tag}");
    }
    let style = shop.get("/style.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert!(style.text().contains("main {"), "{style:?}");
}

#[tokio::test]
async fn a_program_is_told_the_same_as_json() {
    let shop = open();
    for lines in [JSON, "accept: */*\r\n", "", "accept: text/html;q=0.5, application/json\r\n"] {
        let answer = ask(&shop, "GET", lines).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{lines}");
        assert_eq!(answer.header("vary"), Some("Accept, Origin"), "{lines}");
        assert_eq!(
            answer.json(),
            json!({
                "meta": {"success": true, "message": "data retrieved successfully"},
                "results": {
                    "name": "Go Commerce",
                    "version": env!("CARGO_PKG_VERSION"),
                    "environment": "development",
                    "docs": "docs",
                    "openapi": "openapi.json",
                    "grpc": "127.0.0.1:8080",
                    "readiness": "http://[::1]:9090/readyz",
                    "metrics": "http://[::1]:9090/metrics",
                }
            }),
            "{lines}"
        );
    }
}

#[tokio::test]
async fn head_is_answered_for_both() {
    let shop = open();
    for lines in [HTML, JSON] {
        let (whole, head) = (ask(&shop, "GET", lines).await, ask(&shop, "HEAD", lines).await);
        assert_eq!((head.status, head.body.as_slice()), (200, &b""[..]));
        for header in ["content-type", "content-length", "vary", "content-security-policy"] {
            assert_eq!(head.header(header), whole.header(header), "{header}");
            assert!(head.header(header).is_some(), "{header}");
        }
    }
    let refused = ask(&shop, "POST", HTML).await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn it_leads_to_what_is_served_alone() {
    let shop = Shop::open_with(Options { index: Some(index()), docs: false, ..Options::default() });
    let told = ask(&shop, "GET", JSON).await.json();
    for absent in ["docs", "openapi", "simulator"] {
        assert_eq!(told["results"].get(absent), None, "{absent}");
    }
    let page = ask(&shop, "GET", HTML).await;
    assert_eq!(links(page.text()), ["style.css", "http://[::1]:9090/readyz", "http://[::1]:9090/metrics"]);
}

#[tokio::test]
async fn it_is_not_there_unless_it_is_asked_for() {
    let shop = Shop::open();
    for path in ["/", "/style.css"] {
        for lines in [HTML, JSON] {
            let answer = shop.ask(&format!("GET {path} HTTP/1.1\r\n{lines}"), "").await;
            assert_eq!(answer.error(), (404, "route_not_found".to_owned()), "{path}");
        }
    }
}
