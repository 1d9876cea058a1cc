//! Reads of accounts, compared with the reference servers, and of single products.

use crate::all::{Plan, Subject, in_turns};
use crate::clients::Protocol;
use crate::fixtures;
use crate::results::{Bound, Place, Results};
use crate::server::Server;
use testkit::database::{DatabaseKind, TestDatabase};

/// The number of accounts, and of products.
const ROWS: usize = 10_000;
/// A hash that no password matches.
const NO_HASH: &str = "$2b$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234";

#[must_use]
pub fn shop(database: DatabaseKind, buyers: usize, products: usize) -> TestDatabase {
    let storage = TestDatabase::migrated(database);
    fixtures::insert_accounts(&storage, buyers, NO_HASH);
    fixtures::insert_products(&storage, products, buyers);
    storage
}

/// Measures reads of accounts by the product and by the reference servers.
pub async fn accounts(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    let storage = shop(database, ROWS, 0);
    let requests = fixtures::profiles(ROWS);
    let product = Server::start(&plan.server, storage.url());
    for protocol in Protocol::ALL {
        let reference = Server::reference(protocol, storage.url());
        let subject = |name: &str, server| Subject { name: name.to_owned(), protocol, server, requests: &requests };
        let subjects = [subject("product", &product), subject("reference", &reference)];
        let lines = in_turns(plan, "profile", database, &subjects).await;
        if let [product, reference] = lines.as_slice() {
            let place = Place::over(database, protocol);
            let (cpu, rate) =
                (product.over(reference, |cost| cost.server_cpu), product.over(reference, |cost| cost.rate));
            results.aim("profile: CPU of an answer over the reference server's", place, Bound::AtMost(1.3), &cpu);
            results.note("profile", place, "answers/s over the reference server's", "", rate);
        }
        results.lines.extend(lines);
    }
}

/// Measures reads of single products.
pub async fn products(plan: &Plan, database: DatabaseKind, results: &mut Results) {
    let storage = shop(database, 1, ROWS);
    let server = Server::start(&plan.server, storage.url());
    let requests: Vec<_> = fixtures::shuffled(ROWS)
        .map(|number| crate::requests::PreparedRequest::product(&fixtures::product(number)))
        .collect();
    let subjects = Protocol::ALL.map(|protocol| {
        let name = "one product".to_owned();
        Subject { name, protocol, server: &server, requests: &requests }
    });
    let lines = in_turns(plan, "product", database, &subjects).await;
    results.lines.extend(lines);
}
