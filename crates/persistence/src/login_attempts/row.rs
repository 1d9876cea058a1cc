//! One counter as it is stored.

use crate::connection::AnyConnection;
use crate::schema::login_attempts::{self, account_key, attempt_key, failures, last_at, pending, table};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::result::Error;
use domain::user::{AttemptCounter, LoginOutcome};

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = login_attempts, treat_none_as_null = true)]
struct CounterRow {
    attempt_key: String,
    account_key: String,
    failures: i64,
    pending: i64,
    last_at: NaiveDateTime,
    trusted_until: Option<NaiveDateTime>,
}

/// A counter: one whose row this transaction has locked, or one that is to get its first row.
pub(super) struct StoredCounter {
    row: CounterRow,
    has_row: bool,
}

impl StoredCounter {
    /// A counter that has counted nothing.
    pub(super) fn new(key: &str, account: &str, now: DateTime<Utc>) -> Self {
        let row = CounterRow {
            attempt_key: key.to_owned(),
            account_key: account.to_owned(),
            failures: 0,
            pending: 0,
            last_at: now.naive_utc(),
            trusted_until: None,
        };
        Self { row, has_row: false }
    }

    /// Which counter it is.
    pub(super) fn key(&self) -> &str {
        &self.row.attempt_key
    }

    /// What has been counted.
    pub(super) fn count(&self) -> QueryResult<AttemptCounter> {
        let count = |stored: i64| {
            u32::try_from(stored).map_err(|_| Error::DeserializationError("a negative count of log-in attempts".into()))
        };
        Ok(AttemptCounter {
            failures: count(self.row.failures)?,
            pending: count(self.row.pending)?,
            last_at: self.row.last_at.and_utc(),
        })
    }

    /// Replaces what has been counted.
    pub(super) fn set(&mut self, counter: AttemptCounter) {
        self.row.failures = counter.failures.into();
        self.row.pending = counter.pending.into();
        self.row.last_at = counter.last_at.naive_utc();
    }

    /// Counts how an attempt ended, and tells what has been counted then.
    pub(super) fn record_attempt(&mut self, outcome: LoginOutcome, now: DateTime<Utc>) -> QueryResult<AttemptCounter> {
        let counter = self.count()?.record_attempt(outcome, now);
        self.set(counter);
        Ok(counter)
    }

    /// Has the address count by itself until then.
    pub(super) const fn trust_until(&mut self, end: DateTime<Utc>) {
        self.row.trusted_until = Some(end.naive_utc());
    }

    /// Whether the address counts by itself.
    pub(super) fn is_trusted(&self, now: DateTime<Utc>) -> bool {
        self.row.trusted_until.is_some_and(|end| end > now.naive_utc())
    }

    /// Whether attempts are being checked.
    pub(super) const fn is_pending(&self) -> bool {
        self.row.pending > 0
    }

    /// Stores the counter. Where it has no row yet, another transaction may have been first: the key then refuses this
    /// one, which has to begin anew.
    pub(super) fn save(&self, connection: &mut AnyConnection) -> QueryResult<()> {
        if self.has_row {
            let row = table.find(&self.row.attempt_key);
            diesel::update(row).set(&self.row).execute(connection)?;
        } else {
            diesel::insert_into(table).values(&self.row).execute(connection)?;
        }
        Ok(())
    }
}

/// The counters with these keys that have a row, locked in one order whoever asks, so that nobody waits in a circle. On
/// SQLite the transaction is the lock.
pub(super) fn lock(connection: &mut AnyConnection, keys: [&str; 2]) -> QueryResult<Vec<StoredCounter>> {
    let rows = table.filter(attempt_key.eq_any(keys)).order(attempt_key);
    let rows: Vec<CounterRow> = match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(sqlite) => rows.load(sqlite)?,
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => rows.for_update().load(postgres)?,
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => rows.for_update().load(mysql)?,
    };
    let stored = |row| StoredCounter { row, has_row: true };
    Ok(rows.into_iter().map(stored).collect())
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
    let last = rows.last().map(|row| row.attempt_key.clone());
    let mut dropped = 0;
    for row in rows {
        let counter = StoredCounter { row, has_row: true };
        if !counter.is_trusted(now) && counter.count()?.is_forgotten(now) {
            dropped += delete_unless_used(connection, &counter.row)?;
        }
    }
    Ok((dropped, last))
}

/// An attempt may have come in between: then the row is not what it was.
fn delete_unless_used(connection: &mut AnyConnection, row: &CounterRow) -> QueryResult<usize> {
    let unused = table.find(&row.attempt_key).filter(last_at.eq(row.last_at)).filter(pending.eq(row.pending));
    diesel::delete(unused).execute(connection)
}
