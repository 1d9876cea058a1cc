//! The shop behind a proxy that serves it below a path. This test runs alone, because it waits for a notification.

#![expect(clippy::panic, reason = "a failed step is a failed test")]

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use std::time::Duration;
use test_doubles::Proxy;
use testkit::binary::Process;
use testkit::client::{PASSWORD, ShopClient, ada, teapot};
use testkit::image_files::png;
use testkit::raw::{Answer, Download};
use testkit::rest::RestClient;
use testkit::world::wait_until;

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The text between two marks of a page.
#[track_caller]
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    text.split_once(begin).and_then(|(_, rest)| rest.split_once(end)).unwrap_or_else(|| panic!("{begin}: {text}")).0
}

/// With `rest.public_url` alone, all URLs in answers are below it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_leads_back_through_the_proxy() {
    let proxy = Proxy::below("/shop/api", "");
    let url = proxy.url();
    let mut process = Process::serve(&[("rest.public_url", &format!("{url}/")), ("rate_limit.enabled", "false")]);
    let addresses = process.addresses();
    proxy.set_upstream(addresses.rest);
    let walk = async {
        let browser = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let rest = RestClient::new(addresses.rest);
        let mut tokens = Vec::new();
        for role in ["seller", "buyer"] {
            let email = format!("{role}@example.com");
            rest.register(&ada().role(role).email(&email)).await.unwrap();
            tokens.push(rest.login(&email, PASSWORD).await.unwrap().token);
        }
        let (seller, buyer) = (rest.with_authorization(&tokens[0]), rest.with_authorization(&tokens[1]));
        let product = seller.create(&teapot().price("10000").stock(5).image(png(8, 8))).await.unwrap();
        assert!(product.image_url.starts_with(&format!("{url}/media/products/")), "{}", product.image_url);
        let image = Download::of(browser.get(&product.image_url)).await;
        assert_eq!((image.status, image.header("content-type")), (200, Some("image/png")));

        for slashes in ["", "/"] {
            let payment = buyer.order(&product.id, 1).await.unwrap();
            assert!(payment.payment_url.starts_with(&format!("{url}/simulator/")), "{}", payment.payment_url);
            let page: Url = format!("{}{slashes}", payment.payment_url).parse().unwrap();
            let text = Answer::of(browser.get(page.clone())).await.body;
            let style = page.join(between(&text, "href=\"", "\"")).unwrap();
            assert_eq!(Answer::of(browser.get(style.clone())).await.status, 200, "{style}");
            let pay = page.join(between(&text, "action=\"", "\"")).unwrap();
            let pressed = Answer::of(browser.post(pay.clone())).await;
            assert_eq!(pressed.status, 303, "{pay}");
            let back = pay.join(pressed.header("location").unwrap()).unwrap();
            assert_eq!(back.as_str(), payment.payment_url);
            wait_until("it is paid", TIME_LIMIT, async || {
                buyer.payment(&payment.id).await.unwrap().status == "success"
            })
            .await;
        }

        let docs: Url = format!("{url}/docs").parse().unwrap();
        let base =
            docs.join(between(&Answer::of(browser.get(docs.clone())).await.body, "<base href=\"", "\"")).unwrap();
        let description = Answer::of(browser.get(base.join("../openapi.json").unwrap())).await;
        assert_eq!(description.json()["servers"][0]["url"], url.as_str());
        let list = Answer::of(browser.get(format!("{url}/products?limit=1"))).await;
        assert_eq!(list.json()["results"][0]["image_url"], product.image_url.as_str());
    };
    tokio::time::timeout(TIME_LIMIT, walk).await.unwrap();
}
