//! A simulated payment gateway for development and demonstration: it behaves as Midtrans documents, inside this process.
//!
//! Start with [`Simulator`], the gateway; then `book`, the orders and their transitions; then `page`, the HTML; then `notice`,
//! the notifications; then `journal`, the file of orders that outlives the process.

mod action;
mod book;
mod journal;
mod notice;
mod page;

pub use action::{Action, ActionError, OrderPage};
pub use page::{RESOURCES, Resource};

use app::clock::{Clock, Deadline};
use app::payment::{Gateway, GatewayError, Invoice, Signed, Subject};
use async_trait::async_trait;
use book::Order;
use chrono::{DateTime, Utc};
use domain::error::BoxError;
use domain::payment::{GatewayReport, PaymentPage};
use futures_util::stream::{FuturesUnordered, StreamExt};
use journal::Journal;
use midtrans::signature;
use reqwest::Client;
use secrecy::SecretString;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc;

/// The limit of stored orders. Beyond it the oldest order that can no longer be paid is removed.
const REMEMBERED: usize = 100_000;
/// The limit of queued notifications.
const WAITING: usize = 10_000;
/// The limit of notifications that are sent at the same time.
const AT_ONCE: usize = 64;
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// The time limit for the answer to a notification. The gateway itself waits for 15 s.
const SEND_TIME: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Options {
    /// The base URL of its pages, without a `/` at its end.
    pub public_url: String,
    pub webhook_url: String,
    pub server_key: SecretString,
    /// The file of its orders. None keeps them in memory alone.
    pub journal: Option<PathBuf>,
    /// The pauses before a notification is sent again. Midtrans itself waits for 2, 10, 30, 90 and 210 minutes, too long for a
    /// simulator.
    pub pauses: Vec<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            webhook_url: String::new(),
            server_key: SecretString::default(),
            journal: None,
            pauses: [2, 10, 30, 30, 30].map(Duration::from_secs).to_vec(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the journal {} cannot be used: {_1}", _0.display())]
    Journal(PathBuf, std::io::Error),
    #[error("notifications cannot be sent: {_0}")]
    Client(BoxError),
}

/// The orders by their id, by the token of their page and by their attempts.
#[derive(Default)]
struct Books {
    orders: HashMap<String, Order>,
    tokens: HashMap<String, String>,
    /// The order of each attempt.
    attempts: HashMap<String, String>,
    /// The orders, oldest first.
    ages: VecDeque<String>,
    journal: Option<Journal>,
}

pub struct Simulator {
    options: Options,
    clock: Arc<dyn Clock>,
    client: Client,
    books: Mutex<Books>,
    notices: mpsc::Sender<Value>,
    to_send: AsyncMutex<mpsc::Receiver<Value>>,
}

impl Books {
    fn keep(&mut self, order: Order, now: DateTime<Utc>) {
        if self.orders.len() >= REMEMBERED && !self.orders.contains_key(&order.order) {
            self.forget_one(now);
        }
        if let Some(before) = self.orders.get(&order.order) {
            self.tokens.remove(&before.token);
        } else {
            self.ages.push_back(order.order.clone());
        }
        self.tokens.insert(order.token.clone(), order.order.clone());
        if let Some(attempt) = order.latest() {
            self.attempts.insert(attempt.id.clone(), order.order.clone());
        }
        self.orders.insert(order.order.clone(), order);
    }

    /// Removes the oldest order that can no longer be paid, or the oldest of all where all can be paid.
    fn forget_one(&mut self, now: DateTime<Utc>) {
        let is_over = |name| self.orders.get(name).is_none_or(|order| order.is_over(now));
        let place = self.ages.iter().position(is_over).unwrap_or(0);
        if let Some(order) = self.ages.remove(place).and_then(|name| self.orders.remove(&name)) {
            self.tokens.remove(&order.token);
            order.attempts.iter().for_each(|attempt| drop(self.attempts.remove(&attempt.id)));
        }
    }

    /// Stores an order in memory and in the journal.
    fn write(&mut self, order: Order, now: DateTime<Utc>) {
        if let Some(Err(error)) = self.journal.as_mut().map(|journal| journal.write(&order)) {
            tracing::warn!(%error, "the simulator's journal cannot be written; it forgets this with the process");
        }
        self.keep(order, now);
    }

    fn by_token(&self, token: &str) -> Option<&Order> {
        self.orders.get(self.tokens.get(token)?)
    }
}

impl Simulator {
    /// Opens the simulator with the orders of its journal.
    ///
    /// # Errors
    /// That the journal cannot be used, or that no client for the notifications can be made.
    pub fn open(options: Options, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIME)
            .timeout(SEND_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("Veritrans")
            .build()
            .map_err(|error| Error::Client(error.into()))?;
        let mut books = Books::default();
        if let Some(path) = &options.journal {
            let (journal, orders) = Journal::open(path).map_err(|error| Error::Journal(path.clone(), error))?;
            for order in orders {
                let attempts = order.attempts.iter().map(|attempt| (attempt.id.clone(), order.order.clone()));
                books.attempts.extend(attempts);
                books.keep(order, clock.now());
            }
            books.journal = Some(journal);
        }
        let (notices, to_send) = mpsc::channel(WAITING);
        Ok(Self { options, clock, client, books: Mutex::new(books), notices, to_send: AsyncMutex::new(to_send) })
    }

    /// Sends the notifications, for as long as it is polled.
    pub async fn run(self: Arc<Self>) {
        let mut to_send = self.to_send.lock().await;
        let mut sending = FuturesUnordered::new();
        let Self { client, options: Options { webhook_url, pauses, .. }, .. } = &*self;
        loop {
            tokio::select! {
                notice = to_send.recv(), if sending.len() < AT_ONCE => {
                    let Some(notice) = notice else { return };
                    sending.push(async move { notice::send(client, webhook_url, &notice, pauses).await });
                }
                Some(()) = sending.next() => {}
            }
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self, order: &Order, now: DateTime<Utc>) {
        let Some(attempt) = order.latest() else { return };
        let notice = notice::write(order, attempt, &self.options.server_key, now);
        if self.notices.try_send(notice).is_err() {
            tracing::warn!("too many simulated notifications wait; the payment will be asked about");
        }
    }

    fn page_of(&self, order: &Order) -> PaymentPage {
        let url = format!("{}/simulator/{}", self.options.public_url, order.token);
        PaymentPage { token: order.token.clone(), url }
    }
}

#[async_trait]
impl Gateway for Simulator {
    async fn create_page(&self, invoice: &Invoice, _by: Deadline) -> Result<PaymentPage, GatewayError> {
        let mut books = self.books();
        if books.orders.get(&invoice.order.to_string()).is_some_and(Order::is_begun) {
            return Err(GatewayError::Taken);
        }
        // An earlier page of the order stops working.
        let order = Order::new(invoice);
        let page = self.page_of(&order);
        books.write(order, self.clock.now());
        Ok(page)
    }

    async fn fetch_status(&self, subject: &Subject, _by: Deadline) -> Result<Option<GatewayReport>, GatewayError> {
        let books = self.books();
        let found = match subject {
            Subject::Order(id) => {
                let order = books.orders.get(&id.to_string());
                order.and_then(|order| Some((order, order.latest()?)))
            }
            Subject::Transaction(id) => {
                let order = books.attempts.get(id).and_then(|order| books.orders.get(order));
                order.and_then(|order| Some((order, order.attempts.iter().find(|attempt| attempt.id == *id)?)))
            }
        };
        Ok(found.map(|(order, attempt)| order.report(attempt)))
    }

    async fn close_page(&self, page: &PaymentPage, _by: Deadline) -> Result<(), GatewayError> {
        let mut books = self.books();
        let Some(mut order) = books.by_token(&page.token).cloned() else {
            return Err(GatewayError::Refused("token not found".into()));
        };
        if order.is_begun() {
            return Err(GatewayError::Taken);
        }
        order.close();
        books.write(order, self.clock.now());
        Ok(())
    }

    fn verify_signature(&self, signed: &Signed<'_>) -> bool {
        signature::verify(signed, &self.options.server_key)
    }
}

impl Simulator {
    /// The content of an order's page. `None` where the token opens no page.
    #[must_use]
    pub fn page(&self, token: &str) -> Option<OrderPage> {
        self.books().by_token(token)?.page(self.clock.now())
    }

    /// Carries out an action on an order's page, and notifies the shop of it.
    ///
    /// # Errors
    /// That there is no such page, or that the action is not possible now.
    pub fn act(&self, token: &str, action: Action) -> Result<OrderPage, ActionError> {
        let mut books = self.books();
        let mut order = books.by_token(token).cloned().ok_or(ActionError::UnknownPage)?;
        let now = self.clock.now();
        if !order.act(action, now) {
            return Err(ActionError::NotPossible);
        }
        let page = order.page(now).ok_or(ActionError::UnknownPage)?;
        self.notify(&order, now);
        books.write(order, now);
        Ok(page)
    }
}
