//! Whether the database can serve, and why not.

use crate::connection::AnyConnection;
use crate::database::Database;
use crate::engine;
use crate::executor::JobKind;
use crate::failure::Failure;
use crate::migrate::{Applied, applied_versions, compare};
use crate::url::Backend;
use app::clock::Deadline;
use diesel::connection::SimpleConnection;
use diesel::result::Error;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

const ASK_WITHIN: Duration = Duration::from_millis(2_500);
/// A database that has answered any job within this time can be reached, even where it is too busy for a check.
const RECENTLY: Duration = Duration::from_secs(3);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaStatus {
    Ready,
    /// The database cannot be reached.
    Away {
        /// Without secrets.
        reason: String,
    },
    /// The server is known not to keep a promise.
    Unsuitable {
        /// Which promise, and what to set.
        reason: String,
    },
    /// The database takes no writes: it is full, read-only, or a replica. Reads go on.
    ReadOnly {
        /// What it answered to a write.
        reason: String,
    },
    /// The account may not read which migrations the schema has.
    NoAccess {
        /// The statement that permits it.
        grant: String,
    },
    /// The schema lacks migrations that this binary has.
    SchemaBehind {
        /// Names of migrations, oldest first.
        missing: Vec<String>,
        /// How many migrations the schema has; zero where it was never migrated.
        applied: usize,
    },
    /// The schema has migrations that this binary does not know.
    SchemaAhead {
        /// Versions of migrations, oldest first.
        unknown: Vec<String>,
    },
}

/// A row that nobody has, so that a server tells whether it takes writes and writes nothing.
const PROBE: &str = "UPDATE leases SET holder = holder WHERE name = ''";
/// A row of its own, which is written: a full disk is noticed by nothing else. It needs as much room as an order and more.
const WRITING_PROBE: &str = "\
    INSERT OR REPLACE INTO leases (name, holder, ends_at) \
        VALUES ('write_probe', hex(zeroblob(131072)), '2000-01-01 00:00:00'); \
    UPDATE leases SET holder = '' WHERE name = 'write_probe'";
/// For how long MySQL and MariaDB are believed to be full after they have refused a write: nothing that leaves no trace tells
/// whether they could extend their files.
const FULL_FOR: Duration = Duration::from_secs(10);

impl Database {
    /// Checks the primary database, in three seconds at most. A database that is too busy for the check keeps its last status.
    pub async fn status(&self) -> SchemaStatus {
        let by = Deadline::within(ASK_WITHIN);
        if let Err(failure) = self.meet(by).await {
            return self.explain(failure);
        }
        if let Some(reason) = self.objection() {
            return SchemaStatus::Unsuitable { reason };
        }
        let backend = self.backend;
        let status = match self.inspected().run(JobKind::Read, by, applied_versions).await {
            Ok(Applied::Versions(applied)) => compare(backend, &applied),
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            Ok(Applied::NoAccess(grant)) => SchemaStatus::NoAccess { grant },
            Err(failure) => return self.explain(failure),
        };
        let is_behind = matches!(status, SchemaStatus::SchemaBehind { .. });
        self.is_schema_behind.store(is_behind, Ordering::Relaxed);
        let status = match status {
            SchemaStatus::Ready => self.why_read_only(by).await.unwrap_or(SchemaStatus::Ready),
            status => status,
        };
        *self.known_schema.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.clone());
        status
    }

    /// Asks the primary's server once what it is, and again while it is refused.
    async fn meet(&self, by: Deadline) -> Result<(), Failure> {
        let is_known = self.server.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if is_known && !self.is_unsuitable.load(Ordering::Relaxed) {
            return Ok(());
        }
        // A session keeps settings of the server from when it was opened, so a server that was refused is asked on a new one.
        let mut is_stale = is_known;
        let ask = move |connection: &mut AnyConnection| {
            if std::mem::take(&mut is_stale) { Err(Error::BrokenTransactionManager) } else { engine::ask(connection) }
        };
        let server = self.inspected().run(JobKind::Read, by, ask).await?;
        let is_unsuitable = !server.objections.is_empty() && !self.allow_unsuitable_server;
        let is_news = !is_known || !is_unsuitable;
        if is_news {
            server.log(self.allow_unsuitable_server);
        }
        self.is_unsuitable.store(is_unsuitable, Ordering::Relaxed);
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        Ok(())
    }

    fn objection(&self) -> Option<String> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_ref().and_then(engine::Server::unsuitable).filter(|_| self.is_unsuitable.load(Ordering::Relaxed))
    }

    /// Whether the database takes no writes. A server is asked by a statement that changes nothing. Whether there is room is
    /// asked only after a write has been refused, because the answer takes a write.
    async fn why_read_only(&self, by: Deadline) -> Option<SchemaStatus> {
        let refusal = self.last_refusal.get();
        let probe = match (self.backend, &refusal) {
            (Backend::Sqlite, None) => return None,
            (Backend::Sqlite, Some(_)) => WRITING_PROBE.to_owned(),
            #[cfg(feature = "postgres")]
            (Backend::Postgres, Some(_)) => format!("{PROBE}; {}", crate::fault::postgres::NEEDS_ROOM),
            (Backend::Postgres | Backend::Mysql, _) => PROBE.to_owned(),
        };
        let asked = self.writing().run(JobKind::Read, by, move |connection| connection.batch_execute(&probe)).await;
        match (asked, refusal) {
            (Err(Failure::NoWrites(error)), _) => Some(SchemaStatus::ReadOnly { reason: error.to_string() }),
            (Ok(()), Some(refusal)) if self.backend == Backend::Mysql && refusal.at.elapsed() < FULL_FOR => {
                Some(SchemaStatus::ReadOnly { reason: refusal.reason })
            }
            (Ok(()), Some(refusal)) => {
                self.last_refusal.end(&refusal);
                None
            }
            (Ok(()), None) | (Err(_), _) => None,
        }
    }

    fn explain(&self, failure: Failure) -> SchemaStatus {
        let is_only_busy = matches!(
            failure,
            Failure::QueueFull | Failure::QueuedTooLong | Failure::DeadlinePassed | Failure::NoAnswer
        );
        let known = self.known_schema.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(known) if is_only_busy && self.has_answered_within(RECENTLY) => known,
            _ => SchemaStatus::Away {
                reason: match failure {
                    Failure::Away(reason) => reason,
                    other => other.to_string(),
                },
            },
        }
    }
}
