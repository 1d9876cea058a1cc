//! A replica that answers lists of products, and is left out where it is away or lags too far.
//!
//! Everything else reads the primary: by a key, or a user's own rows, which is cheap. A list reads the replica only where the
//! replica is used ([`gate`]) and has the marks of the reader ([`write_marks`]); in any other case, and where the replica fails
//! meanwhile, the primary answers it.

use crate::connection::{AnyConnection, Session};
use crate::database::Database;
use crate::executor::{DatabaseExecutor, JobKind, Layout};
use crate::failure::Failure;
use crate::options::Options;
use crate::product;
use crate::url::{Address, OpenError, check_replica_url};
use crate::write_marks::{self, Mark};
use app::clock::{Clock, Deadline};
use app::context::Reader;
use app::product::{Filter, ProductListing, ProductLists};
use async_trait::async_trait;
use diesel::QueryResult;
use domain::error::Error;
use domain::product::{Product, ProductId};
use executor::ExecutorGauges;
use gate::{Entry, Gate};
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

mod gate;

/// The longest pause between two heartbeats.
const BEAT: Duration = Duration::from_millis(500);
/// How long writing a heartbeat, and asking the replica for it, may take.
const PROBE_TIME: Duration = Duration::from_secs(1);
/// A replica that has answered a read within this time is busy and not away.
const RECENTLY: Duration = Duration::from_secs(1);
/// How often the end of the threads is looked for.
const CLOSE_POLL: Duration = Duration::from_millis(10);

/// Which database answered lists, and why.
#[derive(Debug, Default)]
struct Counts {
    replica: AtomicUsize,
    not_yet: AtomicUsize,
    left_out: AtomicUsize,
    failed: AtomicUsize,
}

/// What operators are told about a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaReport {
    pub is_used: bool,
    /// How long ago everything was committed that the replica is known to have.
    pub lag: Duration,
    /// Reads by outcome: `replica` answered, or the primary because the reader's own writes were not there yet (`not_yet`),
    /// because the replica was left out (`left_out`), or because it failed (`failed`).
    pub reads: [(&'static str, usize); 4],
    pub threads: ExecutorGauges,
}

/// The connections to a replica, and what is known of it.
pub struct Replica {
    readers: DatabaseExecutor,
    /// Has a connection of its own, so that long reads do not make the replica seem to lag.
    probe: DatabaseExecutor,
    /// Has a connection of its own, so that a busy primary does not make the replica seem to lag.
    heart: DatabaseExecutor,
    /// The writer that this server is.
    writer: String,
    pause: Duration,
    gate: Gate,
    counts: Counts,
}

impl Replica {
    /// Opens the replica of these options, if they name one, without waiting for it.
    ///
    /// # Errors
    /// Where the replica cannot be used however long one waits.
    pub fn open(options: &Options) -> Result<Option<Arc<Self>>, OpenError> {
        let Some(read_url) = &options.read_url else { return Ok(None) };
        check_replica_url(options.url.expose_secret(), read_url.expose_secret())?;
        let (primary, replica) = (Address::parse(&options.url)?, Address::parse(read_url)?);
        let start = |name, size, address| {
            let (queue, session) = (options.queue, Session::serving(options));
            DatabaseExecutor::start(Layout { name, size, queue, address, session, is_logged: false })
        };
        Ok(Some(Arc::new(Self {
            readers: start("read", options.pool_size, replica.clone())?,
            probe: start("probe", 1, replica)?,
            heart: start("heart", 1, primary)?,
            writer: write_marks::server_writer(),
            pause: BEAT.min(options.max_replica_lag / 4),
            gate: Gate::new(options.max_replica_lag, Instant::now()),
            counts: Counts::default(),
        })))
    }

    /// Measures how far the replica lags, until the future is dropped.
    pub async fn watch(self: Arc<Self>, clock: Arc<dyn Clock>) {
        loop {
            self.beat(&*clock).await;
            self.look().await;
            tokio::time::sleep(self.pause).await;
        }
    }

    /// Writes a heartbeat on the primary. Where that fails the replica cannot be measured, and its lag grows.
    async fn beat(&self, clock: &dyn Clock) {
        let (begun, mark, now) = (Instant::now(), write_marks::new_mark(), clock.now());
        let (own, written) = (BTreeSet::from([self.writer.clone()]), mark.clone());
        let put = move |connection: &mut AnyConnection| write_marks::put(connection, &own, &written, now);
        match self.heart.run(JobKind::Write, Deadline::within(PROBE_TIME), put).await {
            Ok(()) => self.gate.beat(mark, begun),
            Err(failure) => tracing::debug!(reason = %failure, "no heartbeat was written for the replica"),
        }
    }

    /// Reads which heartbeat the replica has.
    async fn look(&self) {
        match self.shown().await {
            Ok(marks) => self.gate.shown(marks.first().map(|(_, mark)| mark.as_str()), Instant::now()),
            Err(Failure::Away(reason)) => self.gate.failed(&reason),
            Err(failure) => self.gate.failed(&failure.to_string()),
        }
    }

    async fn shown(&self) -> Result<Vec<Mark>, Failure> {
        let own = [self.writer.clone()];
        let read = move |connection: &mut AnyConnection| write_marks::read(connection, &own);
        let marks = self.probe.run(JobKind::Read, Deadline::within(PROBE_TIME), read).await?;
        if !self.gate.is_used() {
            // The readers have to be connected again before reads come to them.
            self.try_reading().await?;
        }
        Ok(marks)
    }

    /// Reads as lists do. An account may be allowed to read the marks and not the products.
    async fn try_reading(&self) -> Result<(), Failure> {
        let read = |connection: &mut AnyConnection| product::find(connection, ProductId::generate()).map(drop);
        self.readers.run(JobKind::Read, Deadline::within(PROBE_TIME), read).await
    }

    /// Runs a read on the replica. `None` where the primary has to answer it.
    async fn read<T, J>(
        &self,
        primary: &Database,
        reader: Reader,
        kind: JobKind,
        by: Deadline,
        mut job: J,
    ) -> Option<Result<T, Failure>>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
    {
        match self.gate.entry(reader.includes(), Instant::now()) {
            Entry::Open => {}
            Entry::NotYet => return primary_because(&self.counts.not_yet),
            Entry::LeftOut => return primary_because(&self.counts.left_out),
        }
        let writers = write_marks::writers(reader.requester());
        let marks = primary.read(by, move |connection| write_marks::read(connection, &writers)).await.ok()?;
        let attempt = move |connection: &mut AnyConnection| {
            if has(connection, &marks)? { job(connection).map(Some) } else { Ok(None) }
        };
        // The other half of the time is the primary's, where the replica does not answer.
        let within = Deadline::within(by.remaining() / 2);
        let answer = tokio::select! {
            answer = self.readers.run(kind, within, attempt) => answer,
            () = self.gate.left_out() => return primary_because(&self.counts.failed),
        };
        match answer {
            Ok(Some(answer)) => {
                self.counts.replica.fetch_add(1, Ordering::Relaxed);
                Some(Ok(answer))
            }
            Ok(None) => primary_because(&self.counts.not_yet),
            Err(failure) if self.is_overloaded(&failure) => Some(Err(failure)),
            Err(failure) => {
                match &failure {
                    Failure::Away(reason) => self.gate.failed(reason),
                    Failure::Lost(_) | Failure::NoAnswer => self.gate.failed(&failure.to_string()),
                    Failure::Statement(_) => self.leave_out_if_unreadable().await,
                    _ => tracing::debug!(reason = %failure, "a read failed on the replica"),
                }
                primary_because(&self.counts.failed)
            }
        }
    }

    /// Leaves the replica out if every read of products fails. One that fails alone fails on the primary too.
    async fn leave_out_if_unreadable(&self) {
        if let Err(failure) = self.try_reading().await {
            self.gate.failed(&failure.to_string());
        }
    }

    /// Whether the replica answers others, and has too much to do for this read. The primary, which writes as well, must not
    /// get what is too much for a replica.
    fn is_overloaded(&self, failure: &Failure) -> bool {
        match failure {
            // The server itself has told so.
            Failure::TimedOut(_) => true,
            Failure::QueueFull | Failure::QueuedTooLong => {
                self.gate.is_used() && self.readers.has_succeeded_within(RECENTLY)
            }
            _ => false,
        }
    }

    /// What operators are told.
    #[must_use]
    pub fn report(&self) -> ReplicaReport {
        let Counts { replica, not_yet, left_out, failed } = &self.counts;
        let reads = [("replica", replica), ("not_yet", not_yet), ("left_out", left_out), ("failed", failed)];
        ReplicaReport {
            is_used: self.gate.is_used(),
            lag: self.gate.lag(Instant::now()),
            reads: reads.map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed))),
            threads: self.readers.gauges().1,
        }
    }

    /// Takes no more reads, and closes the connections. Returns whether that ended `within` the time; otherwise it goes on in
    /// the background.
    pub async fn close(&self, within: Duration) -> bool {
        let executors = [&self.readers, &self.probe, &self.heart];
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
}

