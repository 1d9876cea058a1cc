//! One counter as it is stored.

use crate::connection::AnyConnection;
use crate::schema::login_attempts::{self, account_key, attempt_key, failures, last_at, pending, table};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::result::Error;
use domain::user::{Attempt, AttemptCounter};

/// One counter as it is stored.
#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = login_attempts, treat_none_as_null = true)]
pub(super) struct CounterRow {
    pub(super) attempt_key: String,
    account_key: String,
    failures: i64,
    pending: i64,
    last_at: NaiveDateTime,
    trusted_until: Option<NaiveDateTime>,
}

impl CounterRow {
    /// A counter that has counted nothing.
    pub(super) fn new(key: &str, account: &str, now: DateTime<Utc>) -> Self {
        Self {
            attempt_key: key.to_owned(),
            account_key: account.to_owned(),
            failures: 0,
            pending: 0,
            last_at: now.naive_utc(),
            trusted_until: None,
        }
    }

    /// What has been counted.
    pub(super) fn counter(&self) -> QueryResult<AttemptCounter> {
        let count = |stored: i64| {
            u32::try_from(stored).map_err(|_| Error::DeserializationError("a negative count of log-in attempts".into()))
        };
        Ok(AttemptCounter {
            failures: count(self.failures)?,
            pending: count(self.pending)?,
            last_at: self.last_at.and_utc(),
        })
    }

    pub(super) fn with(self, counter: AttemptCounter) -> Self {
        Self {
            failures: counter.failures.into(),
            pending: counter.pending.into(),
            last_at: counter.last_at.naive_utc(),
            ..self
        }
    }

    pub(super) fn settled(self, attempt: Attempt, now: DateTime<Utc>) -> QueryResult<Self> {
        let counter = self.counter()?.settle(attempt, now);
        Ok(self.with(counter))
    }

    pub(super) fn trusted_until(self, end: DateTime<Utc>) -> Self {
        Self { trusted_until: Some(end.naive_utc()), ..self }
    }

    pub(super) fn is_trusted(&self, now: DateTime<Utc>) -> bool {
        self.trusted_until.is_some_and(|end| end > now.naive_utc())
    }

    pub(super) const fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// Writes the counter over what is stored, in a transaction that holds the row's lock if there is a row.
    pub(super) fn save(&self, connection: &mut AnyConnection) -> QueryResult<()> {
        let updated = diesel::update(table.find(&self.attempt_key)).set(self).execute(connection)?;
        if updated == 0 {
            diesel::insert_into(table).values(self).execute(connection)?;
        }
        Ok(())
    }
}

/// The rows with these keys, locked in one order whoever asks, so that nobody waits in a circle. On SQLite the
/// transaction is the lock.
pub(super) fn lock(connection: &mut AnyConnection, keys: [&str; 2]) -> QueryResult<Vec<CounterRow>> {
    let rows = table.filter(attempt_key.eq_any(keys)).order(attempt_key);
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(sqlite) => rows.load(sqlite),
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => rows.for_update().load(postgres),
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => rows.for_update().load(mysql),
    }
}

/// Forgets the failures in all counters of an account, and tells in how many there were any. Addresses that are trusted
/// stay so.
pub(super) fn clear(connection: &mut AnyConnection, account: &str) -> QueryResult<usize> {
    let counting = table.filter(account_key.eq(account).and(failures.gt(0).or(pending.gt(0))));
    diesel::update(counting).set((failures.eq(0), pending.eq(0))).execute(connection)
}

/// Drops those of the next rows in the keys' order that have nothing to remember, and tells how many these were and the
/// key to go on after.
pub(super) fn drop_forgotten(
    connection: &mut AnyConnection,
    after: &str,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<(usize, Option<String>)> {
    let rows: Vec<CounterRow> = table.filter(attempt_key.gt(after)).order(attempt_key).limit(limit).load(connection)?;
    let mut dropped = 0;
    for row in &rows {
        if !row.is_trusted(now) && row.counter()?.is_forgotten(now) {
            dropped += delete_unless_used(connection, row)?;
        }
    }
    Ok((dropped, rows.last().map(|row| row.attempt_key.clone())))
}

/// An attempt may have come in between: then the row is not what it was.
fn delete_unless_used(connection: &mut AnyConnection, row: &CounterRow) -> QueryResult<usize> {
    let unused = table.find(&row.attempt_key).filter(last_at.eq(row.last_at)).filter(pending.eq(row.pending));
    diesel::delete(unused).execute(connection)
}
