//! The first page of products, by the number of products.

use crate::all::{Plan, Subject, in_turns};
use crate::clients::Protocol;
use crate::load::Cost;
use crate::requests::PreparedRequest;
use crate::results::{Bound, Place, Results};
use crate::server::{self, Server};
use testkit::database::{DatabaseKind, TestDatabase};

/// The CPU time of server and database together.
fn cpu(cost: &Cost) -> f64 {
    cost.server_cpu + cost.database_cpu
}

/// Measures the first page of a small and of a large shop in turns.
pub async fn run(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    let mut shops = Vec::new();
    for &products in &plan.products {
        eprintln!("{database}: filling a shop with {products} products");
        let storage = TestDatabase::empty(database);
        server::fill(&plan.server, storage.url(), products);
        let server = Server::start(&plan.server, storage.url());
        shops.push((products, server, storage));
    }
    let requests = [PreparedRequest::list(20, "", "")];
    for protocol in Protocol::ALL {
        let subjects = shops.iter().map(|(products, server, _)| {
            let name = format!("first page of 20 of {products}");
            Subject { name, protocol, server, requests: &requests }
        });
        let subjects: Vec<_> = subjects.collect();
        let lines = in_turns(plan, "page", database, &subjects).await;
        if let [small, .., large] = lines.as_slice() {
            let size = |place: Option<&u64>| place.copied().unwrap_or_default();
            let (first, last) = (size(plan.products.first()), size(plan.products.last()));
            let figure = format!("page of 20: CPU of server and database, {last} products over {first}");
            results.aim(&figure, Place::over(database, protocol), Bound::AtMost(1.5), &large.over(small, cpu));
        }
        results.lines.extend(lines);
    }
}
