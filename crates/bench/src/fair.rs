//! Whether everybody gets a fair share while something else saturates the machine: log-ins, reads, orders and uploads beside
//! each other, beside another program's loops and beside clients that try again at once.
//!
//! Every figure is a ratio of one round: the same thing alone, and beside what disturbs it.

use crate::all::Plan;
use crate::clients::{Client, Protocol};
use crate::fixtures;
use crate::load::{self, Tally, Until, WARM_UP};
use crate::login::login_requests;
use crate::requests::PreparedRequest;
use crate::results::{Bound, Place, Results};
use crate::server::{self, BCRYPT_COST, Server};
use busy_loops::BusyLoops;
use std::time::{Duration, Instant};
use testkit::database::{DatabaseKind, TestDatabase};
use testkit::image_files;

mod busy_loops;

const BUYERS: usize = 1_000;
const PASSWORD: &str = "correct horse";
/// The number of clients of a shop's usual day, and of those who saturate it.
const FEW: usize = 4;
const MANY: usize = 64;
/// The number of clients that log in at once, enough to keep all hashing threads at work.
const LOGGING_IN: usize = 16;
/// The number of clients that try again at once when they are refused: a hundred times as many as are served at once.
const EAGER: usize = 400;
const SHOPPERS: usize = 8;
const PRODUCTS: u64 = 300_000;
/// The size of an uploaded photo, in pixels.
const WIDTH: u32 = 2_400;
const HEIGHT: u32 = 1_800;
/// A text that no name holds.
const NOWHERE: &str = "zzzzqqqq";

/// What is measured: who asks, and what for.
struct Load {
    clients: Vec<Client>,
    requests: Vec<PreparedRequest>,
}

impl Load {
    fn of(protocol: Protocol, server: &Server, clients: usize, requests: Vec<PreparedRequest>) -> Self {
        Self { clients: Client::several(protocol, server, clients), requests }
    }

    async fn ask(&mut self, time: Duration) -> Tally {
        load::ask(&mut self.clients, &self.requests, Until::Passed(time)).await
    }

    /// Measures after a warm-up.
    async fn measure(&mut self, time: Duration) -> Tally {
        self.ask(WARM_UP).await;
        self.ask(time).await
    }

    /// Measures both at once, after a warm-up of both.
    async fn beside(&mut self, other: &mut Self, time: Duration) -> (Tally, Tally) {
        futures_util::future::join(self.ask(WARM_UP), other.ask(WARM_UP)).await;
        futures_util::future::join(self.ask(time), other.ask(time)).await
    }
}

/// The figures of all rounds, by name and bound, in the order in which they were first told.
#[derive(Default)]
struct Figures(Vec<(String, Bound, Vec<f64>)>);

impl Figures {
    fn add(&mut self, name: &str, bound: Bound, value: f64) {
        eprintln!("    {name}: {value:.2}");
        match self.0.iter_mut().find(|(known, ..)| known == name) {
            Some((.., values)) => values.push(value),
            None => self.0.push((name.to_owned(), bound, vec![value])),
        }
    }

    fn at_least(&mut self, name: &str, least: f64, value: f64) {
        self.add(name, Bound::AtLeast(least), value);
    }

    fn at_most(&mut self, name: &str, most: f64, value: f64) {
        self.add(name, Bound::AtMost(most), value);
    }

    fn write(self, place: Place, results: &mut Results) {
        for (name, bound, values) in self.0 {
            results.aim(&format!("fair: {name}"), place, bound, &values);
        }
    }
}

/// Log-ins while others want the CPU.
async fn log_ins_beside(plan: &Plan, protocol: Protocol, server: &Server, figures: &mut Figures) {
    let mut log_ins = Load::of(protocol, server, FEW, login_requests());
    let alone = log_ins.measure(plan.time).await.rate();
    let mut reads = Load::of(protocol, server, MANY, fixtures::profiles(BUYERS));
    let (beside, _) = log_ins.beside(&mut reads, plan.time).await;
    figures.at_least("log-ins/s of 4 clients beside 64 that read, over alone", 0.25, beside.rate() / alone);
    let mut refused = beside.refused();
    for nice in [5, 0] {
        let busy_loops = BusyLoops::start(nice);
        let beside = log_ins.measure(plan.time).await;
        drop(busy_loops);
        let name = format!("log-ins/s of 4 clients beside two loops at nice {nice}, over alone");
        figures.at_least(&name, 0.25, beside.rate() / alone);
        refused += beside.refused();
    }
    figures.at_most("log-ins of these that were refused", 0.0, refused as f64);
}

/// Reads while log-ins saturate.
async fn reads_beside_log_ins(plan: &Plan, protocol: Protocol, server: &Server, figures: &mut Figures) {
    let mut reads = Load::of(protocol, server, plan.clients, fixtures::profiles(BUYERS));
    let alone = reads.measure(plan.time).await.at(0.99);
    let mut log_ins = Load::of(protocol, server, LOGGING_IN, login_requests());
    let (beside, _) = reads.beside(&mut log_ins, plan.time).await;
    figures.at_most("p99 of reads beside log-ins that saturate, over alone", 3.0, beside.at(0.99) / alone);
}

