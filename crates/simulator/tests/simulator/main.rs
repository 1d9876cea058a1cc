//! The simulated payment gateway, against a shop that accepts its notifications or refuses them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bounds;
mod journal;
mod notices;
mod pages;
mod retries;
mod serving;
mod transitions;
mod webhook;

use app::clock::{Clock, Deadline};
use app::payment::{Gateway, Invoice, Subject};
use chrono::{DateTime, TimeDelta, Utc};
use domain::money::Money;
use domain::payment::{GatewayReport, PaymentId, PaymentPage, Quantity};
use futures_util::FutureExt;
use simulator::{Options, Simulator};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KEY: &str = "a-server-key-that-is-nobodys";

/// A clock that the test sets.
#[derive(Clone)]
struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl ManualClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(start())))
    }

    fn forward(&self, minutes: i64) {
        *self.0.lock().unwrap() += TimeDelta::minutes(minutes);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

fn start() -> DateTime<Utc> {
    "2026-11-22T18:30:00Z".parse().unwrap()
}

fn options() -> Options {
    Options {
        public_url: "https://shop.example/try".to_owned(),
        // Nobody listens there.
        webhook_url: "http://127.0.0.1:1/".to_owned(),
        server_key: KEY.into(),
        journal: None,
        pauses: vec![Duration::ZERO; 9],
    }
}

fn open(options: Options) -> (Arc<Simulator>, ManualClock) {
    let clock = ManualClock::new();
    let simulator = Simulator::open(options, Arc::new(clock.clone())).unwrap();
    (Arc::new(simulator), clock)
}

fn remembering(journal: &Path) -> (Arc<Simulator>, ManualClock) {
    open(Options { journal: Some(journal.to_owned()), ..options() })
}

/// An order of two for 30,000 rupiah that can be paid for an hour.
fn invoice() -> Invoice {
    Invoice {
        order: PaymentId::generate(),
        item: "0192f3c4-0000-7000-8000-000000000002".to_owned(),
        name: "Teh <celup> & gula".to_owned(),
        price: Money::from_whole(15_000).unwrap(),
        quantity: Quantity::restore(2).unwrap(),
        total: Money::from_whole(30_000).unwrap(),
        payer_name: "Budi".to_owned(),
        payer_email: "budi@example.id".to_owned(),
        begins_at: start(),
        expires_at: start() + TimeDelta::minutes(60),
    }
}

/// Longer than any call takes.
fn soon() -> Deadline {
    Deadline::within(Duration::from_secs(60))
}

fn opened(simulator: &Simulator, invoice: &Invoice) -> PaymentPage {
    simulator.create_page(invoice, soon()).now_or_never().unwrap().unwrap()
}

fn look(simulator: &Simulator, subject: &Subject) -> Option<GatewayReport> {
    simulator.fetch_status(subject, soon()).now_or_never().unwrap().unwrap()
}

/// The gateway's report on an order.
fn known(simulator: &Simulator, order: PaymentId) -> Option<GatewayReport> {
    look(simulator, &Subject::Order(order))
}
