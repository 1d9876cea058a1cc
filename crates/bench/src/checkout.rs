//! Orders of one product and of many, compared with a script of their SQL statements.
//!
//! Each round has a new database, so that all rounds start with the same rows and no queued mails.

use crate::all::{Plan, process_group};
use crate::clients::{Client, Protocol};
use crate::fixtures;
use crate::load::{self, Cost, Until, WARM_UP};
use crate::profile;
use crate::reference::connections;
use crate::requests::PreparedRequest;
use crate::results::{Bound, Line, Place, Results};
use crate::script;
use crate::server::Server;
use testkit::database::DatabaseKind;

const BUYERS: usize = 64;
/// The number of products, unless all buyers order the same one.
const MANY: usize = 1_000;

/// Orders of all buyers, spread over the products.
fn orders(products: usize) -> Vec<PreparedRequest> {
    let tokens: Vec<_> = (0..BUYERS).map(fixtures::token).collect();
    let products: Vec<_> = fixtures::shuffled(products).collect();
    let pairs = tokens.iter().cycle().zip(products.iter().cycle()).take(MANY * BUYERS);
    pairs.map(|(token, product)| PreparedRequest::order(&fixtures::product(*product), token)).collect()
}

async fn ordered(plan: &Plan, place: Place, products: usize) -> Cost {
    let storage = profile::shop(place.database, BUYERS, products);
    let server = Server::start(&plan.server, storage.url());
    let mut clients = Client::several(place.protocol.unwrap_or(Protocol::Rest), &server, plan.clients);
    let (requests, process_group) = (orders(products), process_group(place.database));
    load::measure(&server, &mut clients, &requests, Until::Passed(plan.time), process_group.as_ref()).await
}

/// The script runs in this process, so its CPU time is this process's.
fn scripted(plan: &Plan, database: DatabaseKind, products: usize) -> Cost {
    let storage = profile::shop(database, BUYERS, products);
    // The product's number of writing connections.
    let connections = if database == DatabaseKind::Sqlite { 1 } else { connections() };
    let bench = script::Bench { url: storage.url(), connections, buyers: BUYERS, products };
    let script::Ran { rate, latencies } = bench.run(WARM_UP, plan.time);
    let at = |quantile| latencies.value_at_quantile(quantile);
    let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
    Cost { rate, p50, p99, p999, server_cpu: 0.0, database_cpu: 0.0, refused: 0 }
}

pub async fn run(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    for (name, products) in [("one product", 1), ("many products", MANY)] {
        let line = |place, subject: &str| Line {
            part: "checkout",
            place,
            subject: format!("{subject}, {name}"),
            rounds: Vec::new(),
        };
        let mut lines = Protocol::ALL.map(|protocol| line(Place::over(database, protocol), "product"));
        let mut bare = line(Place::at(database), "bare script");
        for _ in 0..plan.rounds {
            bare.rounds.push(scripted(plan, database, products));
            for line in &mut lines {
                let cost = ordered(plan, line.place, products).await;
                eprintln!("{database} {}: {cost:.0?}", line.subject);
                line.rounds.push(cost);
            }
        }
        for line in &lines {
            let over = line.over(&bare, |cost| cost.rate);
            if products == 1 {
                results.aim("checkouts/s of one product over a bare script's", line.place, Bound::AtLeast(0.6), &over);
            } else {
                results.note("checkout", line.place, "checkouts/s of many products over a bare script's", "", over);
            }
        }
        results.lines.push(bare);
        results.lines.extend(lines);
    }
}
