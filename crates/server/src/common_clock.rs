//! The clock that all servers share.
//!
//! Leases and waits are written down by one server and read by another. If each went by its own clock, one that is an hour ahead
//! would take every lease for over. So their times are told by the database server's clock, which all share.

use app::clock::{Clock, Deadline, SystemClock};
use chrono::{DateTime, TimeDelta, Utc};
use persistence::Database;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often the clocks are compared.
const COMPARE_EVERY: Duration = Duration::from_secs(10);
/// How long comparing them may take.
const COMPARE_TIME: Duration = Duration::from_secs(2);
/// A difference that operators should know of.
const NOTABLE: TimeDelta = TimeDelta::seconds(2);

/// This machine's clock, put right by the database server's.
pub(crate) struct CommonClock {
    own: Arc<dyn Clock>,
    /// How far the database server is ahead, in microseconds.
    ahead: AtomicI64,
}

impl CommonClock {
    /// A clock that is right as soon as the database has been asked.
    pub(crate) fn new(own: Arc<dyn Clock>) -> Self {
        Self { own, ahead: AtomicI64::new(0) }
    }

    /// Compares the clocks again and again.
    pub(crate) async fn follow(self: Arc<Self>, database: Arc<Database>) {
        let mut ticks = tokio::time::interval(COMPARE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let asked = SystemClock.now();
            if let Ok(Some(server)) = database.server_time(Deadline::within(COMPARE_TIME)).await {
                self.compare(asked, server, SystemClock.now());
            }
        }
    }

    /// Notes how far the server was ahead in the middle of being asked.
    fn compare(&self, asked: DateTime<Utc>, server: DateTime<Utc>, answered: DateTime<Utc>) {
        let ahead = server - (asked + (answered - asked) / 2);
        let before = TimeDelta::microseconds(self.ahead.load(Ordering::Relaxed));
        if (ahead - before).abs() > NOTABLE {
            let seconds = ahead.num_milliseconds() as f64 / 1000.0;
            tracing::warn!(seconds, "the database server's clock is ahead of this machine's by so much");
        }
        self.ahead.store(ahead.num_microseconds().unwrap_or_default(), Ordering::Relaxed);
    }
}

impl Clock for CommonClock {
    fn now(&self) -> DateTime<Utc> {
        self.own.now() + TimeDelta::microseconds(self.ahead.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }
    }

    #[test]
    fn it_shows_what_the_database_server_shows() {
        let clock = CommonClock::new(Arc::new(Stopped));
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        // Asked at 0, answered at 2: what was told was true at 1.
        clock.compare(at(0), at(3_601), at(2));
        assert_eq!(clock.now(), at(3_600));
        clock.compare(at(0), at(-9), at(2));
        assert_eq!(clock.now(), at(-10));
    }
}
