//! Pages on which to pay.

use crate::{KEY, invoice, options, soon, start, told};
use app::clock::Deadline;
use app::payment::{Gateway, GatewayError, Invoice};
use domain::money::Money;
use domain::payment::Quantity;
use fake_servers::midtrans::{Endpoint, Midtrans as Server};
use midtrans::{Midtrans, Options};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_page_is_made_of_what_midtrans_wants_to_know() {
    let (server, gateway) = start();
    let invoice = invoice();
    let page = gateway.create_page(&invoice, soon()).await.unwrap();
    assert_eq!(Some(&page.token), server.token(&invoice.order.to_string()).as_ref());
    assert_eq!(page.url, format!("https://app.sandbox.midtrans.com/snap/v3/redirection/{}", page.token));
    let [seen] = server.requests().try_into().unwrap();
    assert!(seen.is_authorized);
    let expected = json!({
        "transaction_details": { "order_id": invoice.order.to_string(), "gross_amount": 30_000 },
        "item_details": [{
            "id": "0192f3c4-0000-7000-8000-000000000002", "price": 15_000, "quantity": 2, "name": "Teh",
        }],
        "customer_details": { "first_name": "Budi", "email": "budi@example.id" },
        "credit_card": { "secure": true },
        "expiry": { "start_time": "2026-11-22 10:00:00 +0700", "unit": "minute", "duration": 60 },
        "custom_field1": "go-commerce 0.1.0",
    });
    assert_eq!(seen.body, expected);
}

#[tokio::test]
async fn an_order_of_odd_prices_and_long_names_is_taken() {
    let (_server, gateway) = start();
    let odd = Invoice {
        name: "🫖|".repeat(40),
        price: Money::parse("10.5").unwrap(),
        quantity: Quantity::restore(4).unwrap(),
        total: Money::from_whole(42).unwrap(),
        payer_email: "BUDI@example.id".to_owned(),
        ..invoice()
    };
    gateway.create_page(&odd, soon()).await.unwrap();
}

#[tokio::test]
async fn an_order_may_be_opened_again_until_somebody_begins_to_pay() {
    let (server, gateway) = start();
    let invoice = invoice();
    let order = invoice.order.to_string();
    let first = gateway.create_page(&invoice, soon()).await.unwrap();
    let second = gateway.create_page(&invoice, soon()).await.unwrap();
    assert_ne!(first.token, second.token);
    assert_eq!(server.token(&order), Some(second.token));
    // Each is told in other words.
    for step in [
        (|server: &Server, order: &str| drop(server.choose(order, "gopay"))) as fn(&Server, &str),
        |server, order| drop(server.pay(order, "gopay")),
        |server, order| server.deny(order),
    ] {
        step(&server, &order);
        let error = gateway.create_page(&invoice, soon()).await.unwrap_err();
        assert!(matches!(error, GatewayError::Taken), "{}", told(&error));
    }
    assert_eq!(server.requests_to(Endpoint::Create).len(), 5);
}

#[tokio::test]
async fn an_order_that_midtrans_will_not_have_is_refused_once_and_told_why() {
    let (server, gateway) = start();
    let free = Invoice { price: Money::ZERO, total: Money::ZERO, ..invoice() };
    let error = gateway.create_page(&free, soon()).await.unwrap_err();
    assert!(matches!(error, GatewayError::Refused(_)) && told(&error).contains("gross_amount must be"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let server = Server::start("SB-Mid-server-anothers");
    let gateway = Midtrans::new(options(&server.url())).unwrap();
    let error = gateway.create_page(&invoice(), soon()).await.unwrap_err();
    assert!(matches!(error, GatewayError::Refused(_)), "{}", told(&error));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn without_time_nothing_is_sent() {
    let (server, gateway) = start();
    let error = gateway.create_page(&invoice(), Deadline::within(Duration::ZERO)).await.unwrap_err();
    assert!(matches!(error, GatewayError::Failed(_)), "{}", told(&error));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_address_may_be_a_folder() {
    let (server, _) = start();
    let url = format!("{}/stub/", server.url());
    let gateway = Midtrans::new(Options { snap_url: url, server_key: KEY.into(), ..options(&server.url()) }).unwrap();
    let error = gateway.create_page(&invoice(), soon()).await.unwrap_err();
    assert!(matches!(error, GatewayError::Refused(_)), "{}", told(&error));
    let [seen] = server.requests().try_into().unwrap();
    assert_eq!(seen.path, "/stub/snap/v1/transactions");
}

#[test]
fn connections_outlive_the_runtime_of_whoever_asked_first() {
    let main = tokio::runtime::Runtime::new().unwrap();
    let server = Server::start(KEY);
    let guard = main.enter();
    let gateway = Midtrans::new(options(&server.url())).unwrap();
    drop(guard);
    for _ in 0..3 {
        let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        other.block_on(gateway.create_page(&invoice(), soon())).unwrap();
    }
    main.block_on(gateway.create_page(&invoice(), soon())).unwrap();
}
