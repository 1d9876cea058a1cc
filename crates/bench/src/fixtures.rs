//! Accounts and products that are there before anything is measured: written by SQL, because each password's hash would take
//! longer than all the rest, with tokens signed by hand.

use crate::requests::PreparedRequest;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};
use testkit::database::{DatabaseKind, TestDatabase};
use testkit::token;

/// How many rows are written at once.
const BATCH: usize = 500;
/// How many pieces of a product there are: more than can be sold within a measurement.
const STOCK: u32 = 2_000_000_000;
/// When all of it was made.
const CREATED_AT: &str = "2026-01-02 03:04:05.678901";
/// What identifiers begin with; a number follows.
pub const ACCOUNT: &str = "01958e68-5412-7307-8d1c-";
/// The same for products.
const PRODUCT: &str = "01958e68-5412-7307-9b1d-";
/// A step through the rows that meets each of them and none beside the one before.
const STRIDE: usize = 7_919;

/// An account's identifier by its number.
#[must_use]
pub fn account(number: usize) -> String {
    format!("{ACCOUNT}{number:012}")
}

/// A product's identifier by its number.
#[must_use]
pub fn product(number: usize) -> String {
    format!("{PRODUCT}{number:012}")
}

/// An account's e-mail address by its number.
#[must_use]
pub fn email(number: usize) -> String {
    format!("buyer{number}@example.com")
}

/// The numbers of so many rows, so that no two that lie beside each other follow each other.
pub fn shuffled(count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |place| place * STRIDE % count.max(1))
}

fn insert(database: &TestDatabase, into: &str, rows: impl Iterator<Item = String>) {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut sql = format!("INSERT INTO {into} VALUES ");
        for (number, row) in rows.by_ref().take(BATCH).enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            let _ = write!(sql, "{comma}({row})");
        }
        database.execute(&sql);
    }
}

/// Writes buyers, all with the same hash; the last account after them is a seller's.
pub fn insert_accounts(database: &TestDatabase, buyers: usize, hash: &str) {
    let rows = (0..=buyers).map(|number| {
        let (id, email) = (account(number), email(number));
        let role = if number == buyers { "seller" } else { "buyer" };
        format!("'{id}', 'Ada Lovelace {number}', '{email}', '{email}', '{role}', '{hash}', '{CREATED_AT}'")
    });
    insert(database, "users (id, name, email, email_key, role, password_hash, created_at)", rows);
    analyze_table(database, "users");
}

/// Writes products of the seller who has moved in with so many buyers.
pub fn insert_products(database: &TestDatabase, products: usize, buyers: usize) {
    let seller = account(buyers);
    let rows = (0..products).map(|number| {
        let id = product(number);
        let texts = format!("'Oak desk {number}', 'oak desk {number}', 'A desk of solid oak.'");
        format!("'{id}', '{seller}', {texts}, 100000, {STOCK}, 0, 1, '{CREATED_AT}', '{CREATED_AT}'")
    });
    let columns = "id, user_id, name, name_key, description, price, stock, reserved, version, created_at, updated_at";
    insert(database, &format!("products ({columns})"), rows);
    analyze_table(database, "products");
}

/// Has the database look at a table that has grown at once.
fn analyze_table(database: &TestDatabase, table: &str) {
    match database.kind() {
        DatabaseKind::Sqlite => {}
        DatabaseKind::Postgres => database.execute(&format!("ANALYZE {table}")),
        DatabaseKind::Mariadb => database.execute(&format!("ANALYZE TABLE {table}")),
    }
}

/// A buyer's token, good for a day.
///
/// # Panics
/// Where the clock stands before 1970.
#[must_use]
pub fn token(number: usize) -> String {
    #[expect(clippy::disallowed_methods, reason = "the server that checks it goes by this clock too")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right").as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    token::signed(&token::header(), &token::claims(&account(number), now))
}

/// Each buyer looks at the own account.
#[must_use]
pub fn profiles(buyers: usize) -> Vec<PreparedRequest> {
    shuffled(buyers).map(|number| PreparedRequest::profile(&account(number), &token(number))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn everybody_is_met_once() {
        for count in [1, 64, 10_000] {
            assert_eq!(shuffled(count).collect::<BTreeSet<_>>(), (0..count).collect());
        }
    }
}
