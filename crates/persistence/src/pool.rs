//! Opening, checking and renewing connections, which is r2d2's part, and whether there are any.

use crate::connection::{self, AnyConnection, Session};
use crate::redact::without_secrets;
use crate::url::Address;
use diesel::r2d2::R2D2Connection;
use r2d2::{HandleError, ManageConnection, Pool};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a connection is used before another takes its place, so that servers and their addresses can be changed.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// r2d2 pauses for up to half of this between two attempts, so that service resumes within a second or so.
const RECONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A connection and whether it may go back to the pool.
pub(crate) struct Held {
    pub(crate) connection: AnyConnection,
    opened: Instant,
    is_lost: bool,
    /// Let go of after the connection.
    _link: Arc<Link>,
}

impl Held {
    /// Has the connection closed and another opened in its place.
    pub(crate) const fn give_up(&mut self) {
        self.is_lost = true;
    }

    /// Whether it has been used for long enough.
    pub(crate) fn is_old(&self) -> bool {
        self.opened.elapsed() > MAX_LIFETIME
    }
}

/// A failed attempt to connect.
#[derive(Clone, Debug)]
pub(crate) struct Away {
    /// What the client library said, without secrets.
    pub(crate) reason: String,
    /// When it said so.
    pub(crate) at: Instant,
}

/// What is known of the way to a database, shared by all who use it: when it is gone, no connection is open or being opened.
#[derive(Debug, Default)]
pub(crate) struct Link {
    away: Mutex<Option<Away>>,
    connected: AtomicUsize,
    losses: AtomicUsize,
}

impl Link {
    /// Why the last attempt to connect failed; `None` where it did not.
    pub(crate) fn why_away(&self) -> Option<Away> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether any thread holds a connection.
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

    fn replace(&self, away: Option<Away>) -> Option<Away> {
        let mut known = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, away)
    }
}

/// Why a connection could not be opened, without secrets.
#[derive(Debug)]
pub(crate) struct ConnectFailed(String);

impl fmt::Display for ConnectFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConnectFailed {}

/// Opens and checks connections for r2d2.
pub(crate) struct Manager {
    address: Address,
    session: Session,
    link: Arc<Link>,
}

impl ManageConnection for Manager {
    type Connection = Held;
    type Error = ConnectFailed;

    fn connect(&self) -> Result<Held, ConnectFailed> {
        let connection = connection::open(&self.address, &self.session)
            .map_err(|error| ConnectFailed(without_secrets(&error.to_string(), &self.address)))?;
        if let Some(away) = self.link.replace(None) {
            tracing::info!(reason = away.reason, "the database is back");
        }
        Ok(Held { connection, opened: Instant::now(), is_lost: false, _link: Arc::clone(&self.link) })
    }

    fn is_valid(&self, held: &mut Held) -> Result<(), ConnectFailed> {
        held.connection.ping().map_err(|error| ConnectFailed(error.to_string()))
    }

    fn has_broken(&self, held: &mut Held) -> bool {
        held.is_lost || held.connection.is_broken()
    }
}

/// Remembers why connecting failed, and logs it when it is news.
#[derive(Debug)]
struct NoteFailures(Arc<Link>);

impl HandleError<ConnectFailed> for NoteFailures {
    fn handle_error(&self, ConnectFailed(reason): ConnectFailed) {
        let away = Away { reason: reason.clone(), at: Instant::now() };
        let before = self.0.replace(Some(away));
        if before.is_none_or(|before| before.reason != reason) {
            tracing::warn!(reason, "the database is away");
        }
    }
}

/// A pool that begins to connect, but waits for nothing.
pub(crate) fn open(address: Address, session: Session, size: u32, link: &Arc<Link>) -> Pool<Manager> {
    let manager = Manager { address, session, link: Arc::clone(link) };
    Pool::builder()
        .max_size(size)
        // A lane holds its connection and checks it itself after a pause.
        .test_on_check_out(false)
        .connection_timeout(RECONNECT_WITHIN)
        .max_lifetime(Some(MAX_LIFETIME))
        .error_handler(Box::new(NoteFailures(Arc::clone(link))))
        .build_unchecked(manager)
}
