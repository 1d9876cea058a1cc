//! The client's address behind proxies.

use crate::shop::{Shop, register_request};
use app::client::TrustedProxies;
use app::rate_limit::RateLimitKey;
use grpc::Options;
use tonic::Request;

/// The client that a registration with this header is counted against and reported with.
async fn client(shop: &Shop, forwarded_for: &str) -> String {
    let mut request = Request::new(register_request());
    request.metadata_mut().insert("x-forwarded-for", forwarded_for.parse().unwrap());
    shop.commands().await.register_user(request).await.unwrap();
    let reported = shop.ports.reports.lock().unwrap().last().unwrap().client;
    let spender = *shop.ports.rate_limit_keys.lock().unwrap().last().unwrap();
    assert_eq!(spender, RateLimitKey::Client(reported));
    reported.to_string()
}

#[tokio::test]
async fn a_stranger_cannot_choose_an_address() {
    let shop = Shop::open();
    assert_eq!(client(&shop, "6.6.6.6").await, "127.0.0.1");
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_but_not_what_stands_left_of_its_word() {
    let shop = Shop::open_with(Options {
        trusted_proxies: TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]),
        ..Options::default()
    });
    assert_eq!(client(&shop, "203.0.113.9").await, "203.0.113.9");
    assert_eq!(client(&shop, "6.6.6.6, 203.0.113.9, 127.0.0.2").await, "203.0.113.9");
    assert_eq!(client(&shop, "6.6.6.6, nonsense").await, "127.0.0.1");
}
