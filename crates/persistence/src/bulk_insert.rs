//! Inserting rows by the hundred thousand, without those whose ids are stored already: for seeding.

use crate::connection::AnyConnection;
use crate::constraint::Constraint;
use crate::database::Database;
use crate::dialect::{analyze, on_each, set_large_cache, write_transaction};
use crate::failure::Failure;
use crate::product::{ProductRow, lock_sellers};
use crate::schema::{products, users};
use crate::user::UserRow;
use app::clock::Deadline;
use diesel::prelude::*;
use domain::error::{Error, ErrorCode};
use domain::product::Product;
use domain::user::User;
use std::collections::HashSet;
use std::sync::Arc;

/// How many rows one transaction inserts: enough to share the cost of a commit, and few enough that other writers do not
/// wait for long.
const BATCH: usize = 10_000;
/// How many rows one statement inserts. A statement has some 32,000 parameters at most.
const ROWS: usize = 200;

/// Inserts those rows whose ids are not stored yet, by chunks of [`ROWS`].
macro_rules! add_missing {
    ($connection:expr, $table:ident, $rows:expr) => {{
        let mut added = 0;
        for rows in $rows.chunks(ROWS) {
            let ids = rows.iter().map(|row| row.id.as_str());
            let there: Vec<String> =
                $table::table.filter($table::id.eq_any(ids)).select($table::id).load($connection)?;
            let there: HashSet<_> = there.into_iter().collect();
            let missing: Vec<_> = rows.iter().filter(|row| !there.contains(&row.id)).collect();
            if !missing.is_empty() {
                let insert = diesel::insert_into($table::table).values(missing);
                added += on_each!($connection, inner => insert.execute(inner))?;
            }
        }
        Ok(added)
    }};
}

fn add_users(connection: &mut AnyConnection, rows: &[UserRow]) -> QueryResult<usize> {
    add_missing!(connection, users, rows)
}

fn add_products(connection: &mut AnyConnection, rows: &[ProductRow]) -> QueryResult<usize> {
    lock_sellers(connection, rows)?;
    add_missing!(connection, products, rows)
}

/// Inserts rows batch by batch, and returns how many.
async fn in_batches<R: Send + Sync + 'static>(
    database: &Database,
    rows: impl Iterator<Item = R>,
    add: fn(&mut AnyConnection, &[R]) -> QueryResult<usize>,
    table: &'static str,
    by: Deadline,
) -> Result<usize, Failure> {
    let mut added = 0;
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let batch: Arc<[R]> = rows.by_ref().take(BATCH).collect();
        added += database
            .write(by, move |connection| {
                set_large_cache(connection, true)?;
                let added = write_transaction(connection, |connection| add(connection, &batch));
                set_large_cache(connection, false)?;
                added
            })
            .await?;
    }
    if added > 0 {
        database.write(by, move |connection| analyze(connection, table)).await?;
    }
    Ok(added)
}

impl Database {
    /// Inserts the accounts whose ids are not stored yet, and returns how many these were. Batches that were inserted stay
    /// where a later one fails.
    ///
    /// # Errors
    /// [`ErrorCode::EmailTaken`] where another account has the e-mail address of one of them, and those of
    /// [`Users::add`](app::user::Users::add).
    pub async fn add_missing_users(&self, users: Vec<User>, by: Deadline) -> Result<usize, Error> {
        match in_batches(self, users.iter().map(UserRow::from), add_users, "users", by).await {
            Err(Failure::Statement(error)) if Constraint::violated_by(&error) == Some(Constraint::UserEmail) => {
                Err(ErrorCode::EmailTaken.into())
            }
            added => Ok(added?),
        }
    }

    /// Inserts the products whose ids are not stored yet, withdrawn products included, and returns how many these were.
    /// Batches that were inserted stay where a later one fails. The ledger of images is left alone.
    ///
    /// # Errors
    /// Those of [`Products::add`](app::product::Products::add).
    pub async fn add_missing_products(&self, products: Vec<Product>, by: Deadline) -> Result<usize, Error> {
        match in_batches(self, products.iter().map(ProductRow::from), add_products, "products", by).await {
            Err(Failure::Statement(error)) if Constraint::violated_by(&error) == Some(Constraint::ProductSeller) => {
                Err(ErrorCode::TokenInvalid.into())
            }
            added => Ok(added?),
        }
    }
}
