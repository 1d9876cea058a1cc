//! The one thing that the server holds: all lanes of a database, and the doors to them.

use crate::connection::{AnyConnection, Session};
use crate::failure::Failure;
use crate::lanes::{LaneGauges, Lanes, Layout};
use crate::options::Options;
use crate::task::Kind;
use crate::url::{Address, Backend, OpenError};
use app::clock::Deadline;
use diesel::QueryResult;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How often [`Database::close`] looks whether the threads have ended.
const CLOSE_POLL: Duration = Duration::from_millis(10);

/// The storage behind the domain's ports. Cheap to share.
pub struct Database {
    pub(crate) backend: Backend,
    /// Where writes go.
    writers: Arc<Lanes>,
    /// Where reads go that must see what has been written.
    primary_readers: Arc<Lanes>,
    /// Where all other reads go: perhaps to a replica.
    readers: Arc<Lanes>,
    /// What was wrong with the schema when it was last looked at.
    pub(crate) known_schema: Mutex<Option<crate::schema_status::SchemaStatus>>,
    /// Whether it lacked tables or columns that statements name.
    pub(crate) is_schema_behind: AtomicBool,
}

impl Database {
    /// Opens a database. This waits for nothing: while the database is away, calls fail as unavailable, and they
    /// succeed within seconds of its return.
    ///
    /// # Errors
    /// What no waiting heals.
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
        let replica = options.read_url.as_ref().map(Address::parse).transpose()?;
        let lanes = |name, size, address| {
            let (queue, session) = (options.queue, Session::serving(&options));
            let layout = Layout { name, size, queue, address, session };
            Lanes::start(layout).map(Arc::new)
        };
        let (writers, primary_readers, readers) = match (backend, replica) {
            (Backend::Sqlite, Some(_)) => return Err(OpenError::Replica),
            (_, Some(replica)) if replica.backend != backend => return Err(OpenError::Replica),
            // A file has one writer at a time; a single thread for it never waits for a lock of our own, and readers see
            // each commit without waiting for any.
            (Backend::Sqlite, None) => {
                let readers = lanes("read", options.pool_size, address.clone())?;
                (lanes("write", 1, address)?, Arc::clone(&readers), readers)
            }
            (Backend::Postgres | Backend::Mysql, None) => {
                let all = lanes("write", options.pool_size, address)?;
                (Arc::clone(&all), Arc::clone(&all), all)
            }
            (Backend::Postgres | Backend::Mysql, Some(replica)) => {
                let primary = lanes("write", options.pool_size, address)?;
                let readers = lanes("read", options.pool_size, replica)?;
                (Arc::clone(&primary), primary, readers)
            }
        };
        Ok(Arc::new(Self {
            backend,
            writers,
            primary_readers,
            readers,
            known_schema: Mutex::new(None),
            is_schema_behind: AtomicBool::new(false),
        }))
    }

    /// Reads what may lag a little behind. The job may run twice.
    pub(crate) async fn read<T, J>(&self, by: Deadline, job: J) -> Result<T, Failure>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
    {
        self.usable(&self.readers)?.run(Kind::Read, by, job).await
    }

    /// Reads what has been written before. The job may run twice.
    pub(crate) async fn read_primary<T, J>(&self, by: Deadline, job: J) -> Result<T, Failure>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
    {
        self.usable(&self.primary_readers)?.run(Kind::Read, by, job).await
    }

    /// Writes: one statement, or one [`write_transaction`](crate::dialect::write_transaction). The job may run several
    /// times, each time but the last without effect, so it must do nothing but talk to the database.
    pub(crate) async fn write<T, J>(&self, by: Deadline, job: J) -> Result<T, Failure>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
    {
        self.usable(&self.writers)?.run(Kind::Write, by, job).await
    }

    /// The lanes, unless the schema is known to be one that the statements do not fit.
    fn usable<'a>(&self, lanes: &'a Lanes) -> Result<&'a Lanes, Failure> {
        if self.is_schema_behind.load(Ordering::Relaxed) { Err(Failure::SchemaBehind) } else { Ok(lanes) }
    }

    /// The lanes for questions about the database itself, whatever its schema: those of the primary and of the replica.
    pub(crate) fn inspected(&self) -> (&Lanes, &Lanes) {
        (&self.primary_readers, &self.readers)
    }

    /// Whether the database has answered somebody within this time.
    pub(crate) fn has_answered_within(&self, duration: Duration) -> bool {
        self.lanes().iter().all(|lanes| lanes.has_succeeded_within(duration))
    }

    /// How busy the database's threads are.
    #[must_use]
    pub fn gauges(&self) -> Vec<LaneGauges> {
        self.lanes().iter().map(|lanes| lanes.gauges()).collect()
    }

    /// Takes no more jobs, does those that wait, and closes the connections. Tells whether all of that was done `within`
    /// the given time; what was not goes on without anybody waiting for it.
    pub async fn close(&self, within: Duration) -> bool {
        let lanes = self.lanes();
        lanes.iter().for_each(|lanes| lanes.close());
        let end = Instant::now() + within;
        while !lanes.iter().all(|lanes| lanes.have_ended()) {
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(CLOSE_POLL).await;
        }
        true
    }

    /// Each set of threads once.
    fn lanes(&self) -> Vec<&Lanes> {
        let mut lanes = vec![&*self.writers];
        if !Arc::ptr_eq(&self.writers, &self.readers) {
            lanes.push(&*self.readers);
        }
        lanes
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
