//! The circuit breaker: it stops calls for a while when the gateway keeps failing, so that callers do not wait in vain.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use strum::{IntoStaticStr, VariantArray};

/// The number of failures in a row that opens the breaker.
const MAX_FAILURES: u32 = 10;
/// How long the breaker is open before one call may probe the gateway.
const OPEN_FOR: Duration = Duration::from_secs(10);
/// The wait for other calls while the probe is under way.
const PROBE_WAIT: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum BreakerState {
    Closed,
    /// One call may probe the gateway; others are refused.
    HalfOpen,
    Open,
}

impl BreakerState {
    pub const ALL: &[Self] = Self::VARIANTS;

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// Counts the failures of all calls.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<BreakerCounts>);

#[derive(Debug, Default)]
struct BreakerCounts {
    failures: u32,
    /// The end of the open state; `None` while closed.
    open_until: Option<Instant>,
    /// Whether a probe is under way.
    is_probed: bool,
}

/// The permit for one call. Dropping it records no result.
#[derive(Debug)]
pub(super) struct CallPermit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Breaker {
    /// Returns a permit, or how long calls are refused.
    pub(super) fn enter(&self, now: Instant) -> Result<CallPermit<'_>, Duration> {
        let mut counts = self.counts();
        let is_probe = match counts.open_until {
            None => false,
            Some(until) if now < until => return Err(until - now),
            Some(_) if counts.is_probed => return Err(PROBE_WAIT),
            Some(_) => true,
        };
        counts.is_probed = is_probe;
        Ok(CallPermit { breaker: self, is_probe })
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match self.counts().open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    fn counts(&self) -> MutexGuard<'_, BreakerCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallPermit<'_> {
    pub(super) fn answered(self) {
        let mut counts = self.breaker.counts();
        counts.failures = 0;
        counts.open_until = None;
    }

    pub(super) fn failed(self, now: Instant) {
        let mut counts = self.breaker.counts();
        counts.failures = counts.failures.saturating_add(1);
        // A call that was under way when the breaker opened does not prolong the open state.
        if self.is_probe || counts.open_until.is_none() && counts.failures >= MAX_FAILURES {
            counts.open_until = Some(now + OPEN_FOR);
        }
    }
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.counts().is_probed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.enter(now).unwrap().failed(now);
        }
    }

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::default();
        fail(&breaker, MAX_FAILURES, now);
        breaker
    }

    #[test]
    fn ten_failures_in_a_row_open_it() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        fail(&breaker, MAX_FAILURES - 1, now);
        assert_eq!(breaker.state(now), BreakerState::Closed);
        breaker.enter(now).unwrap().answered();
        fail(&breaker, MAX_FAILURES - 1, now);
        assert_eq!(breaker.state(now), BreakerState::Closed);
        fail(&breaker, 1, now);
        assert_eq!(breaker.state(now), BreakerState::Open);
        assert_eq!(breaker.enter(now + Duration::from_secs(4)).unwrap_err(), Duration::from_secs(6));
    }

    #[test]
    fn after_its_rest_one_call_tries_and_an_answer_closes_it() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN_FOR;
        assert_eq!(breaker.state(later), BreakerState::HalfOpen);
        let probe = breaker.enter(later).unwrap();
        assert_eq!(breaker.enter(later).unwrap_err(), PROBE_WAIT);
        probe.answered();
        assert_eq!(breaker.state(later), BreakerState::Closed);
        fail(&breaker, MAX_FAILURES - 1, later);
        assert_eq!(breaker.state(later), BreakerState::Closed);
    }

    #[test]
    fn a_call_that_tries_in_vain_opens_it_again() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN_FOR;
        breaker.enter(later).unwrap().failed(later);
        assert_eq!(breaker.state(later), BreakerState::Open);
        assert!(breaker.enter(later + OPEN_FOR).is_ok());
    }

    #[test]
    fn a_call_that_is_given_up_leaves_the_trial_to_another() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN_FOR;
        drop(breaker.enter(later).unwrap());
        assert!(breaker.enter(later).is_ok());
    }

    #[test]
    fn what_was_on_its_way_when_the_rest_began_does_not_prolong_it() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let slow = breaker.enter(now).unwrap();
        fail(&breaker, MAX_FAILURES, now);
        slow.failed(now + Duration::from_secs(9));
        assert_eq!(breaker.state(now + OPEN_FOR), BreakerState::HalfOpen);
    }
}
