//! Whose turn it is to migrate a database that a server keeps: a row with a holder and an end.
//!
//! An advisory lock would belong to one node of a cluster, to one session of a pooler, or to nothing at all where an engine
//! accepts the words and does nothing. A row means the same everywhere. The turn of a process that has died ends by itself;
//! one that is at work renews its turn from a second connection, because a single step may take longer than a turn.

use super::patience::Patience;
use super::{MigrateError, exists, failed};
use crate::connection::{self, AnyConnection, Session};
use crate::fault::Fault;
use crate::url::Address;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_query;
use diesel::sql_types::Text;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The name of the table.
pub(super) const TABLE: &str = "__migration_turn";

/// How long a turn is, and how often its holder renews it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length {
    pub(super) turn: Duration,
    pub(super) renewal: Duration,
}

impl Length {
    /// A server that is overloaded answers a renewal late, so several fit into a turn.
    pub(super) const USUAL: Self = Self { turn: Duration::from_secs(20), renewal: Duration::from_secs(4) };
}

/// The statements, as each kind of server takes them.
struct Dialect {
    create: &'static str,
    fill: &'static str,
    /// The time of day by the server's clock, without a zone.
    now: &'static str,
}

#[cfg(feature = "postgres")]
const POSTGRES: Dialect = Dialect {
    create: "CREATE TABLE IF NOT EXISTS __migration_turn (\
             id SMALLINT NOT NULL PRIMARY KEY, holder VARCHAR(64) NOT NULL, ends_at TIMESTAMP(6) NOT NULL)",
    fill: "INSERT INTO __migration_turn (id, holder, ends_at) VALUES (1, '', '2000-01-01') ON CONFLICT (id) DO NOTHING",
    now: "(clock_timestamp() AT TIME ZONE 'utc')",
};

#[cfg(feature = "mysql")]
const MYSQL: Dialect = Dialect {
    create: "CREATE TABLE IF NOT EXISTS __migration_turn (\
             id SMALLINT NOT NULL PRIMARY KEY, \
             holder VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, \
             ends_at DATETIME(6) NOT NULL) ENGINE = InnoDB",
    fill: "INSERT IGNORE INTO __migration_turn (id, holder, ends_at) VALUES (1, '', '2000-01-01')",
    now: "UTC_TIMESTAMP(6)",
};

fn dialect(connection: &AnyConnection) -> Option<&'static Dialect> {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => None,
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => Some(&POSTGRES),
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => Some(&MYSQL),
    }
}

/// The end of a turn that begins now, as SQL.
fn end(connection: &AnyConnection, now: &str, length: Duration) -> String {
    let seconds = length.as_secs_f64();
    match connection {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => format!("{now} + INTERVAL {} MICROSECOND", length.as_micros()),
        _ => format!("{now} + INTERVAL '{seconds} seconds'"),
    }
}

