//! Admission control by time: whether a piece of work is admitted is decided before any of it is done, by how long the work
//! that was admitted before it will take.
//!
//! A queue of a fixed length keeps callers waiting for too long where the work is slow, and refuses what could be served where
//! it is fast. Here as many are admitted as can be served within a time, at the pace of late. A burst may wait for long; a
//! queue that does not empty only makes every caller wait, so then fewer are admitted (the idea of CoDel, RFC 8289). The
//! others wait briefly for admission, and are refused while their callers still care.

use crate::Refusal;
use app::clock::Deadline;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

/// How much a new measurement counts beside those before.
const WEIGHT: f64 = 0.15;

#[derive(Clone, Copy, Debug)]
pub struct AdmissionOptions {
    /// How many pieces of work are computed at once, each on a CPU of its own; at least one.
    pub cpus: usize,
    /// How many are admitted or wait for admission at most.
    pub most: usize,
    /// How many are admitted at least, however slow the work is.
    pub least: usize,
    /// The time between the ends of two pieces of work, until it has been measured.
    pub pace: Duration,
    /// How long the work of a burst may take.
    pub burst: Duration,
    /// How long the admitted work may take once others have waited for longer than [`Self::settles`].
    pub standing: Duration,
    /// For how long others wait, without a pause, until they are taken for more than a burst.
    pub settles: Duration,
    /// How long a caller waits for admission.
    pub max_wait: Duration,
}

/// How many are admitted, and how many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionGauges {
    pub admitted: usize,
    /// How many wait for admission.
    pub waiting: usize,
}

/// Decides which work is admitted.
pub struct Admission(Arc<Mutex<State>>);

/// The right to have one piece of work done. Dropping it admits the next one.
pub struct Admitted(Option<Arc<Mutex<State>>>);

struct State {
    options: AdmissionOptions,
    admitted: usize,
    waiting: VecDeque<oneshot::Sender<Admitted>>,
    /// Since when callers have been waiting or refused, without a pause.
    crowded_since: Option<Instant>,
    /// The seconds between the ends of two pieces of work.
    pace: f64,
}

impl State {
    /// How many may be admitted at once.
    fn limit(&self, now: Instant) -> usize {
        let AdmissionOptions { burst, standing, settles, .. } = self.options;
        let is_standing = self.crowded_since.is_some_and(|since| now.saturating_duration_since(since) > settles);
        self.fits(if is_standing { standing } else { burst })
    }

    /// How many can be served within a time, at the pace of late.
    fn fits(&self, time: Duration) -> usize {
        let AdmissionOptions { least, most, .. } = self.options;
        let mut fits = least.min(most).max(1);
        // Counted up, because a conversion of a float to an integer may cut or saturate.
        while fits < most && self.pace * (fits + 1) as f64 <= time.as_secs_f64() {
            fits += 1;
        }
        fits
    }

    /// Admits as many of those that wait as may be admitted.
    fn admit_waiting(&mut self, state: &Arc<Mutex<Self>>, now: Instant) {
        let limit = self.limit(now);
        while self.admitted < limit
            && let Some(waiter) = self.waiting.pop_front()
        {
            match waiter.send(Admitted(Some(Arc::clone(state)))) {
                Ok(()) => self.admitted += 1,
                // The waiter has gone. What it would have got was never counted.
                Err(mut unclaimed) => drop(unclaimed.0.take()),
            }
        }
        if self.waiting.is_empty() && self.admitted < self.fits(self.options.standing) {
            self.crowded_since = None;
        }
    }
}

impl Admission {
    #[must_use]
    pub fn new(options: AdmissionOptions) -> Self {
        let pace = options.pace.as_secs_f64();
        Self(Arc::new(Mutex::new(State { options, admitted: 0, waiting: VecDeque::new(), crowded_since: None, pace })))
    }

    #[must_use]
    pub fn gauges(&self) -> AdmissionGauges {
        let state = lock(&self.0);
        let waiting = state.waiting.iter().filter(|waiter| !waiter.is_closed()).count();
        AdmissionGauges { admitted: state.admitted, waiting }
    }

    /// Admits the caller, perhaps after a wait.
    ///
    /// # Errors
    /// [`Refusal::QueueFull`] where too many wait already, [`Refusal::QueuedTooLong`] after the longest wait, and
    /// [`Refusal::DeadlinePassed`].
    ///
    /// # Cancel safety
    /// Dropping the future gives up the caller's place in the queue.
    pub async fn enter(&self, by: Deadline) -> Result<Admitted, Refusal> {
        if by.has_passed() {
            return Err(Refusal::DeadlinePassed);
        }
        let now = Instant::now();
        let (mut place, until) = {
            let mut state = lock(&self.0);
            state.admit_waiting(&self.0, now);
            if state.waiting.is_empty() && state.admitted < state.limit(now) {
                state.admitted += 1;
                return Ok(Admitted(Some(Arc::clone(&self.0))));
            }
            state.crowded_since.get_or_insert(now);
            state.waiting.retain(|waiter| !waiter.is_closed());
            if state.admitted + state.waiting.len() >= state.options.most {
                return Err(Refusal::QueueFull);
            }
            let (waiter, place) = oneshot::channel();
            state.waiting.push_back(waiter);
            (place, now + state.options.max_wait)
        };
        let until = until.min(by.instant());
        if let Ok(Ok(admitted)) = timeout_at(until.into(), &mut place).await {
            return Ok(admitted);
        }
        place.close();
        place.try_recv().map_err(|_| if by.has_passed() { Refusal::DeadlinePassed } else { Refusal::QueuedTooLong })
    }

