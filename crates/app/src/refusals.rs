//! Holds refusals back, so that a client that tries again at once cannot take the CPU from what is served.
//!
//! A refusal costs a tenth of a millisecond. Some hundred clients that do nothing else make ten thousand of them a second,
//! which is a whole CPU. So where refusals are many, each is answered only half a second after its request: no thread waits,
//! and each client makes two of them a second. A few are answered at once, so that nobody waits who was refused once.
#![warn(missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long after its request a refusal is answered. Nobody waits longer than half a second for one.
const HELD_FOR: Duration = Duration::from_millis(400);

/// How many refusals a second are answered at once.
const FREE: u32 = 20;

/// How many refusals are held at once, over both protocols. Each has a connection or a stream, and some kilobytes.
const MOST: usize = 2_048;

/// Decides how long each refusal is held back.
pub struct HeldRefusals {
    most: usize,
    held: Arc<AtomicUsize>,
    recent: Mutex<Recent>,
}

/// The refusals of the current second.
struct Recent {
    since: Instant,
    count: u32,
}

/// A refusal that is held back. Dropping it makes room for another.
pub struct HeldRefusal {
    held: Arc<AtomicUsize>,
    until: Instant,
}

impl Default for HeldRefusals {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl HeldRefusals {
    /// Holds at most this many at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let recent = Mutex::new(Recent { since: Instant::now(), count: 0 });
        Self { most, held: Arc::default(), recent }
    }

    /// How many may be held at once, and how many are.
    #[must_use]
    pub fn gauges(&self) -> (usize, usize) {
        (self.most, self.held.load(Ordering::Relaxed))
    }

    /// Holds back the refusal of a request that arrived then. `None`: it is answered at once, since refusals are few, since as
    /// many are held as may be, or since the request has waited long enough.
    #[must_use]
    pub fn hold(&self, arrived: Instant) -> Option<HeldRefusal> {
        let (now, until) = (Instant::now(), arrived + HELD_FOR);
        if !self.are_many(now) || now >= until {
            return None;
        }
        let place =
            self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, |held| (held < self.most).then_some(held + 1));
        place.is_ok().then(|| HeldRefusal { held: Arc::clone(&self.held), until })
    }

    /// Counts a refusal, and tells whether there have been many within a second.
    fn are_many(&self, now: Instant) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(recent.since) > Duration::from_secs(1) {
            *recent = Recent { since: now, count: 0 };
        }
        recent.count = recent.count.saturating_add(1);
        recent.count > FREE
    }
}

impl HeldRefusal {
    /// When the refusal is to be answered, for a timer.
    #[must_use]
    pub const fn until(&self) -> Instant {
        self.until
    }
}

impl Drop for HeldRefusal {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Refusals whose free refusals of this second are used up.
    fn busy(most: usize) -> HeldRefusals {
        let refusals = HeldRefusals::new(most);
        refusals.recent.lock().unwrap().since = Instant::now() + Duration::from_secs(3_600);
        for _ in 0..FREE {
            assert!(refusals.hold(Instant::now()).is_none(), "a few are answered at once");
        }
        refusals
    }

    #[test]
    fn many_refusals_are_held_for_less_than_half_a_second_after_their_requests() {
        // A request of a time to come, so that a slow machine holds its refusal all the same.
        let arrived = Instant::now() + Duration::from_secs(3_600);
        let held = busy(8).hold(arrived).unwrap();
        assert_eq!(held.until() - arrived, HELD_FOR);
    }

    #[test]
    fn a_refusal_of_a_request_that_has_waited_already_is_answered_at_once() {
        let arrived = Instant::now().checked_sub(HELD_FOR).unwrap();
        assert!(busy(8).hold(arrived).is_none());
    }

    #[test]
    fn a_bounded_number_is_held_and_one_more_is_answered_at_once() {
        let refusals = busy(2);
        let arrived = Instant::now() + Duration::from_secs(3_600);
        let (first, _second) = (refusals.hold(arrived).unwrap(), refusals.hold(arrived).unwrap());
        assert_eq!(refusals.gauges(), (2, 2));
        assert!(refusals.hold(arrived).is_none());
        drop(first);
        assert!(refusals.hold(arrived).is_some());
    }
}
