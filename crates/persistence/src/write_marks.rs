//! Marks of who has written last.
//!
//! After each command its caller gets another mark on the primary, in a transaction that begins after the command's own has
//! ended. A replica shows transactions in the order of their commits, so one that has the mark has what was written before it.
//! That needs neither a clock nor the positions of replication logs, which each database counts in its own way.

use crate::connection::AnyConnection;
use crate::database::Database;
use crate::dialect::write_transaction;
use crate::login_attempts::digest;
use crate::schema::write_marks::{self, mark, marked_at, table, writer};
use app::clock::{Clock, Deadline};
use app::context::Requester;
use app::pipeline::{Spawner, WriteMarks};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::error::Error;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

/// How long writing the marks of a batch may take.
const WRITE_TIME: Duration = Duration::from_secs(5);
/// How long marks are kept. No replica is used that lags so far.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// The writers under which a requester's marks are kept. Addresses are kept as digests alone.
pub(crate) fn writers(requester: Requester) -> Vec<String> {
    let client = digest(&format!("client {}", requester.client));
    let user = requester.user.map(|user| digest(&format!("user {user}")));
    std::iter::once(client).chain(user).collect()
}

/// The writer that a server is.
pub(crate) fn server_writer() -> String {
    digest(&format!("server {}", Uuid::now_v7()))
}

/// A mark that no other write has.
pub(crate) fn new_mark() -> String {
    Uuid::now_v7().to_string()
}

/// A writer and its present mark.
pub(crate) type Mark = (String, String);

/// The marks of those of these writers that have one.
pub(crate) fn read(connection: &mut AnyConnection, writers: &[String]) -> QueryResult<Vec<Mark>> {
    table.filter(writer.eq_any(writers)).order(writer).select((writer, mark)).load(connection)
}

#[derive(Clone, Insertable)]
#[diesel(table_name = write_marks)]
struct NewMark<'a> {
    writer: &'a str,
    mark: &'a str,
    marked_at: NaiveDateTime,
}

/// Gives each of these writers a mark. The writers are in order, so that two servers cannot deadlock.
pub(crate) fn put(
    connection: &mut AnyConnection,
    writers: &BTreeSet<String>,
    new: &str,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    write_transaction(connection, |connection| {
        for own in writers {
            put_one(connection, &NewMark { writer: own, mark: new, marked_at: now.naive_utc() })?;
        }
        Ok(())
    })
}

fn put_one(connection: &mut AnyConnection, new: &NewMark<'_>) -> QueryResult<usize> {
    let insert = diesel::insert_into(table).values(new.clone());
    let changes = (mark.eq(new.mark), marked_at.eq(new.marked_at));
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(sqlite) => insert.on_conflict(writer).do_update().set(changes).execute(sqlite),
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => insert.on_conflict(writer).do_update().set(changes).execute(postgres),
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => {
            insert.on_conflict(diesel::dsl::DuplicatedKeys).do_update().set(changes).execute(mysql)
        }
    }
}

impl Database {
    /// Deletes the marks that no read needs any more, and returns their number.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn forget_write_marks(&self, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error> {
        let before = (now - KEPT).naive_utc();
        let forget = move |connection: &mut AnyConnection| {
            diesel::delete(table.filter(marked_at.lt(before))).execute(connection)
        };
        Ok(self.write(by, forget).await?)
    }
}

/// Writes marks on the primary. Those that are wanted while others are being written go together in the next transaction, so
/// that however many commands end at once, one transaction at a time is under way.
pub struct BatchedMarks {
    inner: Arc<Inner>,
    spawner: Arc<dyn Spawner>,
}

struct Inner {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    writers: BTreeSet<String>,
    waiting: Vec<oneshot::Sender<()>>,
    is_writing: bool,
}

impl BatchedMarks {
    #[must_use]
    pub fn new(database: Arc<Database>, clock: Arc<dyn Clock>, spawner: Arc<dyn Spawner>) -> Self {
        Self { inner: Arc::new(Inner { database, clock, pending: Mutex::default() }), spawner }
    }
}

