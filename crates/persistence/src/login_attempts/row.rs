//! A stored counter of the log-in throttle.

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

/// A counter whose row this transaction has locked, or a counter that has no row yet.
pub(super) struct StoredCounter {
    row: CounterRow,
    has_row: bool,
}

impl StoredCounter {
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

    pub(super) fn key(&self) -> &str {
        &self.row.attempt_key
    }

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

    pub(super) fn set(&mut self, counter: AttemptCounter) {
        self.row.failures = counter.failures.into();
        self.row.pending = counter.pending.into();
        self.row.last_at = counter.last_at.naive_utc();
    }

    /// Counts how an attempt ended, and returns the new counts.
    pub(super) fn record_attempt(&mut self, outcome: LoginOutcome, now: DateTime<Utc>) -> QueryResult<AttemptCounter> {
        let counter = self.count()?.record_attempt(outcome, now);
        self.set(counter);
        Ok(counter)
    }

    /// Gives the address a counter of its own until then.
    pub(super) const fn trust_until(&mut self, end: DateTime<Utc>) {
        self.row.trusted_until = Some(end.naive_utc());
    }

    /// Whether the address has a counter of its own.
    pub(super) fn is_trusted(&self, now: DateTime<Utc>) -> bool {
        self.row.trusted_until.is_some_and(|end| end > now.naive_utc())
    }

    /// Whether attempts are being checked.
    pub(super) const fn is_pending(&self) -> bool {
        self.row.pending > 0
    }

    /// Stores the counter. Where it has no row yet and another transaction inserts one first, the unique key refuses this
    /// row, and the transaction has to be run again.
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

/// The counters with these keys that have a row. All transactions lock them in the same order, which prevents deadlocks. On
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

/// Forgets the failures in all counters of an account. Returns how many of these had any. Trusted addresses stay trusted.
pub(super) fn clear(connection: &mut AnyConnection, account: &str) -> QueryResult<usize> {
    let counting = table.filter(account_key.eq(account).and(failures.gt(0).or(pending.gt(0))));
    diesel::update(counting).set((failures.eq(0), pending.eq(0))).execute(connection)
}

/// Deletes those of the next rows, in the order of keys, that count nothing any more. Returns how many these were, and the
/// last key that was examined.
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

/// Deletes a row unless an attempt has changed it since it was read.
fn delete_unless_used(connection: &mut AnyConnection, row: &CounterRow) -> QueryResult<usize> {
    let unused = table.find(&row.attempt_key).filter(last_at.eq(row.last_at)).filter(pending.eq(row.pending));
    diesel::delete(unused).execute(connection)
}
