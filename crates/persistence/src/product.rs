//! Products.
//!
//! A withdrawn product keeps its row, for the payments about it, and appears in no answer.

use crate::audit_log::{self, AuditEntry};
use crate::connection::AnyConnection;
use crate::constraint::Constraint;
use crate::database::Database;
use crate::dialect::write_transaction;
use crate::executor::JobKind;
use crate::failure::Failure;
use crate::image_notes;
use crate::payment;
use app::audit_log::Author;
use app::clock::Deadline;
use app::entity_tag::EntityTags;
use app::product::{Filter, ProductListing, ProductQueries, Products};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use domain::error::{Error, ErrorCode};
use domain::product::{Changes, Owned, Product, ProductId};
use domain::user::UserId;

mod listing;
mod row;

pub(crate) use row::{ProductRow, find, lock, lock_sellers};

/// The outcome of a change. A refusal is decided before anything is written, so that nothing has to be rolled back.
type Outcome<T> = QueryResult<Result<T, ErrorCode>>;

/// Inserts a product and deletes the note on its image from the ledger.
fn add(connection: &mut AnyConnection, row: &ProductRow) -> Outcome<()> {
    if let Some(key) = row.image_key()
        && !image_notes::take(connection, key)?
    {
        return Ok(Err(ErrorCode::ImageStoreFailed));
    }
    row::add(connection, row).map(Ok)
}

/// Locks a product's row where it may be changed on the caller's condition.
fn lock_if(connection: &mut AnyConnection, id: ProductId, expected: &EntityTags) -> Outcome<ProductRow> {
    Ok(match row::lock(connection, id)? {
        None => Err(ErrorCode::ProductNotFound),
        Some(row) if !expected.permit(row.version()) => Err(ErrorCode::ProductChanged),
        Some(row) => Ok(row),
    })
}

/// Notes for removal the image of a product that no longer has it, unless it was ordered with it: payments show what was
/// bought. The product's row is locked, so that nobody orders it meanwhile.
fn let_go(connection: &mut AnyConnection, key: &str, now: DateTime<Utc>) -> QueryResult<()> {
    if payment::shows_image(connection, key)? { Ok(()) } else { image_notes::add(connection, key, now) }
}

/// Adds an entry about changes of price and stock to the audit log.
fn write_down(
    connection: &mut AnyConnection,
    row: &ProductRow,
    by: UserId,
    changes: &Changes,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    for (action, details) in row.differences(changes) {
        let entry = AuditEntry { action, author: Author::User(by), client: None, subject: &row.id, details: &details };
        audit_log::add(connection, &entry, now)?;
    }
    Ok(())
}

/// Changes a product, notes its old image for removal and deletes the note on its new one.
fn update(
    connection: &mut AnyConnection,
    id: ProductId,
    by: UserId,
    changes: &Changes,
    expected: &EntityTags,
    now: DateTime<Utc>,
) -> Outcome<ProductRow> {
    let row = match lock_if(connection, id, expected)? {
        Ok(row) => row,
        refused => return Ok(refused),
    };
    if let Some(picture) = &changes.picture {
        let new = picture.stored().map(|key| key.as_str());
        if let Some(key) = new.filter(|key| row.image_key() != Some(key))
            && !image_notes::take(connection, key)?
        {
            return Ok(Err(ErrorCode::ImageStoreFailed));
        }
        if let Some(key) = row.image_key().filter(|key| new != Some(key)) {
            let_go(connection, key, now)?;
        }
    }
    row::change(connection, &row, changes, now)?;
    write_down(connection, &row, by, changes, now)?;
    let changed = row::find(connection, id)?;
    changed.map(Ok).ok_or(diesel::result::Error::NotFound)
}

/// Withdraws a product and notes its image for removal.
fn delete(connection: &mut AnyConnection, id: ProductId, expected: &EntityTags, now: DateTime<Utc>) -> Outcome<()> {
    let row = match lock_if(connection, id, expected)? {
        Ok(row) => row,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Some(key) = row.image_key() {
        let_go(connection, key, now)?;
    }
    row::withdraw(connection, &row, now).map(Ok)
}

#[async_trait]
impl Products for Database {
    async fn add(&self, product: &Product, by: Deadline) -> Result<(), Error> {
        let row = ProductRow::from(product);
        let added = self.write(by, move |connection| write_transaction(connection, |connection| add(connection, &row)));
        match added.await {
            Err(Failure::Statement(error)) if Constraint::violated_by(&error) == Some(Constraint::ProductSeller) => {
                Err(ErrorCode::TokenInvalid.into())
            }
            added => Ok(added??),
        }
    }

    async fn product(&self, id: ProductId, by: Deadline) -> Result<Option<Product>, Error> {
        let row = self.read(by, move |connection| row::find(connection, id)).await?;
        row.map(Product::try_from).transpose()
    }

    async fn update(
        &self,
        owned: &Owned,
        changes: &Changes,
        expected: &EntityTags,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Product, Error> {
        let (id, seller) = (owned.product().id(), owned.product().seller());
        let (changes, expected) = (changes.clone(), expected.clone());
        let row = self
            .write(by, move |connection| {
                write_transaction(connection, |connection| update(connection, id, seller, &changes, &expected, now))
            })
            .await??;
        row.try_into()
    }

    async fn delete(
        &self,
        owned: &Owned,
        expected: &EntityTags,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error> {
        let (id, expected) = (owned.product().id(), expected.clone());
        let deleted = self.write(by, move |connection| {
            write_transaction(connection, |connection| delete(connection, id, &expected, now))
        });
        Ok(deleted.await??)
    }
}

#[async_trait]
impl ProductQueries for Database {
    async fn product(&self, id: ProductId, by: Deadline) -> Result<Option<Product>, Error> {
        let row = self.read(by, move |connection| row::find(connection, id)).await?;
        row.map(Product::try_from).transpose()
    }
}

/// Whether a page of products may take long.
pub(crate) fn page_kind(listing: &ProductListing) -> JobKind {
    if listing::may_be_long(listing) { JobKind::LongRead } else { JobKind::Read }
}

/// A page of products, as stored.
pub(crate) fn page(connection: &mut AnyConnection, listing: &ProductListing) -> QueryResult<Vec<ProductRow>> {
    listing::page(connection, listing)
}

/// How many products a filter matches, as stored.
pub(crate) fn count(connection: &mut AnyConnection, filter: &Filter) -> QueryResult<i64> {
    listing::count(connection, filter)
}

impl Database {
    /// How many products a filter matches.
    ///
    /// # Errors
    /// Those of [`Products`].
    pub async fn count_products(&self, filter: &Filter, by: Deadline) -> Result<u64, Error> {
        let filter = filter.clone();
        let count = self.read_as(JobKind::LongRead, by, move |connection| count(connection, &filter)).await?;
        Ok(count.unsigned_abs())
    }
}
