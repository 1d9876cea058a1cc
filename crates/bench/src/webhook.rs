//! Webhooks: signed notifications about paid payments, each delivered once, of payments without earlier
//! notifications.
//!
//! The simulator sends a notification by itself when a payer presses *Pay*. So the measurement orders payments,
//! stops the server, rewrites the simulator's journal as if the payments were paid, and sends the notifications to
//! a server with that journal.

use crate::all::{Plan, process_group};
use crate::clients::{Client, Protocol};
use crate::fixtures;
use crate::load::{self, Until};
use crate::profile;
use crate::requests::PreparedRequest;
use crate::results::{Line, Place, Results};
use crate::server::Server;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::database::{DatabaseKind, TestDatabase};
use testkit::payment_fixture;

const BUYERS: usize = 64;
const PRODUCTS: usize = 1_000;
/// The number of notifications per second of a round's usual length.
const PER_SECOND: usize = 300;
/// The number of notifications before a measurement.
const WARM_UP: usize = 200;
const MAILS: Duration = Duration::from_secs(120);

/// Rewrites a journal so that all its orders are paid; returns a notification about each.
fn pay(journal: &Path, paid: &Path) -> Vec<PreparedRequest> {
    let text = std::fs::read_to_string(journal).expect("the simulator's journal");
    let (mut lines, mut requests) = (String::new(), Vec::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        let mut order: Value = serde_json::from_str(line).expect("an order");
        let name = order.get("order").and_then(Value::as_str).expect("its name").to_owned();
        // The journal has hundredths.
        let total = order.get("total").and_then(Value::as_i64).expect("its total") / 100;
        let mut notice = payment_fixture::notification(&name, &total.to_string(), "settlement", payment_fixture::KEY);
        let attempt = notice.get("transaction_id").cloned().unwrap_or_default();
        if let (Value::Object(order), Value::Object(notice)) = (&mut order, &mut notice) {
            let at = order.get("expires_at").cloned().unwrap_or_default();
            let attempt = json!({ "id": attempt, "status": "settlement", "payment_type": "qris", "at": at });
            order.insert("attempts".to_owned(), json!([attempt]));
            order.insert("is_closed".to_owned(), json!(true));
            notice.insert("payment_type".to_owned(), json!("qris"));
        }
        lines = lines + &order.to_string() + "\n";
        requests.push(PreparedRequest::notification(&notice.to_string()));
    }
    std::fs::write(paid, lines).expect("a journal");
    requests
}

fn count(storage: &TestDatabase, what: &str) -> usize {
    let texts = storage.texts(&format!("SELECT CONCAT(COUNT(*), '') AS value FROM {what}"));
    texts.first().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Places orders and waits until all mails are sent; returns the notifications about the orders.
async fn order(plan: &Plan, storage: &TestDatabase, orders: usize, paid: &Path) -> Vec<PreparedRequest> {
    let server = Server::start(&plan.server, storage.url());
    let tokens: Vec<_> = (0..BUYERS).map(fixtures::token).collect();
    let requests = tokens.iter().cycle().zip(fixtures::shuffled(PRODUCTS).cycle_with(orders));
    let requests: Vec<_> =
        requests.map(|(token, product)| PreparedRequest::order(&fixtures::product(product), token)).collect();
    let mut clients = Client::several(Protocol::Rest, &server, plan.clients);
    load::ask(&mut clients, &requests, Until::AllAsked).await;
    let begun = Instant::now();
    while count(storage, "mails WHERE state = 'queued'") > 0 && begun.elapsed() < MAILS {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    pay(&server.folder().join("data/simulator.jsonl"), paid)
}

/// Repeats an iterator until it has given `count` items.
trait CycleWith: Iterator + Sized {
    fn cycle_with(self, count: usize) -> impl Iterator<Item = Self::Item>;
}

impl<I: Iterator<Item = usize>> CycleWith for I {
    fn cycle_with(self, count: usize) -> impl Iterator<Item = usize> {
        self.collect::<Vec<_>>().into_iter().cycle().take(count)
    }
}

/// Delivers the notifications and counts those that were applied.
pub async fn run(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    let storage = profile::shop(database, BUYERS, PRODUCTS);
    let a_round = PER_SECOND * usize::try_from(plan.time.as_secs()).unwrap_or(1);
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("paid.jsonl");
    eprintln!("{database}: ordering {} times", WARM_UP + plan.rounds * a_round);
    let requests = order(plan, &storage, WARM_UP + plan.rounds * a_round, &journal).await;

    let journal = journal.to_string_lossy();
    let settings = [("PAYMENT__SIMULATOR__JOURNAL", &*journal)];
    let server = Server::start_with(&plan.server, storage.url(), &settings);
    let mut clients = Client::several(Protocol::Rest, &server, plan.clients);
    let (warm_up, rest) = requests.split_at(WARM_UP.min(requests.len()));
    load::ask(&mut clients, warm_up, Until::AllAsked).await;
    let process_group = process_group(database);
    let place = Place::over(database, Protocol::Rest);
    let mut line =
        Line { part: "webhook", place, subject: "settlement, first delivery".to_owned(), rounds: Vec::new() };
    for round in rest.chunks(a_round) {
        let cost = load::measure(&server, &mut clients, round, Until::AllAsked, process_group.as_ref()).await;
        eprintln!("{database} webhook: {cost:.0?}");
        line.rounds.push(cost);
    }
    let applied = count(&storage, "notifications WHERE verdict = 'applied'");
    let share = applied as f64 / requests.len().max(1) as f64;
    results.note("webhook", place, "share of notifications that were applied when all were answered", "", vec![share]);
    results.lines.push(line);
}
