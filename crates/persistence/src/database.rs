//! A database as the server holds it: the threads that are connected to it, and the methods that run jobs on them.

use crate::connection::{AnyConnection, Session};
use crate::executor::{DatabaseExecutor, JobKind, Layout};
use crate::failure::Failure;
use crate::last_refusal::LastRefusal;
use crate::options::Options;
use crate::url::{Address, Backend, OpenError};
use app::clock::Deadline;
use diesel::QueryResult;
use executor::ExecutorGauges;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How often [`Database::close`] looks whether the threads have ended.
const CLOSE_POLL: Duration = Duration::from_millis(10);

/// The storage behind the ports: the primary database. A replica is another type ([`Replica`](crate::Replica)), so that
/// nothing reads from it by mistake.
pub struct Database {
    pub(crate) backend: Backend,
    writers: Arc<DatabaseExecutor>,
    readers: Arc<DatabaseExecutor>,
    /// The status of the schema when it was last checked.
    pub(crate) known_schema: Mutex<Option<crate::schema_status::SchemaStatus>>,
    /// Whether the schema then lacked tables or columns that statements name.
    pub(crate) is_schema_behind: AtomicBool,
    /// What the primary's server is, once it has told.
    pub(crate) server: Mutex<Option<crate::engine::Server>>,
    /// Whether the server is known not to keep a promise, and that is not accepted.
    pub(crate) is_unsuitable: AtomicBool,
    pub(crate) allow_unsuitable_server: bool,
    pub(crate) last_refusal: LastRefusal,
}

impl Database {
    /// Opens a database without waiting for it. While the database is away, calls fail as unavailable; they succeed within
    /// seconds of its return.
    ///
    /// # Errors
    /// Where the database cannot be used however long one waits.
    pub fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        let address = Address::parse(&options.url)?;
        let backend = address.backend;
        #[cfg(feature = "sqlite")]
        if backend == Backend::Sqlite {
            crate::connection::sqlite::check_library()?;
            if let Some(path) = crate::connection::sqlite::missing(&address, options.access) {
                return Err(OpenError::Missing(path));
            }
        }
        let start = |name, size, address| {
            let (queue, session) = (options.queue, Session::serving(&options));
            let layout = Layout { name, size, queue, address, session, is_logged: true };
            DatabaseExecutor::start(layout).map(Arc::new)
        };
        let (writers, readers) = match backend {
            // SQLite has one writer at a time. A single writing thread never waits for a lock of this process, and readers
            // see each commit without waiting.
            Backend::Sqlite => {
                let readers = start("read", options.pool_size, address.clone())?;
                (start("write", 1, address)?, readers)
            }
            Backend::Postgres | Backend::Mysql => {
                let all = start("write", options.pool_size, address)?;
                (Arc::clone(&all), all)
            }
        };
        Ok(Arc::new(Self {
            backend,
            writers,
            readers,
            known_schema: Mutex::new(None),
            is_schema_behind: AtomicBool::new(false),
            server: Mutex::new(None),
            is_unsuitable: AtomicBool::new(false),
            allow_unsuitable_server: options.allow_unsuitable_server,
            last_refusal: LastRefusal::default(),
        }))
    }

    /// Reads what has been written before. The job may run twice.
    pub(crate) async fn read<T, J>(&self, by: Deadline, job: J) -> Result<T, Failure>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
    {
        self.read_as(JobKind::Read, by, job).await
    }

    /// The same, for a read of this kind.
    pub(crate) async fn read_as<T, J>(&self, kind: JobKind, by: Deadline, job: J) -> Result<T, Failure>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
    {
        self.usable(&self.readers)?.run(kind, by, job).await
    }

    /// Writes by one statement or one [`write_transaction`](crate::dialect::write_transaction). The job may run several
    /// times, each time but the last without effect, so it must do nothing but run statements.
    pub(crate) async fn write<T, J>(&self, by: Deadline, job: J) -> Result<T, Failure>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
    {
        let answer = self.usable(&self.writers)?.run(JobKind::Write, by, job).await;
        if let Err(Failure::NoWrites(error)) = &answer {
            self.last_refusal.record(error.to_string());
        }
        answer
    }

    /// Refuses jobs while the schema is known to be one that the statements do not fit.
    fn usable<'a>(&self, executor: &'a DatabaseExecutor) -> Result<&'a DatabaseExecutor, Failure> {
        if self.is_unsuitable.load(Ordering::Relaxed) {
            Err(Failure::Unsuitable)
        } else if self.is_schema_behind.load(Ordering::Relaxed) {
            Err(Failure::SchemaBehind)
        } else {
            Ok(executor)
        }
    }

    /// The executor for questions about the database itself, whatever its schema.
    pub(crate) fn inspected(&self) -> &DatabaseExecutor {
        &self.readers
    }

    /// The executor that writes, for the question whether the database takes writes.
    pub(crate) fn writing(&self) -> &DatabaseExecutor {
        &self.writers
    }

    /// How many transactions the database has undone because of others and were run again, and how many were given up.
    #[must_use]
    pub fn retries(&self) -> [(&'static str, u64); 2] {
        let executors = self.executors();
        let counts = || executors.iter().map(|executor| executor.retry_counts());
        [
            ("retried", counts().map(|counts| counts.retried.load(Ordering::Relaxed)).sum()),
            ("given_up", counts().map(|counts| counts.given_up.load(Ordering::Relaxed)).sum()),
        ]
    }

    /// Whether the database has answered any job within this time.
    pub(crate) fn has_answered_within(&self, duration: Duration) -> bool {
        self.executors().iter().all(|executor| executor.has_succeeded_within(duration))
    }

    /// What each set of threads is for, `write` or `read`, and how busy it is.
    #[must_use]
    pub fn gauges(&self) -> Vec<(&'static str, ExecutorGauges)> {
        self.executors().iter().map(|executor| executor.gauges()).collect()
    }

    /// Takes no more jobs, runs those that wait, and closes the connections. Returns whether that ended `within` the time;
    /// otherwise it goes on in the background.
    pub async fn close(&self, within: Duration) -> bool {
        let executors = self.executors();
        executors.iter().for_each(|executor| executor.close());
        let end = Instant::now() + within;
        while !executors.iter().all(|executor| executor.has_ended()) {
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(CLOSE_POLL).await;
        }
        true
    }

    /// Each set of threads once.
    fn executors(&self) -> Vec<&DatabaseExecutor> {
        let mut executors = vec![&*self.writers];
        if !Arc::ptr_eq(&self.writers, &self.readers) {
            executors.push(&*self.readers);
        }
        executors
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
#[cfg(test)]
mod undone;
