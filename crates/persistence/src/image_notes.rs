//! The ledger of images that are to be removed from the store.
//!
//! A note that no worker has claimed (`attempts` is zero) may still be deleted by the product that gets the image. Claiming
//! and deleting are each one conditional statement on the row, so that only one of them succeeds.

use crate::connection::AnyConnection;
use crate::database::Database;
use crate::dialect::write_transaction;
use crate::schema::image_notes::{self, attempts, due_at, image_key, table};
use crate::work_queue::{self, QueuedRow};
use app::clock::Deadline;
use app::product::{ImageLedger, Removal};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::error::Error;
use domain::product::ImageKey;

/// Notes that an image is to be removed from `due` on.
pub(crate) fn add(connection: &mut AnyConnection, key: &str, due: DateTime<Utc>) -> QueryResult<()> {
    let note = (image_key.eq(key), due_at.eq(due.naive_utc()), attempts.eq(0));
    diesel::insert_into(table).values(note).execute(connection).map(drop)
}

/// Deletes the note on an image that a product gets. Returns whether there was one that no worker had claimed.
pub(crate) fn take(connection: &mut AnyConnection, key: &str) -> QueryResult<bool> {
    let expected = table.find(key).filter(attempts.eq(0));
    diesel::delete(expected).execute(connection).map(|rows| rows == 1)
}

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = image_notes)]
pub(crate) struct NoteRow {
    image_key: String,
    attempts: i32,
}

impl QueuedRow for NoteRow {
    fn load_due(connection: &mut AnyConnection, limit: u32, now: NaiveDateTime) -> QueryResult<Vec<Self>> {
        // The rows are not locked: a product that takes a note away is not to wait. All workers update rows in this
        // order, so that no two wait for each other.
        let due = table.filter(due_at.le(now)).order((due_at, image_key)).limit(limit.into());
        due.select(Self::as_select()).load(connection)
    }

    fn lease(&self, connection: &mut AnyConnection, now: NaiveDateTime, until: NaiveDateTime) -> QueryResult<usize> {
        let due = table.find(&self.image_key).filter(due_at.le(now)).filter(attempts.eq(self.attempts));
        diesel::update(due).set((due_at.eq(until), attempts.eq(attempts + 1))).execute(connection)
    }
}

impl NoteRow {
    /// `None` where the text in `image_key` is not a key. The row then stays claimed until its lease ends.
    fn removal(self) -> Option<Removal> {
        let key = ImageKey::parse(&self.image_key);
        if key.is_none() {
            tracing::error!("image_notes.image_key holds what the domain does not know");
        }
        Some(Removal { key: key?, attempts: self.attempts.unsigned_abs() })
    }
}

#[async_trait]
impl ImageLedger for Database {
    async fn record_upload(&self, key: &ImageKey, due: DateTime<Utc>, by: Deadline) -> Result<(), Error> {
        let key = key.as_str().to_owned();
        Ok(self.write(by, move |connection| add(connection, &key, due)).await?)
    }

    async fn abandon(&self, key: &ImageKey, now: DateTime<Utc>, by: Deadline) -> Result<(), Error> {
        let (key, now) = (key.as_str().to_owned(), now.naive_utc());
        self.write(by, move |connection| {
            let expected = table.find(&key).filter(attempts.eq(0));
            diesel::update(expected).set(due_at.eq(now)).execute(connection)
        })
        .await?;
        Ok(())
    }

    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<Removal>, Error> {
        let (now, retry_at) = (now.naive_utc(), retry_at.naive_utc());
        let claim = self.write(by, move |connection| {
            write_transaction(connection, |connection| work_queue::claim(connection, limit, now, retry_at))
        });
        Ok(claim.await?.into_iter().filter_map(NoteRow::removal).collect())
    }

    async fn postpone(&self, key: &ImageKey, due: DateTime<Utc>, by: Deadline) -> Result<(), Error> {
        let (key, due) = (key.as_str().to_owned(), due.naive_utc());
        self.write(by, move |connection| diesel::update(table.find(&key)).set(due_at.eq(due)).execute(connection))
            .await?;
        Ok(())
    }

    async fn forget(&self, key: &ImageKey, by: Deadline) -> Result<(), Error> {
        let key = key.as_str().to_owned();
        self.write(by, move |connection| diesel::delete(table.find(&key)).execute(connection)).await?;
        Ok(())
    }
}
