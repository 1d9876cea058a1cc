//! The cost of reading products, by the number of products.

use crate::all::process_group;
use crate::clients::{self, Client, Protocol};
use crate::load::{self, Cost, Until};
use crate::requests::PreparedRequest;
use crate::server::{self, Server};
use crate::table;
use std::path::PathBuf;
use std::time::Duration;
use testkit::database::{DatabaseKind, TestDatabase};

pub struct Plan {
    pub server: PathBuf,
    pub products: Vec<u64>,
    pub databases: Vec<DatabaseKind>,
    /// How long each read is measured.
    pub time: Duration,
    pub clients: usize,
}

pub struct Line {
    pub database: DatabaseKind,
    pub protocol: Protocol,
    pub read: &'static str,
    /// The costs, one per number of products.
    pub costs: Vec<Cost>,
}

/// Measures everything and prints the result.
pub async fn run(plan: &Plan) {
    let mut lines: Vec<Line> = Vec::new();
    for &database in &plan.databases {
        if let Err(reason) = database.available() {
            eprintln!("{database} is left out: {reason}");
            continue;
        }
        for &products in &plan.products {
            for (protocol, read, cost) in shop(plan, database, products).await {
                let same = |line: &&mut Line| (line.database, line.protocol, line.read) == (database, protocol, read);
                match lines.iter_mut().find(same) {
                    Some(line) => line.costs.push(cost),
                    None => lines.push(Line { database, protocol, read, costs: vec![cost] }),
                }
            }
        }
    }
    println!("{}", table::markdown(&plan.products, &lines));
}

/// Measures one number of products on one database.
async fn shop(plan: &Plan, database: DatabaseKind, products: u64) -> Vec<(Protocol, &'static str, Cost)> {
    eprintln!("{database}: filling a shop with {products} products");
    let storage = TestDatabase::empty(database);
    server::fill(&plan.server, storage.url(), products);
    let server = Server::start(&plan.server, storage.url());
    let (middle, ids) = clients::page_to_the_middle(&server, products).await;
    let reads = [
        ("first page of 20", vec![PreparedRequest::list(20, "", "")]),
        ("first page of 100", vec![PreparedRequest::list(100, "", "")]),
        ("page of 20 in the middle", vec![PreparedRequest::list(20, &middle, "")]),
        ("one product", ids.iter().map(|id| PreparedRequest::product(id)).collect()),
        ("rare text in names", vec![PreparedRequest::list(20, "", "zzz")]),
    ];
    let (process_group, until) = (process_group(database), Until::Passed(plan.time));
    let mut costs = Vec::new();
    for protocol in Protocol::ALL {
        let mut clients = Client::several(protocol, &server, plan.clients);
        for (read, requests) in &reads {
            let cost = load::measure(&server, &mut clients, requests, until, process_group.as_ref()).await;
            eprintln!("{database} {products} {protocol} {read}: {cost:.0?}");
            costs.push((protocol, *read, cost));
        }
    }
    eprintln!("{database} {products}: {} MiB resident", server.memory().resident >> 20);
    costs
}
