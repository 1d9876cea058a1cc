//! Adding many rows at once, those left out that are there already: for data that is made by the hundred thousand.

use crate::connection::AnyConnection;
use crate::constraint::Constraint;
use crate::database::Database;
use crate::dialect::{expect_many_rows, look_at, on_each, write_transaction};
use crate::failure::Failure;
use crate::product::ProductRow;
use crate::schema::{products, users};
use crate::user::UserRow;
use app::clock::Deadline;
use diesel::prelude::*;
use domain::error::{Error, ErrorCode};
use domain::product::Product;
use domain::user::User;
use std::collections::HashSet;
use std::sync::Arc;

/// How many rows one transaction adds: so many that what a commit costs is shared, so few that others soon get their turn.
const BATCH: usize = 10_000;
/// How many rows one statement adds. A statement has some 32,000 parameters at most.
const ROWS: usize = 200;

/// The rows of a batch that are to be added, by chunks of a statement's size.
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
    add_missing!(connection, products, rows)
}

/// Adds rows batch by batch, and tells how many.
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
                expect_many_rows(connection, true)?;
                let added = write_transaction(connection, |connection| add(connection, &batch));
                expect_many_rows(connection, false)?;
                added
            })
            .await?;
    }
    if added > 0 {
        database.write(by, move |connection| look_at(connection, table)).await?;
    }
    Ok(added)
}

impl Database {
    /// Adds those accounts whose identifiers are not there yet, and tells how many these were. What has been added stays
    /// when a later one fails.
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

    /// Adds those products whose identifiers are not there yet, withdrawn ones included, and tells how many these were.
    /// What has been added stays when a later one fails. The ledger of images is not looked at.
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
