//! The rule that slows down password guessing at one account.
//!
//! Five failures cost nothing. Each further failure doubles the wait, from one second to a quarter of an hour. After a
//! hundred failures in a row the account accepts no log-in until an operator unlocks it. Twelve hours without an attempt
//! reset the counter, except at a hundred. Attempts that are still being checked count towards the hundred, so concurrent
//! attempts gain nothing.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

const FREE_FAILURES: u32 = 5;
/// The number of failures in a row that locks the account.
const MAX_FAILURES: u32 = 100;
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);
/// How long failures count after the last one.
const MEMORY: TimeDelta = TimeDelta::hours(12);
/// After this time a pending attempt is considered lost with its process.
const PENDING_FOR: TimeDelta = TimeDelta::seconds(60);

/// The outcome of an admitted log-in attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    Succeeded,
    /// No account has this e-mail address and password.
    Failed,
    /// The attempt could not be checked and does not count.
    Abandoned,
}

/// The failures at one account, from all clients or from one client address that its owner has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounter {
    pub failures: u32,
    pub pending: u32,
    /// When an attempt was last admitted or ended.
    pub last_at: DateTime<Utc>,
}

impl AttemptCounter {
    /// Counts an attempt before it is checked.
    ///
    /// # Errors
    /// The time to wait, if the attempt is not admitted.
    pub fn admit(self, now: DateTime<Utc>) -> Result<Self, Duration> {
        let counter = self.forgetting(now);
        let wait = counter.wait(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        Ok(Self { pending: counter.pending.saturating_add(1), last_at: now, ..counter })
    }

    /// Records the outcome of an admitted attempt.
    #[must_use]
    pub fn record_attempt(self, outcome: LoginOutcome, now: DateTime<Utc>) -> Self {
        let pending = self.pending.saturating_sub(1);
        match outcome {
            LoginOutcome::Succeeded => Self { failures: 0, pending, last_at: now },
            LoginOutcome::Failed => Self { failures: self.failures.saturating_add(1), pending, last_at: now },
            LoginOutcome::Abandoned => Self { pending, ..self },
        }
    }

    /// Whether the last failure is the one that starts the waits, or the one that locks the account.
    #[must_use]
    pub const fn is_burst(self) -> bool {
        matches!(self.failures, FREE_FAILURES | MAX_FAILURES)
    }

    /// Whether the counter may be dropped.
    #[must_use]
    pub fn is_forgotten(self, now: DateTime<Utc>) -> bool {
        let counter = self.forgetting(now);
        counter.failures == 0 && counter.pending == 0
    }

    fn forgetting(self, now: DateTime<Utc>) -> Self {
        let quiet = now - self.last_at;
        Self {
            failures: if quiet > MEMORY && self.failures < MAX_FAILURES { 0 } else { self.failures },
            pending: if quiet > PENDING_FOR { 0 } else { self.pending },
            last_at: self.last_at,
        }
    }

    fn wait(self, now: DateTime<Utc>) -> Duration {
        if self.failures.saturating_add(self.pending) >= MAX_FAILURES {
            return MAX_WAIT;
        }
        let Some(doublings) = self.failures.checked_sub(FREE_FAILURES) else {
            return Duration::ZERO;
        };
        let pause = Duration::from_secs(1u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(MAX_WAIT);
        // After the free failures, only one attempt at a time is admitted.
        let since = if self.pending > 0 { Duration::ZERO } else { (now - self.last_at).to_std().unwrap_or_default() };
        pause.saturating_sub(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn failed(times: u32) -> AttemptCounter {
        AttemptCounter { failures: times, pending: 0, last_at: at(0) }
    }

    #[test]
    fn five_failures_are_free_and_then_the_wait_doubles_to_a_quarter_of_an_hour() {
        let waits: Vec<_> =
            (0..17).map(|times| failed(times).admit(at(0)).err().map_or(0, |wait| wait.as_secs())).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    #[test]
    fn a_wait_ends() {
        assert!(failed(6).admit(at(1)).is_err());
        assert!(failed(6).admit(at(2)).is_ok());
    }

    #[test]
    fn success_and_twelve_quiet_hours_forget() {
        assert_eq!(failed(50).record_attempt(LoginOutcome::Succeeded, at(0)).failures, 0);
        assert!(failed(50).is_forgotten(at(12 * 3600 + 1)));
        assert!(!failed(50).is_forgotten(at(12 * 3600)));
        assert!(!failed(100).is_forgotten(at(1_000_000)), "a closed account stays closed");
    }

    #[test]
    fn an_abandoned_attempt_does_not_count() {
        let counter = failed(4).admit(at(0)).unwrap().record_attempt(LoginOutcome::Abandoned, at(0));
        assert_eq!(counter.failures, 4);
        assert_eq!(counter.pending, 0);
    }

    #[test]
    fn attempts_of_a_process_that_died_are_let_go() {
        let stuck = AttemptCounter { failures: 0, pending: 99, last_at: at(0) };
        assert!(stuck.admit(at(61)).is_ok_and(|counter| counter.pending == 1));
    }

    /// An attacker has at most a hundred attempts a day, however they are timed.
    #[test]
    fn a_day_gives_an_attacker_a_hundred_guesses() {
        for at_once in [1, 10, 1_000] {
            let (mut counter, mut guesses) = (AttemptCounter::default(), 0);
            for second in 0..86_400 {
                let mut admitted = 0;
                while admitted < at_once {
                    let Ok(next) = counter.admit(at(second)) else {
                        break;
                    };
                    counter = next;
                    admitted += 1;
                }
                for _ in 0..admitted {
                    counter = counter.record_attempt(LoginOutcome::Failed, at(second));
                }
                guesses += admitted;
            }
            assert!(guesses <= 100, "{guesses} guesses, {at_once} at once");
        }
    }

    /// An owner who logs in from many windows at once is admitted.
    #[test]
    fn right_passwords_at_once_are_all_let_in() {
        let mut counter = AttemptCounter::default();
        for _ in 0..50 {
            counter = counter.admit(at(0)).unwrap();
        }
        for _ in 0..50 {
            counter = counter.record_attempt(LoginOutcome::Succeeded, at(0));
        }
        assert!(counter.is_forgotten(at(0)));
    }
}