/// Makes the table and its row, beside others who do the same.
fn make(connection: &mut AnyConnection, patience: Patience) -> Result<(), MigrateError> {
    let Some(dialect) = dialect(connection) else { return Ok(()) };
    patience.wait_for(|| {
        if exists(connection, TABLE).map_err(failed)? {
            return Ok(Some(()));
        }
        let begun = Instant::now();
        match connection.batch_execute(dialect.create) {
            Ok(()) => Ok(Some(())),
            Err(error) if is_passing(&error, begun, connection) => Ok(None),
            // PostgreSQL reports two who create one table at once in several ways. Whoever was second finds the table.
            Err(_) if exists(connection, TABLE).map_err(failed)? => Ok(Some(())),
            Err(error) => Err(failed(error)),
        }
    })?;
    patience.wait_for(|| {
        let begun = Instant::now();
        match connection.batch_execute(dialect.fill) {
            Ok(()) | Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(Some(())),
            Err(error) if is_passing(&error, begun, connection) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    })
}

/// Records that a step is begun, in a row of its own. A step that a killed process leaves half done is known by that.
#[cfg(feature = "mysql")]
pub(super) fn begin(connection: &mut MysqlConnection, step: &str) -> QueryResult<()> {
    let record = "INSERT INTO __migration_turn (id, holder, ends_at) VALUES (2, ?, '2000-01-01') \
                  ON DUPLICATE KEY UPDATE holder = GREATEST(holder, ?)";
    sql_query(record).bind::<Text, _>(step).bind::<Text, _>(step).execute(connection).map(drop)
}

/// The latest step that was begun; empty where none is recorded.
pub(super) fn begun(connection: &mut AnyConnection) -> QueryResult<String> {
    let step = "COALESCE((SELECT holder FROM __migration_turn WHERE id = 2), '')";
    diesel::select(sql::<Text>(step)).get_result(connection)
}

/// Whether somebody else was in the way, and the statement may succeed later.
pub(super) fn is_passing(error: &diesel::result::Error, begun: Instant, connection: &mut AnyConnection) -> bool {
    matches!(Fault::diagnose(error, begun.elapsed(), connection), Fault::Contention | Fault::TimedOut)
}

/// Takes the turn for `holder` where nobody has it. Returns whether that succeeded.
///
/// A turn that ends later than any turn can was taken before the server's clock was set back; it counts as ended.
pub(super) fn take(connection: &mut AnyConnection, holder: &str, length: Length) -> QueryResult<bool> {
    let Some(now) = dialect(connection).map(|dialect| dialect.now) else { return Ok(true) };
    let (ends_at, latest) = (end(connection, now, length.turn), end(connection, now, length.turn * 2));
    let free = format!("ends_at NOT BETWEEN {now} AND {latest}");
    update(connection, &format!("holder = {}, ends_at = {ends_at}", parameter(connection)), &free, holder)
}

/// Sets the end of a turn anew. Returns whether `holder` still had it.
fn renew(connection: &mut AnyConnection, holder: &str, length: Duration) -> QueryResult<bool> {
    let Some(now) = dialect(connection).map(|dialect| dialect.now) else { return Ok(true) };
    let (ends_at, own) = (end(connection, now, length), format!("holder = {}", parameter(connection)));
    update(connection, &format!("ends_at = {ends_at}"), &own, holder)
}

/// Changes the row where it meets a condition; one of both names the holder. Returns whether it did.
fn update(connection: &mut AnyConnection, change: &str, condition: &str, holder: &str) -> QueryResult<bool> {
    let update = format!("UPDATE {TABLE} SET {change} WHERE id = 1 AND {condition}");
    let update = sql_query(update).bind::<Text, _>(holder);
    Ok(crate::dialect::on_each!(connection, inner => update.execute(inner))? == 1)
}

fn parameter(connection: &AnyConnection) -> &'static str {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => "$1",
        _ => "?",
    }
}

/// The right to migrate, until it is dropped.
pub(super) struct Turn {
    holder: String,
    length: Length,
    stop: Option<Sender<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl Turn {
    /// Waits until nobody else migrates.
    pub(super) fn wait(
        connection: &mut AnyConnection,
        address: &Address,
        session: Session,
        patience: Patience,
        length: Length,
    ) -> Result<Self, MigrateError> {
        make(connection, patience)?;
        let mut second = super::open(address, &session, patience)?;
        let holder = uuid::Uuid::now_v7().to_string();
        patience.wait_for(|| {
            let begun = Instant::now();
            match take(connection, &holder, length) {
                Ok(taken) => Ok(taken.then_some(())),
                Err(error) if is_passing(&error, begun, connection) => Ok(None),
                Err(error) => Err(failed(error)),
            }
        })?;
        let (stop, stopped) = channel();
        let (own, address) = (holder.clone(), address.clone());
        let thread = std::thread::Builder::new().name("migration turn".to_owned());
        let keep = move || keep(&mut second, &address, &session, &own, length, &stopped);
        let keeper = thread.spawn(keep).map_err(|error| MigrateError::Failed(error.to_string()))?;
        Ok(Self { holder, length, stop: Some(stop), keeper: Some(keeper) })
    }

    /// Renews the turn on this connection, in its transaction if it has one. Returns `false` where somebody else has taken it,
    /// because this process did nothing for longer than a turn.
    pub(super) fn still_holds(&self, connection: &mut AnyConnection) -> QueryResult<bool> {
        renew(connection, &self.holder, self.length.turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(keeper) = self.keeper.take() {
            // A keeper that panicked leaves a turn that ends by itself.
            let _ = keeper.join();
        }
    }
}

/// Renews the turn until it is told to stop or has lost it, and gives it back at the end.
fn keep(
    connection: &mut AnyConnection,
    address: &Address,
    session: &Session,
    holder: &str,
    length: Length,
    stopped: &Receiver<()>,
) {
    while stopped.recv_timeout(length.renewal) == Err(RecvTimeoutError::Timeout) {
        let begun = Instant::now();
        match renew(connection, holder, length.turn) {
            Ok(true) => {}
            Ok(false) => return tracing::warn!("another process has taken the turn to migrate"),
            Err(error) => {
                tracing::warn!(%error, "the turn to migrate was not renewed");
                if !is_passing(&error, begun, connection)
                    && let Ok(another) = connection::open(address, session)
                {
                    *connection = another;
                }
            }
        }
    }
    if let Err(error) = renew(connection, holder, Duration::ZERO) {
        tracing::warn!(%error, "the turn to migrate was not given back; it ends by itself");
    }
}
