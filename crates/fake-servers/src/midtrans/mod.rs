//! The payment gateway Midtrans as docs.midtrans.com describes it: Snap's pages, the status of transactions,
//! notifications.
//!
//! A test acts as the payers and as the merchant's dashboard, and sets a [`Fault`] to have the gateway fail. The
//! gateway runs on its own thread, so that synchronous and asynchronous tests can use it and stop it at any moment.

mod fault;
mod fields;
mod http;
mod orders;

pub use crate::smtp::Times;
pub use fault::{Endpoint, Fault};
pub use orders::OrderIdEcho;

use crate::listening::Listening;
use fault::Faults;
use orders::{Orders, Transaction};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub const MERCHANT: &str = "G141532850";
const NOTIFICATION_TIME: Duration = Duration::from_secs(15);

/// A request that the gateway has received.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRequest {
    pub method: String,
    pub path: String,
    /// `None` if the gateway has no such endpoint.
    pub endpoint: Option<Endpoint>,
    /// Whether the request had the right server key.
    pub is_authorized: bool,
    /// Null if the body is not JSON.
    pub body: Value,
}

/// The state that all connections share.
struct Shared {
    key: String,
    orders: Mutex<Orders>,
    faults: Faults,
    requests: Mutex<Vec<RecordedRequest>>,
}

/// The gateway on a port of 127.0.0.1, stopped when this value is dropped.
pub struct Midtrans {
    shared: Arc<Shared>,
    listening: Listening,
}

impl Midtrans {
    #[must_use]
    pub fn start(server_key: &str) -> Self {
        let shared = Arc::new(Shared {
            key: server_key.to_owned(),
            orders: Mutex::default(),
            faults: Faults::default(),
            requests: Mutex::default(),
        });
        let mut midtrans = Self { shared, listening: Listening::new("midtrans") };
        midtrans.start_again();
        midtrans
    }