fn primary_because<T>(reason: &AtomicUsize) -> Option<T> {
    reason.fetch_add(1, Ordering::Relaxed);
    None
}

/// Whether the replica has these marks. Where somebody has written meanwhile it has others, and the primary answers.
fn has(connection: &mut AnyConnection, marks: &[Mark]) -> QueryResult<bool> {
    if marks.is_empty() {
        return Ok(true);
    }
    let writers: Vec<_> = marks.iter().map(|(writer, _)| writer.clone()).collect();
    Ok(write_marks::read(connection, &writers)? == marks)
}

/// Lists of products, from the replica where there is one.
pub struct ReplicatedLists {
    primary: Arc<Database>,
    replica: Option<Arc<Replica>>,
}

impl ReplicatedLists {
    #[must_use]
    pub const fn new(primary: Arc<Database>, replica: Option<Arc<Replica>>) -> Self {
        Self { primary, replica }
    }

    async fn read<T, J>(&self, reader: Reader, kind: JobKind, by: Deadline, job: J) -> Result<T, Failure>
    where
        T: Send + 'static,
        J: FnMut(&mut AnyConnection) -> QueryResult<T> + Clone + Send + 'static,
    {
        if let Some(replica) = &self.replica
            && let Some(answer) = replica.read(&self.primary, reader, kind, by, job.clone()).await
        {
            return answer;
        }
        self.primary.read_as(kind, by, job).await
    }
}

#[async_trait]
impl ProductLists for ReplicatedLists {
    async fn list(&self, listing: &ProductListing, reader: Reader, by: Deadline) -> Result<Vec<Product>, Error> {
        let listing = listing.clone();
        let rows = self
            .read(reader, product::page_kind(&listing), by, move |connection| product::page(connection, &listing))
            .await?;
        rows.into_iter().map(Product::try_from).collect()
    }

    async fn count(&self, filter: &Filter, reader: Reader, by: Deadline) -> Result<u64, Error> {
        let filter = filter.clone();
        let count =
            self.read(reader, JobKind::LongRead, by, move |connection| product::count(connection, &filter)).await?;
        Ok(count.unsigned_abs())
    }
}

#[cfg(test)]
mod tests;
