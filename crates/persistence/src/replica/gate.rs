//! Whether a replica is used: how far it lags, and whether it answers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How many heartbeats are remembered. A replica that shows an older one lags further than any limit allows.
const REMEMBERED: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not known yet.
    Starting,
    Used,
    LeftOut,
}

/// Whether a read may go to the replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Open,
    /// The replica lacks what this read must see.
    NotYet,
    LeftOut,
}

struct Inner {
    state: State,
    /// Heartbeats that the primary has, and when the writing of each began.
    beats: VecDeque<(String, Instant)>,
    /// When the writing of the last heartbeat began that the replica has: everything that was committed before that moment is
    /// on the replica.
    current_to: Option<Instant>,
    opened: Instant,
}

/// Decides whether a replica is used, by the heartbeats that it shows.
///
/// Times are this process's own: the writing of a heartbeat began at a known moment, and whatever was committed before that
/// moment precedes the heartbeat on the replica. So no clock of any other machine counts.
pub(super) struct Gate {
    max_lag: Duration,
    inner: Mutex<Inner>,
    is_used: watch::Sender<bool>,
}

impl Gate {
    pub(super) fn new(max_lag: Duration, now: Instant) -> Self {
        let inner = Inner { state: State::Starting, beats: VecDeque::new(), current_to: None, opened: now };
        Self { max_lag, inner: Mutex::new(inner), is_used: watch::Sender::new(false) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a heartbeat that the primary has committed.
    pub(super) fn beat(&self, mark: String, begun: Instant) {
        let mut inner = self.inner();
        inner.beats.push_back((mark, begun));
        if inner.beats.len() > REMEMBERED {
            inner.beats.pop_front();
        }
    }

    /// Records which heartbeat the replica shows.
    pub(super) fn shown(&self, mark: Option<&str>, now: Instant) {
        let mut inner = self.inner();
        if let Some(place) = inner.beats.iter().position(|(beat, _)| Some(beat.as_str()) == mark) {
            inner.current_to = inner.beats.get(place).map(|(_, begun)| *begun);
            inner.beats.drain(..place);
        }
        let lag = inner.lag(now);
        // Some way below the limit, so that a replica at the limit is not used and left out again and again.
        if inner.state != State::Used && inner.current_to.is_some() && lag <= self.max_lag * 3 / 4 {
            inner.state = State::Used;
            self.is_used.send_replace(true);
            tracing::info!(lag_ms = millis(lag), "the replica is used");
        }
        self.leave_out_if_late(&mut inner, now);
    }

    /// Leaves the replica out until it shows a heartbeat that is recent enough.
    pub(super) fn failed(&self, reason: &str) {
        self.leave_out(&mut self.inner(), reason);
    }

    /// Whether a read may go to the replica that must see everything that was committed before `includes`.
    pub(super) fn entry(&self, includes: Option<Instant>, now: Instant) -> Entry {
        let mut inner = self.inner();
        self.leave_out_if_late(&mut inner, now);
        match (inner.state, includes) {
            (State::Starting | State::LeftOut, _) => Entry::LeftOut,
            (State::Used, Some(includes)) if inner.current_to.is_none_or(|current| current < includes) => Entry::NotYet,
            (State::Used, _) => Entry::Open,
        }
    }

    fn leave_out_if_late(&self, inner: &mut Inner, now: Instant) {
        if inner.lag(now) > self.max_lag {
            let reason = if inner.current_to.is_some() {
                "it lags further behind the primary than database.max_replica_lag_seconds allows"
            } else {
                "nothing that was written on the primary has come to it yet"
            };
            self.leave_out(inner, reason);
        }
    }

    fn leave_out(&self, inner: &mut Inner, reason: &str) {
        if std::mem::replace(&mut inner.state, State::LeftOut) != State::LeftOut {
            self.is_used.send_replace(false);
            let lag_ms = millis(inner.lag(Instant::now()));
            tracing::warn!(reason, lag_ms, "the replica is left out; the primary answers in its place");
        }
    }

    pub(super) fn is_used(&self) -> bool {
        self.inner().state == State::Used
    }

    /// How long ago everything was committed that the replica is known to have.
    pub(super) fn lag(&self, now: Instant) -> Duration {
        self.inner().lag(now)
    }

    /// Returns when the replica is left out.
    pub(super) async fn left_out(&self) {
        // The sender lives as long as `self`.
        let _ = self.is_used.subscribe().wait_for(|is_used| !is_used).await;
    }
}

impl Inner {
    fn lag(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.current_to.unwrap_or(self.opened))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_LAG: Duration = Duration::from_secs(4);

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    /// A gate whose replica shows the heartbeat `b1`, which began at the start.
    fn used(start: Instant) -> Gate {
        let gate = Gate::new(MAX_LAG, start);
        assert_eq!(gate.entry(None, start), Entry::LeftOut, "nothing is known yet");
        gate.beat("b1".to_owned(), start);
        gate.shown(Some("b1"), at(start, 10));
        assert_eq!(gate.entry(None, at(start, 10)), Entry::Open);
        gate
    }

    #[test]
    fn a_replica_is_used_for_as_long_as_its_last_heartbeat_is_young() {
        let start = Instant::now();
        let gate = used(start);
        assert_eq!(gate.entry(None, at(start, 4_000)), Entry::Open);
        assert_eq!(gate.entry(None, at(start, 4_001)), Entry::LeftOut, "nobody has looked at it, and it may lag");
        gate.beat("b2".to_owned(), at(start, 4_000));
        gate.shown(Some("b1"), at(start, 4_500));
        assert_eq!(gate.entry(None, at(start, 4_500)), Entry::LeftOut);
        gate.shown(Some("b2"), at(start, 7_500));
        assert_eq!(gate.entry(None, at(start, 7_500)), Entry::LeftOut, "close to the limit");
        gate.beat("b3".to_owned(), at(start, 7_000));
        gate.shown(Some("b3"), at(start, 8_000));
        assert_eq!(gate.entry(None, at(start, 8_000)), Entry::Open);
        assert_eq!(gate.lag(at(start, 8_000)), Duration::from_secs(1));
    }

    #[test]
    fn a_replica_that_fails_is_left_out_until_it_shows_a_heartbeat() {
        let start = Instant::now();
        let gate = used(start);
        gate.failed("the connection was lost");
        assert_eq!(gate.entry(None, at(start, 20)), Entry::LeftOut);
        gate.shown(Some("b1"), at(start, 30));
        assert_eq!(gate.entry(None, at(start, 30)), Entry::Open);
    }

    #[test]
    fn a_replica_that_shows_no_heartbeat_of_this_server_is_not_used() {
        let start = Instant::now();
        let gate = Gate::new(MAX_LAG, start);
        gate.beat("b1".to_owned(), start);
        gate.shown(None, at(start, 10));
        assert_eq!(gate.entry(None, at(start, 10)), Entry::LeftOut);
        gate.shown(Some("of another life"), at(start, 5_000));
        assert_eq!(gate.entry(None, at(start, 5_000)), Entry::LeftOut);
        assert_eq!(gate.lag(at(start, 5_000)), Duration::from_secs(5));
    }

    #[test]
    fn what_was_committed_after_the_last_heartbeat_is_not_taken_for_there() {
        let start = Instant::now();
        let gate = used(start);
        gate.beat("b2".to_owned(), at(start, 500));
        assert_eq!(gate.entry(Some(at(start, 400)), at(start, 600)), Entry::NotYet);
        gate.shown(Some("b2"), at(start, 600));
        assert_eq!(gate.entry(Some(at(start, 400)), at(start, 600)), Entry::Open);
    }
}
