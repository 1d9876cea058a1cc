//! What the adapter of Midtrans promises, against a gateway that answers as Midtrans publishes and fails when told to.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod breaker;
mod closing;
mod faults;
mod looking;
mod notifications;
mod opening;

use app::clock::Deadline;
use app::payment::{Gateway, GatewayError, Invoice};
use chrono::TimeDelta;
use domain::error::causes;
use domain::money::Money;
use domain::payment::{PaymentId, Quantity};
use fake_servers::midtrans::{MERCHANT, Midtrans as Server};
use midtrans::{Midtrans, Options};
use std::time::Duration;

const KEY: &str = "SB-Mid-server-nobodys";

fn options(url: &str) -> Options {
    Options {
        snap_url: url.to_owned(),
        api_url: url.to_owned(),
        server_key: KEY.into(),
        merchant_id: Some(MERCHANT.to_owned()),
        timeout: Duration::from_secs(10),
        is_production: false,
        version: "go-commerce 0.1.0".to_owned(),
    }
}

fn start() -> (Server, Midtrans) {
    let server = Server::start(KEY);
    let gateway = Midtrans::new(options(&server.url())).unwrap();
    (server, gateway)
}

/// With little patience, for failures that take all of it.
fn start_impatient() -> (Server, Midtrans) {
    let server = Server::start(KEY);
    let options = Options { timeout: Duration::from_secs(1), ..options(&server.url()) };
    (server, Midtrans::new(options).unwrap())
}

/// More than any call takes.
fn soon() -> Deadline {
    Deadline::within(Duration::from_secs(60))
}

fn invoice() -> Invoice {
    let begins_at = "2026-11-22T03:00:00Z".parse().unwrap();
    Invoice {
        order: PaymentId::generate(),
        item: "0192f3c4-0000-7000-8000-000000000002".to_owned(),
        name: "Teh".to_owned(),
        price: Money::from_whole(15_000).unwrap(),
        quantity: Quantity::restore(2).unwrap(),
        total: Money::from_whole(30_000).unwrap(),
        payer_name: "Budi".to_owned(),
        payer_email: "budi@example.id".to_owned(),
        begins_at,
        expires_at: begins_at + TimeDelta::minutes(60),
    }
}

/// An order whose page is open.
async fn opened(gateway: &Midtrans) -> (PaymentId, String) {
    let invoice = invoice();
    gateway.create_page(&invoice, soon()).await.unwrap();
    (invoice.order, invoice.order.to_string())
}

/// All that a log would tell of a failure.
fn told(error: &GatewayError) -> String {
    let told = format!("{error:?} {error} {}", causes(error));
    assert!(!told.contains(KEY) && !told.to_lowercase().contains("basic "), "{told}");
    told
}
