//! The pool: r2d2 opens, checks and renews connections. This module adds whether the database can be reached.

use crate::connection::{self, AnyConnection, Session};
use crate::redact::without_secrets;
use crate::url::Address;
use diesel::r2d2::R2D2Connection;
use r2d2::{HandleError, ManageConnection, Pool};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a connection is used before another takes its place, so that servers and their addresses can be changed.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// r2d2 pauses for up to half of this between two attempts, so that service resumes within a second or so.
const RECONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A connection and whether it may go back to the pool.
pub(crate) struct PoolConnection {
    pub(crate) connection: AnyConnection,
    opened: Instant,
    is_lost: bool,
    /// Dropped after the connection.
    _connectivity: Arc<Connectivity>,
}

impl PoolConnection {
    /// Has the pool close the connection and open another in its place.
    pub(crate) const fn mark_lost(&mut self) {
        self.is_lost = true;
    }

    pub(crate) fn is_older_than(&self, age: Duration) -> bool {
        self.opened.elapsed() > age
    }

    /// Whether the connection has been used for long enough.
    pub(crate) fn is_old(&self) -> bool {
        self.is_older_than(MAX_LIFETIME)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ConnectFailure {
    /// What the client library said, without secrets.
    pub(crate) reason: String,
    pub(crate) at: Instant,
}

/// Whether a database can be reached, shared by all who connect to it. Once the last reference is gone, no connection is open
/// or being opened.
#[derive(Debug, Default)]
pub(crate) struct Connectivity {
    last_failure: Mutex<Option<ConnectFailure>>,
    connected: AtomicUsize,
    losses: AtomicUsize,
}

impl Connectivity {
    /// Why the last attempt to connect failed; `None` where it did not.
    pub(crate) fn last_failure(&self) -> Option<ConnectFailure> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether any thread has a connection.
    pub(crate) fn is_up(&self) -> bool {
        self.connected.load(Ordering::Acquire) > 0
    }

    pub(crate) fn gained(&self) {
        self.connected.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn released(&self) {
        self.connected.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn lost(&self) {
        self.released();
        self.losses.fetch_add(1, Ordering::AcqRel);
    }

    /// How many connections have been lost so far: where one is, the others may be.
    pub(crate) fn losses(&self) -> usize {
        self.losses.load(Ordering::Acquire)
    }

    fn replace(&self, failure: Option<ConnectFailure>) -> Option<ConnectFailure> {
        let mut known = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, failure)
    }
}

/// Why a connection could not be opened, without secrets.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConnectError(String);

/// Opens and checks connections for r2d2.
pub(crate) struct Manager {
    address: Address,
    session: Session,
    connectivity: Arc<Connectivity>,
    is_logged: bool,
}

impl ManageConnection for Manager {
    type Connection = PoolConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<PoolConnection, ConnectError> {
        let connection = connection::open(&self.address, &self.session)
            .map_err(|error| ConnectError(without_secrets(&error.to_string(), &self.address)))?;
        if let Some(failure) = self.connectivity.replace(None).filter(|_| self.is_logged) {
            tracing::info!(reason = failure.reason, "the database is back");
        }
        let _connectivity = Arc::clone(&self.connectivity);
        Ok(PoolConnection { connection, opened: Instant::now(), is_lost: false, _connectivity })
    }

    fn is_valid(&self, pooled: &mut PoolConnection) -> Result<(), ConnectError> {
        pooled.connection.ping().map_err(|error| ConnectError(error.to_string()))
    }

    fn has_broken(&self, pooled: &mut PoolConnection) -> bool {
        pooled.is_lost || pooled.connection.is_broken()
    }
}

/// Remembers why connecting failed, and logs it when it is news.
#[derive(Debug)]
struct FailureRecorder {
    connectivity: Arc<Connectivity>,
    is_logged: bool,
}

impl HandleError<ConnectError> for FailureRecorder {
    fn handle_error(&self, ConnectError(reason): ConnectError) {
        let failure = ConnectFailure { reason: reason.clone(), at: Instant::now() };
        let before = self.connectivity.replace(Some(failure));
        if self.is_logged && before.is_none_or(|before| before.reason != reason) {
            tracing::warn!(reason, "the database is away");
        }
    }
}

/// A pool that begins to connect, but waits for nothing. `is_logged` tells whether it logs that the database is away.
pub(crate) fn open(
    address: Address,
    session: Session,
    size: u32,
    connectivity: &Arc<Connectivity>,
    is_logged: bool,
) -> Pool<Manager> {
    let recorder = FailureRecorder { connectivity: Arc::clone(connectivity), is_logged };
    let manager = Manager { address, session, connectivity: Arc::clone(connectivity), is_logged };
    Pool::builder()
        .max_size(size)
        // Each thread keeps its connection, and checks it itself after a pause.
        .test_on_check_out(false)
        .connection_timeout(RECONNECT_WITHIN)
        .max_lifetime(Some(MAX_LIFETIME))
        .error_handler(Box::new(recorder))
        .build_unchecked(manager)
}
