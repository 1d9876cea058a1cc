//! One thread and the connection that it keeps.

use super::JobKind;
use super::retry::{self, RetryCounts};
use crate::connection::AnyConnection;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::pool::{Connectivity, Manager};
use app::clock::Deadline;
use diesel::QueryResult;
use diesel::r2d2::R2D2Connection;
use executor::{Readiness, ThreadState};
use r2d2::{Pool, PooledConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// After how long a pause a connection is checked before it is used.
const CHECK_AFTER: Duration = Duration::from_secs(5);
/// The least age at which a connection whose server takes no writes is left for another.
const LEAVE_AFTER: Duration = Duration::from_secs(2);
/// How often a thread without a connection looks whether there is one, or a job to refuse.
const CONNECT_POLL: Duration = Duration::from_millis(50);
/// For how long after losing a connection a failure to open one from before the loss is not taken as news.
const RECONNECT_GRACE: Duration = Duration::from_secs(1);

/// When a job last got an answer from the database.
pub(super) struct LastSuccess {
    since: Instant,
    /// In milliseconds after `since`, plus one; zero for never.
    at: AtomicUsize,
}

impl LastSuccess {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), at: AtomicUsize::new(0) }
    }

    fn record(&self) {
        self.at.store(self.now(), Ordering::Relaxed);
    }

    pub(super) fn is_within(&self, duration: Duration) -> bool {
        let at = self.at.load(Ordering::Relaxed);
        let age = self.now().saturating_sub(at);
        at > 0 && u128::try_from(age).is_ok_and(|age| age <= duration.as_millis())
    }

    fn now(&self) -> usize {
        usize::try_from(self.since.elapsed().as_millis()).unwrap_or(usize::MAX - 1).saturating_add(1)
    }
}

pub(super) struct ConnectedThread {
    pool: Pool<Manager>,
    connectivity: Arc<Connectivity>,
    last_success: Arc<LastSuccess>,
    counts: Arc<RetryCounts>,
    connect_timeout: Duration,
    pooled: Option<PooledConnection<Manager>>,
    /// Whether the connection was lost in the last job.
    is_lost: bool,
    last_used: Instant,
    lost_at: Option<Instant>,
    /// How many losses were known when the connection was last found to be there.
    known_losses: usize,
}

impl ConnectedThread {
    pub(super) fn new(
        pool: Pool<Manager>,
        connectivity: Arc<Connectivity>,
        last_success: Arc<LastSuccess>,
        counts: Arc<RetryCounts>,
        connect_timeout: Duration,
    ) -> Self {
        Self {
            pool,
            connectivity,
            last_success,
            counts,
            connect_timeout,
            pooled: None,
            is_lost: false,
            last_used: Instant::now(),
            lost_at: None,
            known_losses: 0,
        }
    }

    /// Runs a job, and runs it once more on another connection where the first takes no writes any more, or a read where the
    /// first is lost.
    pub(super) fn run<T>(
        &mut self,
        kind: JobKind,
        by: Deadline,
        job: &mut impl FnMut(&mut AnyConnection) -> QueryResult<T>,
    ) -> Result<T, Failure> {
        let mut is_repeated = false;
        let counts = Arc::clone(&self.counts);
        loop {
            let connection = self.connection().map_err(Failure::Away)?;
            let answer = retry::run(kind, by, connection, &counts, job);
            let has_ended = answer.as_ref().is_err_and(|(_, fault)| fault.has_ended(connection));
            let is_server = !connection.is_embedded();
            self.last_used = Instant::now();
            match answer {
                // Nothing was changed. After a failover the name may lead to another server, and a session keeps what it was
                // opened with.
                Err((_, Fault::NoWrites)) if is_server && !is_repeated && self.is_older_than(LEAVE_AFTER) => {
                    self.drop_connection();
                }
                Err((error, Fault::NoWrites)) => {
                    self.is_lost = has_ended;
                    self.last_success.record();
                    return Err(Failure::NoWrites(error));
                }
                Err((error, _)) if has_ended && (kind == JobKind::Write || is_repeated) => {
                    // The caller does not wait for the connection to be closed.
                    self.is_lost = true;
                    return Err(Failure::Lost(error));
                }
                Err(_) if has_ended => self.drop_connection(),
                answer => {
                    self.last_success.record();
                    return answer.map_err(|(error, fault)| Failure::of(error, fault));
                }
            }
            is_repeated = true;
        }
    }

    /// The connection, checked if it has not been used for a while or another has been lost meanwhile: a write that fails on
    /// a dead connection cannot be repeated. Or why there is none.
    fn connection(&mut self) -> Result<&mut AnyConnection, String> {
        let losses = self.connectivity.losses();
        let is_doubtful = self.last_used.elapsed() > CHECK_AFTER || self.known_losses != losses;
        self.known_losses = losses;
        if let Some(pooled) = &mut self.pooled
            && (pooled.is_old() || (is_doubtful && pooled.connection.ping().is_err()))
        {
            self.drop_connection();
        }
        let waiting_since = Instant::now();
        while self.pooled.is_none() && !self.connect(CONNECT_POLL) {
            if let Some(reason) = self.why_away() {
                return Err(reason);
            }
            if waiting_since.elapsed() > self.connect_timeout {
                return Err("no connection could be opened in time".to_owned());
            }
        }
        match &mut self.pooled {
            Some(pooled) => Ok(&mut pooled.connection),
            None => Err("there is no connection".to_owned()),
        }
    }

    fn is_older_than(&self, age: Duration) -> bool {
        self.pooled.as_ref().is_some_and(|pooled| pooled.is_older_than(age))
    }

    fn why_away(&self) -> Option<String> {
        let failed = self.connectivity.last_failure()?;
        let is_news = self.lost_at.is_none_or(|lost_at| failed.at > lost_at || lost_at.elapsed() > RECONNECT_GRACE);
        is_news.then_some(failed.reason)
    }

    fn connect(&mut self, within: Duration) -> bool {
        let Ok(pooled) = self.pool.get_timeout(within) else {
            return false;
        };
        self.pooled = Some(pooled);
        self.last_used = Instant::now();
        self.known_losses = self.connectivity.losses();
        self.connectivity.gained();
        true
    }

    /// Has the connection closed; the pool opens another in its place.
    fn drop_connection(&mut self) {
        if let Some(mut pooled) = self.pooled.take() {
            pooled.mark_lost();
            self.connectivity.lost();
            self.lost_at = Some(Instant::now());
        }
    }
}

impl ThreadState for ConnectedThread {
    /// A thread without a connection leaves jobs to those that have one. Where none has, it takes them all the same, to
    /// refuse them without delay.
    fn readiness(&mut self) -> Readiness {
        if self.pooled.is_some() || self.connect(CONNECT_POLL) {
            Readiness::Ready
        } else if self.connectivity.is_up() {
            Readiness::NotReady
        } else {
            Readiness::OnlyWaiting
        }
    }

    fn after_job(&mut self) {
        if std::mem::take(&mut self.is_lost) {
            self.drop_connection();
        }
    }

    /// A transaction may still be open on the connection.
    fn after_panic(&mut self) {
        self.drop_connection();
    }
}

/// Gives the connection back to the pool, which closes what it has when the last thread has ended. Were it closed here, the
/// pool would open another.
impl Drop for ConnectedThread {
    fn drop(&mut self) {
        if self.pooled.is_some() {
            self.connectivity.released();
        }
    }
}