    /// Takes note of how long a piece of work has taken that began while `busy` pieces were under way or waited, itself
    /// included.
    pub fn measured(&self, elapsed: Duration, busy: usize) {
        let mut state = lock(&self.0);
        // Work that had a CPU to itself tells how fast all of them together are.
        let pace = elapsed.as_secs_f64() / busy.max(state.options.cpus).max(1) as f64;
        state.pace += WEIGHT * (pace - state.pace);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            let mut state = lock(&shared);
            state.admitted = state.admitted.saturating_sub(1);
            state.admit_waiting(&shared, Instant::now());
        }
    }
}

fn lock(state: &Arc<Mutex<State>>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const OPTIONS: AdmissionOptions = AdmissionOptions {
        cpus: 1,
        most: 8,
        least: 1,
        pace: Duration::from_millis(100),
        burst: Duration::from_millis(650),
        standing: Duration::from_millis(250),
        settles: LONG,
        max_wait: LONG,
    };

    fn by() -> Deadline {
        Deadline::within(LONG)
    }

    async fn enter(admission: &Admission, count: usize) -> Vec<Admitted> {
        let mut admitted = Vec::new();
        for _ in 0..count {
            admitted.push(admission.enter(by()).await.ok().unwrap());
        }
        admitted
    }

    #[expect(clippy::disallowed_methods, reason = "a test has one runtime")]
    fn wait_for_admission(admission: &Arc<Admission>) -> tokio::task::JoinHandle<Result<Admitted, Refusal>> {
        let admission = Arc::clone(admission);
        tokio::spawn(async move { admission.enter(by()).await })
    }

    async fn until_waiting(admission: &Admission, waiting: usize) {
        let patience = Deadline::within(LONG);
        while admission.gauges().waiting != waiting {
            assert!(!patience.has_passed(), "{:?}", admission.gauges());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    #[tokio::test]
    async fn as_many_are_admitted_as_a_burst_may_take_and_the_next_when_one_has_ended() {
        let admission = Arc::new(Admission::new(OPTIONS));
        let mut admitted = enter(&admission, 6).await;
        let (seventh, eighth) = (wait_for_admission(&admission), wait_for_admission(&admission));
        until_waiting(&admission, 2).await;
        assert_eq!(admission.gauges(), AdmissionGauges { admitted: 6, waiting: 2 });
        assert_eq!(admission.enter(by()).await.err(), Some(Refusal::QueueFull), "beyond the bound");

        admitted.pop();
        let seventh = seventh.await.unwrap().ok().unwrap();
        assert_eq!(admission.gauges(), AdmissionGauges { admitted: 6, waiting: 1 });
        drop(admitted);
        drop(seventh);
        drop(eighth.await.unwrap().ok().unwrap());
        assert_eq!(admission.gauges(), AdmissionGauges { admitted: 0, waiting: 0 });
    }

    #[tokio::test]
    async fn while_the_queue_does_not_empty_fewer_are_admitted_and_afterwards_a_burst_again() {
        let admission = Arc::new(Admission::new(AdmissionOptions { settles: Duration::ZERO, ..OPTIONS }));
        let mut admitted = enter(&admission, 6).await;
        let waiter = wait_for_admission(&admission);
        until_waiting(&admission, 1).await;
        while admitted.len() > 2 {
            admitted.pop();
            until_waiting(&admission, 1).await;
        }
        assert_eq!(admission.gauges(), AdmissionGauges { admitted: 2, waiting: 1 }, "250 ms allow for two");
        admitted.pop();
        let waiter = waiter.await.unwrap().ok().unwrap();
        assert_eq!(admission.gauges(), AdmissionGauges { admitted: 2, waiting: 0 });

        drop(admitted);
        drop(waiter);
        drop(enter(&admission, 6).await);
    }

    #[tokio::test]
    async fn who_waits_too_long_is_refused_and_leaves_no_trace() {
        let options = AdmissionOptions { max_wait: Duration::from_millis(20), ..OPTIONS };
        let admission = Admission::new(options);
        let admitted = enter(&admission, 6).await;
        assert_eq!(admission.enter(by()).await.err(), Some(Refusal::QueuedTooLong));
        let passed = admission.enter(Deadline::within(Duration::from_millis(5))).await;
        assert_eq!(passed.err(), Some(Refusal::DeadlinePassed));
        assert_eq!(admission.gauges(), AdmissionGauges { admitted: 6, waiting: 0 });
        drop(admitted);
        assert_eq!(admission.gauges(), AdmissionGauges { admitted: 0, waiting: 0 });
        drop(enter(&admission, 6).await);
    }

    #[tokio::test]
    async fn the_slower_the_work_the_fewer_are_admitted_but_always_the_least_number() {
        let admission = Admission::new(AdmissionOptions { least: 3, max_wait: Duration::ZERO, ..OPTIONS });
        for _ in 0..100 {
            admission.measured(Duration::from_millis(600), 4);
        }
        let four = enter(&admission, 4).await;
        assert_eq!(admission.enter(by()).await.err(), Some(Refusal::QueuedTooLong), "150 ms each");
        drop(four);
        for _ in 0..100 {
            admission.measured(LONG, 1);
        }
        let three = enter(&admission, 3).await;
        assert_eq!(admission.enter(by()).await.err(), Some(Refusal::QueuedTooLong));
        drop(three);
        for _ in 0..100 {
            admission.measured(Duration::from_millis(1), 1);
        }
        drop(enter(&admission, 8).await);
    }
}
