//! The payment gateway Midtrans, as docs.midtrans.com tells of it: Snap's pages, the status of transactions, notifications.
//!
//! A test plays the payers and the merchant's dashboard, and has the gateway fail in the ways of [`Fault`]. It runs on a thread of
//! its own, so that tests of any kind can talk to it, and can stop it in the middle of anything.

mod fault;
mod fields;
mod http;
mod orders;

pub use crate::smtp::Times;
pub use fault::{Endpoint, Fault};
pub use orders::Naming;

use fault::Faults;
use orders::{Orders, Transaction};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// The merchant whose gateway it is.
pub const MERCHANT: &str = "G141532850";
/// How long Midtrans waits for the answer to a notification.
const NOTIFICATION_TIME: Duration = Duration::from_secs(15);

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// What it is about; none where there is nothing of the kind.
    pub endpoint: Option<Endpoint>,
    /// Whether it showed the right key.
    pub is_authorized: bool,
    /// The body, where it is JSON.
    pub body: Value,
}

/// What all connections share.
struct Shared {
    key: String,
    orders: Mutex<Orders>,
    faults: Faults,
    requests: Mutex<Vec<RecordedRequest>>,
}

/// The gateway on a port of 127.0.0.1. It ends when it is dropped.
pub struct Midtrans {
    shared: Arc<Shared>,
    port: u16,
    runtime: Option<Runtime>,
    serving: Option<JoinHandle<()>>,
}

