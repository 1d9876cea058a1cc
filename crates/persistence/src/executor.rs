//! The threads on which every statement runs: few, each with one connection, behind one bounded queue.
//!
//! A pool that lends connections to many threads costs about half of the throughput, and lets a slow database take all
//! threads. Here the number of statements under way is the number of threads, and what cannot be done soon is refused.

use crate::connection::{AnyConnection, Session};
use crate::failure::Failure;
use crate::options::{ANSWER_SLACK, QUEUE_TIMEOUT};
use crate::pool::{self, Connectivity};
use crate::url::{Address, OpenError};
use app::clock::Deadline;
use connected_thread::{ConnectedThread, LastSuccess};
use diesel::QueryResult;
use executor::{Bounds, Executor, ExecutorGauges, IfAbandoned};
use long_reads::LongReads;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

mod connected_thread;
mod long_reads;
mod retry;

pub(crate) use retry::RetryCounts;

/// How long the end of the threads is waited for where nobody has closed them.
const LAST_MOMENT: Duration = Duration::from_secs(2);
const END_POLL: Duration = Duration::from_millis(1);

/// What a job does, which decides what may be done when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobKind {
    /// It may be run again on another connection, and is dropped when nobody waits for it any more.
    Read,
    /// A read that may take long. Such reads hold half of the threads at most.
    LongRead,
    /// It is run again only where the database says that nothing was changed.
    Write,
}

/// How a set of threads is laid out.
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    /// How many there are; at least one.
    pub(crate) size: usize,
    /// How many jobs may wait.
    pub(crate) queue: usize,
    pub(crate) address: Address,
    pub(crate) session: Session,
    /// Whether the threads log that their database is away. Those beside others need not repeat it.
    pub(crate) is_logged: bool,
}

/// A set of threads that are connected to one database.
pub(crate) struct DatabaseExecutor {
    name: &'static str,
    threads: Executor<ConnectedThread>,
    long_reads: LongReads,
    connectivity: Weak<Connectivity>,
    last_success: Arc<LastSuccess>,
    counts: Arc<RetryCounts>,
}

impl DatabaseExecutor {
    /// Starts the threads, which begin to connect.
    pub(crate) fn start(layout: Layout) -> Result<Self, OpenError> {
        let Layout { name, size, queue, address, session, is_logged } = layout;
        let size = size.clamp(1, 1024);
        let (connectivity, last_success) = (Arc::new(Connectivity::default()), Arc::new(LastSuccess::new()));
        let pool = pool::open(address, session, u32::try_from(size).unwrap_or(u32::MAX), &connectivity, is_logged);
        let bounds = Bounds {
            threads: size,
            queue: queue.max(1),
            max_wait: QUEUE_TIMEOUT,
            max_run: Some(session.statement_timeout.unwrap_or_default() + ANSWER_SLACK),
        };
        let (weak, successes) = (Arc::downgrade(&connectivity), Arc::clone(&last_success));
        let counts = Arc::<RetryCounts>::default();
        let counted = Arc::clone(&counts);
        let thread = move || {
            let (connectivity, last_success) = (Arc::clone(&connectivity), Arc::clone(&successes));
            let counts = Arc::clone(&counted);
            ConnectedThread::new(pool.clone(), connectivity, last_success, counts, session.connect_timeout)
        };
        let threads = Executor::with_state(&format!("db-{name}"), bounds, thread).map_err(OpenError::Threads)?;
        let long_reads = LongReads::new(size, bounds.queue);
        Ok(Self { name, threads, long_reads, connectivity: weak, last_success, counts })
    }

    /// Runs a job on one of the threads. The caller waits until the deadline, and never much longer than a statement may
    /// take, even if the database has fallen silent and the thread with it.
    ///
    /// # Cancel safety
    /// Dropping the future lets a write go on, and drops a read that has not begun.
    pub(crate) async fn run<T, J>(&self, kind: JobKind, by: Deadline, mut job: J) -> Result<T, Failure>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
    {
        let if_abandoned = match kind {
            JobKind::Read | JobKind::LongRead => IfAbandoned::Skip,
            JobKind::Write => IfAbandoned::Run,
        };
        let turn = if kind == JobKind::LongRead { Some(self.long_reads.turn(by).await?) } else { None };
        let job = move |thread: &mut ConnectedThread| {
            let _until_the_job_has_ended = turn;
            thread.run(kind, by, &mut job)
        };
        self.threads.execute(by, if_abandoned, job).await?
    }

    /// Whether the database has answered somebody not long ago.
    pub(crate) fn has_succeeded_within(&self, duration: Duration) -> bool {
        self.last_success.is_within(duration)
    }

    /// How many transactions the database undid, and what became of them.
    pub(crate) fn retry_counts(&self) -> &RetryCounts {
        &self.counts
    }

    /// What the threads are for, and how busy they are.
    pub(crate) fn gauges(&self) -> (&'static str, ExecutorGauges) {
        let gauges = self.threads.gauges();
        (self.name, ExecutorGauges { waiting: gauges.waiting + self.long_reads.waiting(), ..gauges })
    }

    /// Takes no more jobs. The threads do those that wait and end.
    pub(crate) fn close(&self) {
        self.threads.close();
    }

    /// Whether all threads have ended, and all connections are closed.
    pub(crate) fn has_ended(&self) -> bool {
        self.threads.has_ended() && self.connectivity.strong_count() == 0
    }
}

/// A process must not end while a connection is opened or closed: OpenSSL, on which libpq builds, then frees what that
/// thread uses (`OPENSSL_cleanup(3)`), and a process whose work is done dies by a signal.
impl Drop for DatabaseExecutor {
    fn drop(&mut self) {
        self.close();
        let end = Instant::now() + LAST_MOMENT;
        while !self.has_ended() && Instant::now() < end {
            std::thread::sleep(END_POLL);
        }
    }
}
