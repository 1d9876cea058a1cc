//! The clock and deadlines: the only module that reads the operating system's clock.

use chrono::{DateTime, SubsecRound, Utc};
use std::time::{Duration, Instant};

/// The time of day, a port so that tests can set it.
pub trait Clock: Send + Sync {
    /// Returns the time with microseconds, which every database stores exactly.
    fn now(&self) -> DateTime<Utc>;
}

#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter behind the Clock port")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// The moment after which nobody waits for an answer. It uses the monotonic clock, so that a change of the time of day
/// neither ends nor prolongs a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline after this duration from now.
    #[must_use]
    pub fn within(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// The remaining time; zero after the deadline.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    #[must_use]
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// The instant, for timers.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }
}