impl Midtrans {
    /// Starts a gateway that knows this server key.
    #[must_use]
    pub fn start(server_key: &str) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("midtrans").enable_all().build();
        let shared = Arc::new(Shared {
            key: server_key.to_owned(),
            orders: Mutex::default(),
            faults: Faults::default(),
            requests: Mutex::default(),
        });
        let mut midtrans = Self { shared, port: 0, runtime: Some(runtime.unwrap()), serving: None };
        midtrans.start_again();
        midtrans
    }

    /// Where clients find both Snap and the Core API, also while it is stopped: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All requests that have come, the oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.shared.requests).clone()
    }

    /// The requests of a kind that have come, the oldest first.
    #[must_use]
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(|request| request.endpoint == Some(endpoint)).collect()
    }

    /// From now on fails in this way at requests of this kind, so many times; it fails at them in no other way any more.
    pub fn set_fault(&self, endpoint: Endpoint, fault: Fault, times: Times) {
        self.shared.faults.set(endpoint, fault, times);
    }

    /// From now on fails in this way at all requests.
    pub fn break_down(&self, fault: Fault) {
        for endpoint in Endpoint::ALL {
            self.set_fault(endpoint, fault, Times::All);
        }
    }

    /// From now on does what it should.
    pub fn heal(&self) {
        self.shared.faults.clear();
    }

    /// Refuses connections and cuts those that there are, until it is started again.
    pub fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            while !serving.is_finished() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Starts again on the same port, with all that it knew.
    pub fn start_again(&mut self) {
        self.stop();
        let listener = crate::listen(self.port);
        listener.set_nonblocking(true).unwrap();
        self.port = listener.local_addr().unwrap().port();
        let runtime = self.runtime.as_ref().unwrap();
        self.serving = Some(runtime.spawn(http::serve(listener, Arc::clone(&self.shared))));
    }

    /// Sets HTTP's status of the answer that there is no such transaction: 404, or 200 with a body that tells of 404.
    pub fn answer_unknown_with(&self, status: u16) {
        lock(&self.shared.orders).unknown_status = status;
    }

    /// The token of the page that is open for an order, if there is one.
    #[must_use]
    pub fn token(&self, order: &str) -> Option<String> {
        lock(&self.shared.orders).order(order).token.clone()
    }

    /// Changes fields of all that is told of an order's transactions from now on; one that is null is left out.
    ///
    /// # Panics
    /// Where there is no such order, as all that is done to one, or to a transaction that is not there.
    pub fn override_fields(&self, order: &str, changes: &Value) {
        lock(&self.shared.orders).order(order).changes.extend(changes.as_object().unwrap().clone());
    }

    /// From now on has payers asked for so many rupiah on top of an order's amount, as the dashboard's "customer imposed payment
    /// fee" does.
    pub fn charge_fee(&self, order: &str, rupiah: u64) {
        lock(&self.shared.orders).order(order).fee = rupiah;
    }

    /// From now on names an order like that where a status is asked for. Notifications name it by its name.
    pub fn set_naming(&self, order: &str, naming: Naming) {
        lock(&self.shared.orders).order(order).naming = naming;
    }

    /// The payer chooses a way to pay: `credit_card`, `bank_transfer` (BCA), `permata`, `gopay`, `shopeepay`, `dana`, `qris`,
    /// `indomaret`, or any other. Returns the name of the transaction, which is a new one.
    pub fn choose(&self, order: &str, payment_type: &str) -> String {
        lock(&self.shared.orders).order(order).begin(payment_type).id.clone()
    }

    /// The payer pays: in the transaction that is open with this way to pay, or in a new one. A card is charged, and all else
    /// settled. Returns the name of the transaction.
    pub fn pay(&self, order: &str, payment_type: &str) -> String {
        self.try_with(order, payment_type, |transaction| {
            let status = if payment_type == fields::CARD { "capture" } else { "settlement" };
            transaction.set(status, "accept");
        })
    }

    /// The payer pays by card, and the merchant is asked whether to accept that. Returns the name of the transaction.
    pub fn challenge(&self, order: &str) -> String {
        self.try_with(order, fields::CARD, |transaction| transaction.set("capture", "challenge"))
    }

    /// The payer's attempt is refused. Returns the name of the transaction.
    pub fn refuse(&self, order: &str, payment_type: &str) -> String {
        self.try_with(order, payment_type, |transaction| transaction.set("deny", "deny"))
    }

    /// The merchant accepts the latest transaction.
    pub fn accept(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("capture", "accept"));
    }

    /// The latest transaction is settled.
    pub fn settle(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("settlement", "accept"));
    }

    /// The merchant refuses the latest transaction, or a bank takes it back within minutes.
    pub fn deny(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("deny", "deny"));
    }

    /// The latest transaction is called off.
    pub fn cancel(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("cancel", "accept"));
    }

    /// The latest transaction was not paid in time.
    pub fn expire(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("expire", "accept"));
    }

    /// The gateway has failed at the latest transaction.
    pub fn fail(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("failure", "accept"));
    }

    /// So many rupiah of the latest transaction are given back, in addition to those that were.
    pub fn refund(&self, order: &str, amount: u64) {
        lock(&self.shared.orders).order(order).refund(amount);
    }

    /// The bank has given back what was to be given back of the latest transaction.
    pub fn confirm_refunds(&self, order: &str) {
        self.with_last(order, Transaction::confirm_refunds);
    }

    /// The payer's bank takes the latest transaction back.
    pub fn charge_back(&self, order: &str) {
        self.with_last(order, |transaction| transaction.set("chargeback", "accept"));
    }

    /// The notification of how an order's latest transaction stands, signed.
    #[must_use]
    pub fn notification(&self, order: &str) -> Value {
        lock(&self.shared.orders).notification(order, None, &self.shared.key)
    }

    /// The notification of how one of an order's transactions stands, signed.
    #[must_use]
    pub fn notification_of(&self, order: &str, transaction: &str) -> Value {
        lock(&self.shared.orders).notification(order, Some(transaction), &self.shared.key)
    }

    /// Sends a notification as Midtrans does, once. Returns HTTP's status of the answer; none where there was no answer.
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

impl Drop for Midtrans {
    fn drop(&mut self) {
        self.stop();
        // Waiting for its threads would not be allowed where a test is asynchronous.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
