//! Leases: work that one server at a time does.

use crate::connection::AnyConnection;
use crate::database::Database;
use crate::schema::leases::{ends_at, holder, name, table};
use app::clock::Deadline;
use app::payment::Leases;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::error::Error;

/// Takes or renews a lease. Returns whether `own` has it.
fn hold(
    connection: &mut AnyConnection,
    work: &str,
    own: &str,
    now: NaiveDateTime,
    end: NaiveDateTime,
) -> QueryResult<bool> {
    let free = table.find(work).filter(holder.eq(own).or(ends_at.lt(now)));
    if diesel::update(free).set((holder.eq(own), ends_at.eq(end))).execute(connection)? == 1 {
        return Ok(true);
    }
    if table.find(work).select(name).get_result::<String>(connection).optional()?.is_some() {
        // On MySQL an update that changes no value counts no row.
        let kept = table.find(work).filter(holder.eq(own)).filter(ends_at.eq(end)).select(name);
        return Ok(kept.get_result::<String>(connection).optional()?.is_some());
    }
    match diesel::insert_into(table).values((name.eq(work), holder.eq(own), ends_at.eq(end))).execute(connection) {
        Ok(_) => Ok(true),
        // Another server was first.
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(false),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Leases for Database {
    async fn hold(
        &self,
        work: &'static str,
        own: &str,
        now: DateTime<Utc>,
        end: DateTime<Utc>,
        by: Deadline,
    ) -> Result<bool, Error> {
        let own = own.to_owned();
        let held = self.write(by, move |connection| hold(connection, work, &own, now.naive_utc(), end.naive_utc()));
        Ok(held.await?)
    }
}