    /// The URL of Snap and the Core API, also while the gateway is stopped: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.listening.port())
    }

    /// All received requests, the oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.shared.requests).clone()
    }

    /// The received requests of an endpoint, the oldest first.
    #[must_use]
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(|request| request.endpoint == Some(endpoint)).collect()
    }

    /// Fails in this way at the next requests to an endpoint; replaces the endpoint's fault before.
    pub fn set_fault(&self, endpoint: Endpoint, fault: Fault, times: Times) {
        self.shared.faults.set(endpoint, fault, times);
    }

    /// Fails in this way at all requests.
    pub fn break_down(&self, fault: Fault) {
        for endpoint in Endpoint::ALL {
            self.set_fault(endpoint, fault, Times::All);
        }
    }

    pub fn heal(&self) {
        self.shared.faults.clear();
    }

    /// Closes all connections and refuses new ones until the next start.
    pub fn stop(&mut self) {
        self.listening.stop();
    }

    /// Starts again on the same port with the same orders.
    pub fn start_again(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.listening.start(|listener| http::serve(listener, shared));
    }

    /// Sets the HTTP status of the answer about an unknown transaction: 404, or 200 with a body that says 404.
    pub fn answer_unknown_with(&self, status: u16) {
        lock(&self.shared.orders).unknown_status = status;
    }

    /// The token of an order's open page.
    #[must_use]
    pub fn token(&self, order: &str) -> Option<String> {
        lock(&self.shared.orders).order(order).token.clone()
    }

    /// Overrides fields of answers and notifications about an order's transactions; a null removes the field.
    /// // Like every method on an order, it panics if the order or the transaction does not exist.
    pub fn override_fields(&self, order: &str, changes: &Value) {
        lock(&self.shared.orders).order(order).changes.extend(changes.as_object().unwrap().clone());
    }

    /// Charges payers this fee on top of the order's amount, as the dashboard's "customer imposed payment fee"
    /// does.
    pub fn charge_fee(&self, order: &str, rupiah: u64) {
        lock(&self.shared.orders).order(order).fee = rupiah;
    }

    /// Sets how status answers name an order. Notifications always name it by its own name.
    pub fn set_order_id_echo(&self, order: &str, order_id_echo: OrderIdEcho) {
        lock(&self.shared.orders).order(order).order_id_echo = order_id_echo;
    }

    /// The payer chooses a payment type: `credit_card`, `bank_transfer` (BCA), `permata`, `gopay`, `shopeepay`,
    /// `dana`, `qris`, `indomaret`, or any other. Returns the id of the new transaction.
    pub fn choose(&self, order: &str, payment_type: &str) -> String {
        lock(&self.shared.orders).order(order).begin(payment_type).id.clone()
    }

    /// The payer pays, in the open transaction of this payment type or in a new one. A card is captured, any
    /// other type is settled. Returns the id of the transaction.
    pub fn pay(&self, order: &str, payment_type: &str) -> String {
        self.try_with(order, payment_type, |transaction| {
            let status = if payment_type == fields::CARD { "capture" } else { "settlement" };
            transaction.set(status, "accept");
        })
    }

    /// The payer pays by card, and the merchant must accept the payment. Returns the id of the transaction.
    pub fn challenge(&self, order: &str) -> String {
        self.try_with(order, fields::CARD, |transaction| transaction.set("capture", "challenge"))
    }

    /// The payer's attempt is denied. Returns the id of the transaction.
    pub fn refuse(&self, order: &str, payment_type: &str) -> String {
        self.try_with(order, payment_type, |transaction| transaction.set("deny", "deny"))
    }

    /// The merchant accepts the latest transaction.
    pub fn accept(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("capture", "accept"));
    }

    pub fn settle(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("settlement", "accept"));
    }

    /// The merchant denies the latest transaction, or a bank revokes it within minutes.
    pub fn deny(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("deny", "deny"));
    }

    pub fn cancel(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("cancel", "accept"));
    }

    pub fn expire(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("expire", "accept"));
    }

    pub fn fail(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("failure", "accept"));
    }

    /// Refunds this amount of the latest transaction, in addition to earlier refunds.
    pub fn refund(&self, order: &str, amount: u64) {
        lock(&self.shared.orders).order(order).refund(amount);
    }

    /// The bank confirms all refunds of the latest transaction.
    pub fn confirm_refunds(&self, order: &str) {
        self.with_last(order, Transaction::confirm_refunds);
    }

    /// The payer's bank charges the latest transaction back.
    pub fn charge_back(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("chargeback", "accept"));
    }

    /// The signed notification about an order's latest transaction.
    #[must_use]
    pub fn notification(&self, order: &str) -> Value {
        lock(&self.shared.orders).notification(order, None, &self.shared.key)
    }

    /// The signed notification about one of an order's transactions.
    #[must_use]
    pub fn notification_of(&self, order: &str, transaction: &str) -> Value {
        lock(&self.shared.orders).notification(order, Some(transaction), &self.shared.key)
    }

    /// Sends a notification once, as Midtrans does. Returns the HTTP status, or `None` without an answer.
    pub async fn post_to(&self, url: &str, notification: &Value) -> Option<u16> {
        let client = reqwest::Client::builder()
            .user_agent("Veritrans")
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(NOTIFICATION_TIME);
        let sent = client.build().unwrap().post(url).json(notification).send().await;
        sent.ok().map(|answer| answer.status().as_u16())
    }

    fn with_last(&self, order: &str, change: impl FnOnce(&mut Transaction)) {
        change(lock(&self.shared.orders).order(order).last());
    }

    fn try_with(&self, order: &str, payment_type: &str, change: impl FnOnce(&mut Transaction)) -> String {
        let mut orders = lock(&self.shared.orders);
        let transaction = orders.order(order).attempt(payment_type);
        change(transaction);
        transaction.id.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