impl Inner {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch; `None` where nobody waits.
    fn next(&self) -> Option<(BTreeSet<String>, Vec<oneshot::Sender<()>>)> {
        let mut pending = self.pending();
        pending.is_writing = !pending.writers.is_empty();
        pending.is_writing.then(|| (std::mem::take(&mut pending.writers), std::mem::take(&mut pending.waiting)))
    }

    async fn write_all(&self) {
        while let Some((writers, waiting)) = self.next() {
            let (new, now) = (new_mark(), self.clock.now());
            let written = self
                .database
                .write(Deadline::within(WRITE_TIME), move |connection| put(connection, &writers, &new, now))
                .await;
            if let Err(failure) = written {
                tracing::warn!(reason = %failure, "who has written is not marked; the replica may show them an older state");
            }
            for waiting in waiting {
                // Whoever waited may have given up.
                let _ = waiting.send(());
            }
        }
    }
}

#[async_trait]
impl WriteMarks for BatchedMarks {
    async fn mark(&self, requester: Requester, by: Deadline) {
        let (done, is_done) = oneshot::channel();
        let begins = {
            let mut pending = self.inner.pending();
            pending.writers.extend(writers(requester));
            pending.waiting.push(done);
            !std::mem::replace(&mut pending.is_writing, true)
        };
        if begins {
            let inner = Arc::clone(&self.inner);
            self.spawner.spawn(Box::pin(async move { inner.write_all().await }));
        }
        if tokio::time::timeout_at(by.instant().into(), is_done).await.is_err() {
            tracing::warn!("who has written is not marked in time; the replica may show them an older state");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{TestDatabase, kinds, soon};
    use app::client::ClientAddress;
    use app::clock::SystemClock;
    use domain::user::UserId;
    use futures_util::future::join_all;
    use std::pin::Pin;

    struct Runtime;

    impl Spawner for Runtime {
        fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
            drop(tokio::runtime::Handle::current().spawn(task));
        }
    }

    fn requester(last: u8, user: Option<UserId>) -> Requester {
        Requester { user, client: ClientAddress::new([192, 0, 2, last].into()) }
    }

    async fn marks(database: &Database, requester: Requester) -> Vec<Mark> {
        database.read(soon(), move |connection| read(connection, &writers(requester))).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_write_gives_its_writer_another_mark_and_old_ones_are_forgotten() {
        for kind in kinds() {
            let test = TestDatabase::migrated(kind);
            let database = test.open();
            let batched = BatchedMarks::new(Arc::clone(&database), Arc::new(SystemClock), Arc::new(Runtime));
            let (ada, stranger) = (requester(1, Some(UserId::generate())), requester(2, None));
            assert!(marks(&database, ada).await.is_empty(), "{kind:?}");
            batched.mark(ada, soon()).await;
            let first = marks(&database, ada).await;
            assert_eq!(first.len(), 2, "{kind:?}: one for the account, one for the address");
            assert!(marks(&database, stranger).await.is_empty(), "{kind:?}");

            // Those who write at once are marked in few transactions, and each before its call returns.
            let others: Vec<_> = (10..60).map(|last| requester(last, Some(UserId::generate()))).collect();
            join_all(others.iter().map(|other| batched.mark(*other, soon()))).await;
            for other in others {
                assert_eq!(marks(&database, other).await.len(), 2, "{kind:?}");
            }
            batched.mark(requester(1, None), soon()).await;
            let second = marks(&database, ada).await;
            assert_eq!(second.len(), 2, "{kind:?}");
            assert_eq!(first.iter().filter(|old| second.contains(old)).count(), 1, "{kind:?}: the address wrote again");

            let now = SystemClock.now();
            assert_eq!(database.forget_write_marks(now, soon()).await.unwrap(), 0, "{kind:?}");
            let later = now + KEPT + TimeDelta::minutes(1);
            assert_eq!(database.forget_write_marks(later, soon()).await.unwrap(), 102, "{kind:?}");
        }
    }
}
