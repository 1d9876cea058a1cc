//! Fixtures: accounts and products written by SQL, because hashing the passwords would take longer than everything
//! else, and hand-signed tokens.

use crate::requests::PreparedRequest;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};
use testkit::database::{DatabaseKind, TestDatabase};
use testkit::token;

/// The number of rows per statement.
const BATCH: usize = 500;
/// The stock of a product: more than a measurement can sell.
const STOCK: u32 = 2_000_000_000;
const CREATED_AT: &str = "2026-01-02 03:04:05.678901";
/// The prefix of account ids, followed by a number.
pub const ACCOUNT: &str = "01958e68-5412-7307-8d1c-";
/// The prefix of product ids, followed by a number.
const PRODUCT: &str = "01958e68-5412-7307-9b1d-";
/// A step that visits every row, and no row directly after its neighbour.
const STRIDE: usize = 7_919;

#[must_use]
pub fn account(number: usize) -> String {
    format!("{ACCOUNT}{number:012}")
}

#[must_use]
pub fn product(number: usize) -> String {
    format!("{PRODUCT}{number:012}")
}

#[must_use]
pub fn email(number: usize) -> String {
    format!("buyer{number}@example.com")
}

/// The numbers from 0 to `count` in an order in which neighbours do not follow each other.
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

/// Inserts buyers with the same password hash, and a seller after them.
pub fn insert_accounts(database: &TestDatabase, buyers: usize, hash: &str) {
    let rows = (0..=buyers).map(|number| {
        let (id, email) = (account(number), email(number));
        let role = if number == buyers { "seller" } else { "buyer" };
        format!("'{id}', 'Ada Lovelace {number}', '{email}', '{email}', '{role}', '{hash}', '{CREATED_AT}'")
    });
    insert(database, "users (id, name, email, email_key, role, password_hash, created_at)", rows);
    analyze_table(database, "users");
}

/// Inserts products of the seller that [`insert_accounts`] has inserted after `buyers` buyers.
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

/// Updates the database's statistics after a bulk insert.
fn analyze_table(database: &TestDatabase, table: &str) {
    match database.kind() {
        DatabaseKind::Sqlite => {}
        DatabaseKind::Postgres => database.execute(&format!("ANALYZE {table}")),
        DatabaseKind::Mariadb | DatabaseKind::Mysql => database.execute(&format!("ANALYZE TABLE {table}")),
    }
}

/// A buyer's access token, valid for a day.
#[must_use]
pub fn token(number: usize) -> String {
    signed(number, "buyer")
}

/// The token of the seller that [`insert_accounts`] has inserted after `buyers` buyers.
#[must_use]
pub fn seller_token(buyers: usize) -> String {
    signed(buyers, "seller")
}

fn signed(number: usize, role: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the server that checks it goes by this clock too")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right").as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let claims = token::with(&token::claims(&account(number), now), "role", role.into());
    token::signed(&token::header(), &claims)
}

/// A request of each buyer for their own account.
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