/// Log-ins while a hundred times as many come as can be served.
async fn storm(plan: &Plan, protocol: Protocol, server: &Server, figures: &mut Figures) {
    let mut log_ins = Load::of(protocol, server, LOGGING_IN, login_requests());
    let alone = log_ins.measure(plan.time).await.rate();
    let mut one = Load::of(protocol, server, 1, login_requests());
    let calm = one.measure(plan.time).await.at(0.5);
    let mut eager = Load::of(protocol, server, EAGER, login_requests());
    eager.ask(2 * WARM_UP).await;
    let tally = eager.ask(plan.time).await;
    let refusals = tally.refused() as f64 / plan.time.as_secs_f64();
    let slowest = tally.slowest_refusal().as_secs_f64();
    figures.at_least("log-ins/s with 400 eager clients, over 16 patient ones", 0.8, tally.rate() / alone);
    figures.at_most("the slowest refusal of these, s", 0.5, slowest);
    eprintln!("    {refusals:.0} refusals/s");
    drop(eager);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = one.ask(WARM_UP).await.at(0.5);
    figures.at_most("a log-in one second after these, over before", 2.0, after / calm);
}

fn orders(products: &[String]) -> Vec<PreparedRequest> {
    let buyers = products.iter().zip((0..BUYERS).cycle());
    buyers.map(|(product, buyer)| PreparedRequest::order(product, &fixtures::token(buyer))).collect()
}

/// Orders and uploads while reads saturate, and reads meanwhile.
async fn writes_beside_reads(plan: &Plan, protocol: Protocol, server: &Server, figures: &mut Figures) {
    let products: Vec<_> = fixtures::shuffled(BUYERS).map(fixtures::product).collect();
    let photo = image_files::jpeg(WIDTH, HEIGHT);
    let uploads = vec![PreparedRequest::offer(&photo, &fixtures::seller_token(BUYERS))];
    for (name, requests) in [("orders", orders(&products)), ("uploads", uploads)] {
        let mut writes = Load::of(protocol, server, FEW, requests);
        let alone = writes.measure(plan.time).await.rate();
        let mut many = Load::of(protocol, server, MANY, fixtures::profiles(BUYERS));
        let (beside, _) = writes.beside(&mut many, plan.time).await;
        figures.at_least(
            &format!("{name}/s of 4 clients beside 64 that read, over alone"),
            0.25,
            beside.rate() / alone,
        );
        figures.at_most(&format!("{name} of these that were refused"), 0.0, beside.refused() as f64);
        let mut few = Load::of(protocol, server, FEW, fixtures::profiles(BUYERS));
        let calm = few.measure(plan.time).await.at(0.99);
        let (disturbed, _) = few.beside(&mut writes, plan.time).await;
        figures.at_most(
            &format!("p99 of reads of 4 clients beside {name}, over alone"),
            3.0,
            disturbed.at(0.99) / calm,
        );
    }
}

/// Reads of single products beside searches, and of first pages beside orders, in a large shop.
async fn large_shop(plan: &Plan, protocol: Protocol, server: &Server, products: &[String], figures: &mut Figures) {
    let views: Vec<_> = products.iter().map(|id| PreparedRequest::product(id)).collect();
    let mut reads = Load::of(protocol, server, FEW, views);
    let alone = reads.measure(plan.time).await.at(0.99);
    let mut searches = Load::of(protocol, server, SHOPPERS, vec![PreparedRequest::list(20, "", NOWHERE)]);
    let (beside, _) = reads.beside(&mut searches, plan.time).await;
    figures.at_most("p99 of reads of a product beside 8 that search in vain, over alone", 5.0, beside.at(0.99) / alone);
    let mut pages = Load::of(protocol, server, FEW, vec![PreparedRequest::list(20, "", "")]);
    let alone = pages.measure(plan.time).await.at(0.99);
    let mut orders = Load::of(protocol, server, FEW, orders(products));
    let ordered = orders.measure(plan.time).await.rate();
    let (paged, beside) = pages.beside(&mut orders, plan.time).await;
    figures.at_most("p99 of first pages beside orders, over alone", 3.0, paged.at(0.99) / alone);
    figures.at_least("orders/s beside first pages, over alone", 0.25, beside.rate() / ordered);
}

pub async fn run(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    let storage = TestDatabase::migrated(database);
    let hash = bcrypt::hash(PASSWORD, BCRYPT_COST).expect("a password that can be hashed");
    fixtures::insert_accounts(&storage, BUYERS, &hash);
    fixtures::insert_products(&storage, BUYERS, BUYERS);
    let large = TestDatabase::empty(database);
    eprintln!("{database}: filling a shop with {PRODUCTS} products");
    server::fill(&plan.server, large.url(), PRODUCTS);
    fixtures::insert_accounts(&large, BUYERS, &hash);
    // More than a measurement can sell.
    large.execute("UPDATE products SET stock = 2000000000");
    for protocol in Protocol::ALL {
        let mut figures = Figures::default();
        for round in 0..plan.rounds {
            eprintln!("{database} {protocol} round {round}:");
            let begun = Instant::now();
            let server = Server::start(&plan.server, storage.url());
            log_ins_beside(plan, protocol, &server, &mut figures).await;
            reads_beside_log_ins(plan, protocol, &server, &mut figures).await;
            storm(plan, protocol, &server, &mut figures).await;
            writes_beside_reads(plan, protocol, &server, &mut figures).await;
            drop(server);
            let server = Server::start(&plan.server, large.url());
            let (_, products) = crate::clients::page_to_the_middle(&server, PRODUCTS / 100).await;
            large_shop(plan, protocol, &server, &products, &mut figures).await;
            eprintln!("    ({:.0?})", begun.elapsed());
        }
        figures.write(Place::over(database, protocol), results);
    }
}
