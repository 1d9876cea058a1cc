//! What is reported of requests.

use crate::shop::{Shop, profile_head};
use app::client::{ClientAddress, TrustedProxies};
use app::observe::Protocol;
use app::rate_limit::RateLimitKey;
use rest::Options;
use std::net::{IpAddr, Ipv4Addr};
use test_doubles::{PANIC_TOKEN, RequestRecord};

fn last(shop: &Shop) -> RequestRecord {
    shop.ports.reports.lock().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn a_report_names_the_route_and_never_the_path() {
    let shop = Shop::open();
    let id = "x-request-id: r1\r\n";
    for (head, method, route, status) in [
        (profile_head(id), "GET", "/users/{id}", 200),
        (format!("GET /users/secret HTTP/1.1\r\n{id}"), "GET", "/users/{id}", 401),
        (format!("POST /users/login/ HTTP/1.1\r\n{id}"), "POST", "/users/login", 401),
        (format!("TRACE /users/login HTTP/1.1\r\n{id}"), "TRACE", "/users/login", 405),
        (format!("BREW /users/login HTTP/1.1\r\n{id}"), "other", "/users/login", 405),
        (format!("GET /secret/path HTTP/1.1\r\n{id}"), "GET", "unmatched", 404),
        (format!("GET /{} HTTP/1.1\r\n{id}", "x".repeat(3_000)), "GET", "unmatched", 414),
    ] {
        shop.ask(&head, "").await;
        let (method, route) = (method.to_owned(), route.to_owned());
        let (protocol, request_id) = (Protocol::Rest, "r1".to_owned());
        let client = ClientAddress::new("127.0.0.1".parse().unwrap());
        assert_eq!(
            last(&shop),
            RequestRecord { protocol, method, route, status, is_fault: false, request_id, client },
            "{head}"
        );
    }
}

#[tokio::test]
async fn only_a_fault_of_ours_is_one() {
    let shop = Shop::open();
    shop.ask(&format!("GET /users/1 HTTP/1.1\r\nauthorization: {PANIC_TOKEN}\r\n"), "").await;
    assert!(last(&shop).is_fault);
    shop.set_storage_behavior(test_doubles::StorageBehavior::Fail(domain::error::ErrorCode::Unavailable));
    assert_eq!(shop.profile("").await.status, 503);
    assert!(!last(&shop).is_fault);
}

#[tokio::test]
async fn a_client_is_where_a_trusted_proxy_says_and_nowhere_else() {
    let forwarded = "x-forwarded-for: 6.6.6.6, 203.0.113.9\r\nx-forwarded-for: 10.0.0.7\r\n";
    let networks = ["127.0.0.0/8", "10.0.0.0/8"].map(|network| network.parse().unwrap());
    let trusted_proxies = TrustedProxies::new(networks.to_vec());
    let behind_proxies = Shop::open_with(Options { trusted_proxies, ..Options::default() });
    behind_proxies.profile(forwarded).await;
    assert_eq!(last(&behind_proxies).client.to_string(), "203.0.113.9");
    let direct = Shop::open();
    direct.profile(forwarded).await;
    assert_eq!(last(&direct).client.to_string(), "127.0.0.1");
}

/// Whoever could choose an address would have as many allowances as there are addresses.
#[tokio::test]
async fn a_made_up_address_gets_no_allowance_of_its_own() {
    let shop = Shop::open();
    for line in
        ["", "x-forwarded-for: 6.6.6.6\r\n", "x-forwarded-for: 7.7.7.7, 127.0.0.2\r\nforwarded: for=8.8.8.8\r\n"]
    {
        shop.ask(&format!("POST /users/login HTTP/1.1\r\n{line}"), "").await;
    }
    let here = RateLimitKey::Client(ClientAddress::new(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    assert_eq!(*shop.ports.rate_limit_keys.lock().unwrap(), [here; 3]);
}
