//! The ledger of images that are to be removed from the store.
//!
//! A note that nobody has claimed (`attempts` is zero) may still be taken away by the product that gets the image. Claiming
//! it and taking it away are each one conditional statement on its row, so that one of them comes first.

use crate::connection::AnyConnection;
use crate::database::Database;
use crate::dialect::write_transaction;
use crate::schema::image_notes::{attempts, due_at, image_key, table};
use app::clock::Deadline;
use app::product::{ImageLedger, Removal};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::error::Error;
use domain::product::ImageKey;

/// Notes that the image at a place is to be removed from `due` on.
pub(crate) fn add(connection: &mut AnyConnection, key: &str, due: DateTime<Utc>) -> QueryResult<()> {
    let note = (image_key.eq(key), due_at.eq(due.naive_utc()), attempts.eq(0));
    diesel::insert_into(table).values(note).execute(connection).map(drop)
}

/// Takes the note on an image away that a product gets; tells whether it was there, unclaimed.
pub(crate) fn take(connection: &mut AnyConnection, key: &str) -> QueryResult<bool> {
    let expected = table.find(key).filter(attempts.eq(0));
    diesel::delete(expected).execute(connection).map(|rows| rows == 1)
}

/// Claims notes that are due, and tells their places and how often they had been claimed before.
fn claim(
    connection: &mut AnyConnection,
    limit: u32,
    now: NaiveDateTime,
    retry_at: NaiveDateTime,
) -> QueryResult<Vec<(String, i32)>> {
    // All who claim lock rows in one order, so that nobody waits in a circle.
    let due: Vec<(String, NaiveDateTime, i32)> =
        table.filter(due_at.le(now)).order((due_at, image_key)).limit(limit.into()).load(connection)?;
    let mut claimed = Vec::with_capacity(due.len());
    for (key, due, tried) in due {
        // Somebody else may have claimed it, or a product taken it, since it was read.
        let unchanged = table.find(&key).filter(due_at.eq(due)).filter(attempts.eq(tried));
        let set = (due_at.eq(retry_at), attempts.eq(tried.saturating_add(1)));
        if diesel::update(unchanged).set(set).execute(connection)? == 1 {
            claimed.push((key, tried));
        }
    }
    Ok(claimed)
}

/// A claimed place; none where the row's text is no place, which then stays claimed, in nobody's way.
fn removal((key, tried): (String, i32)) -> Option<Removal> {
    let place = ImageKey::parse(&key);
    if place.is_none() {
        tracing::error!("image_notes.image_key holds what the domain does not know");
    }
    Some(Removal { key: place?, attempts: tried.unsigned_abs() })
}

#[async_trait]
impl ImageLedger for Database {
    async fn expect(&self, key: &ImageKey, due: DateTime<Utc>, by: Deadline) -> Result<(), Error> {
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
        let claimed = self
            .write(by, move |connection| {
                write_transaction(connection, |connection| claim(connection, limit, now, retry_at))
            })
            .await?;
        Ok(claimed.into_iter().filter_map(removal).collect())
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
