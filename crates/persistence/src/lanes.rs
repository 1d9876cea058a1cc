//! The threads on which every statement runs: few, each holding one connection, behind one bounded queue.
//!
//! A pool that lends connections to many threads costs about half of the throughput, and lets a slow database take all
//! threads. Here the number of statements under way is the number of lanes, and what cannot be done soon is refused.

use crate::connection::AnyConnection;
use crate::connection::Session;
use crate::failure::Failure;
use crate::lane::Lane;
use crate::pool::{self, Link};
use crate::task::{self, Kind, Work};
use crate::url::{Address, OpenError};
use app::clock::Deadline;
use crossbeam_channel::{Sender, TrySendError};
use diesel::QueryResult;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the end of a set of threads is waited for where nobody has closed it.
const LAST_MOMENT: Duration = Duration::from_secs(2);
/// How often it is looked whether it has come.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How busy a set of database threads is at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneGauges {
    /// What the threads are for: `write` or `read`.
    pub lane: &'static str,
    /// How many threads there are.
    pub size: usize,
    /// How many of them are at work.
    pub in_use: usize,
    /// How many jobs wait.
    pub waiting: usize,
}

/// What the threads of a set tell of themselves.
#[derive(Debug)]
pub(crate) struct Activity {
    since: Instant,
    in_use: AtomicUsize,
    /// When a job last ended well, in milliseconds after `since`, plus one; zero for never.
    last_success: AtomicUsize,
}

impl Activity {
    fn new() -> Self {
        Self { since: Instant::now(), in_use: AtomicUsize::new(0), last_success: AtomicUsize::new(0) }
    }

    pub(crate) fn begin(&self) {
        self.in_use.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.in_use.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn succeed(&self) {
        self.last_success.store(self.now().saturating_add(1), Ordering::Relaxed);
    }

    fn has_succeeded_within(&self, duration: Duration) -> bool {
        let last = self.last_success.load(Ordering::Relaxed);
        let age = self.now().saturating_add(1).saturating_sub(last);
        last > 0 && u128::try_from(age).is_ok_and(|age| age <= duration.as_millis())
    }

    fn now(&self) -> usize {
        usize::try_from(self.since.elapsed().as_millis()).unwrap_or(usize::MAX - 1)
    }
}

/// How a set of threads is laid out.
pub(crate) struct Layout {
    /// What the threads are for.
    pub(crate) name: &'static str,
    /// How many there are; at least one.
    pub(crate) size: usize,
    /// How many jobs may wait.
    pub(crate) queue: usize,
    /// What each thread connects to.
    pub(crate) address: Address,
    /// How its session behaves.
    pub(crate) session: Session,
}

/// A set of threads.
pub(crate) struct Lanes {
    name: &'static str,
    size: usize,
    statement_timeout: Duration,
    queue: RwLock<Option<Sender<Box<dyn Work>>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    link: Weak<Link>,
    activity: Arc<Activity>,
}

impl Lanes {
    /// Starts the threads, which begin to connect.
    pub(crate) fn start(layout: Layout) -> Result<Self, OpenError> {
        let size = layout.size.clamp(1, 1024);
        let (queue, jobs) = crossbeam_channel::bounded(layout.queue.max(1));
        let (link, activity) = (Arc::new(Link::default()), Arc::new(Activity::new()));
        let connections = u32::try_from(size).unwrap_or(u32::MAX);
        let pool = pool::open(layout.address, layout.session, connections, &link);
        let mut threads = Vec::with_capacity(size);
        for number in 0..size {
            let lane = Lane::new(
                jobs.clone(),
                pool.clone(),
                Arc::clone(&link),
                Arc::clone(&activity),
                layout.session.connect_timeout,
            );
            let thread = std::thread::Builder::new().name(format!("db-{}-{number}", layout.name));
            threads.push(thread.spawn(move || lane.run()).map_err(OpenError::Threads)?);
        }
        Ok(Self {
            name: layout.name,
            size,
            statement_timeout: layout.session.statement_timeout.unwrap_or_default(),
            queue: RwLock::new(Some(queue)),
            threads: Mutex::new(threads),
            link: Arc::downgrade(&link),
            activity,
        })
    }

    /// Runs a job on one of the threads.
    pub(crate) async fn run<T, J>(&self, kind: Kind, by: Deadline, job: J) -> Result<T, Failure>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
    {
        if by.has_passed() {
            return Err(Failure::DeadlinePassed);
        }
        let (work, answer) = task::prepare(kind, by, job);
        self.enqueue(work)?;
        answer.wait(self.statement_timeout).await
    }

    fn enqueue(&self, work: Box<dyn Work>) -> Result<(), Failure> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let sent = queue.as_ref().ok_or(Failure::Closed)?.try_send(work);
        sent.map_err(|error| match error {
            TrySendError::Full(_) => Failure::QueueFull,
            TrySendError::Disconnected(_) => Failure::Closed,
        })
    }

    /// Whether the database has answered somebody not long ago.
    pub(crate) fn has_succeeded_within(&self, duration: Duration) -> bool {
        self.activity.has_succeeded_within(duration)
    }

    pub(crate) fn gauges(&self) -> LaneGauges {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        LaneGauges {
            lane: self.name,
            size: self.size,
            in_use: self.activity.in_use.load(Ordering::Relaxed),
            waiting: queue.as_ref().map_or(0, Sender::len),
        }
    }

    /// Takes no more jobs. The threads do those that wait and end.
    pub(crate) fn close(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether all threads have ended, and all connections are closed.
    pub(crate) fn have_ended(&self) -> bool {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if !threads.iter().all(JoinHandle::is_finished) {
            return false;
        }
        for thread in threads.drain(..) {
            // Client libraries clean up when a thread ends. A panic has been caught and answered.
            let _ = thread.join();
        }
        self.link.strong_count() == 0
    }
}

/// A process must not end while a connection is opened or closed: OpenSSL, on which libpq builds, then frees what that thread uses
/// (`OPENSSL_cleanup(3)`), and a process whose work is done dies by a signal.
impl Drop for Lanes {
    fn drop(&mut self) {
        self.close();
        let end = Instant::now() + LAST_MOMENT;
        while !self.have_ended() && Instant::now() < end {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
