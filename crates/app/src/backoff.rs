//! How long a worker waits before it tries again what has failed.

use chrono::TimeDelta;

/// More doublings than that take any wait past its limit.
const MAX_DOUBLINGS: u32 = 16;

/// A wait that doubles with each failure, up to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// The wait after the first failure.
    pub(crate) first: TimeDelta,
    pub(crate) longest: TimeDelta,
}

impl Backoff {
    /// The wait after a failure when there have been this many before.
    pub(crate) fn wait(self, failures: u32) -> TimeDelta {
        let factor = 2_i32.saturating_pow(failures.min(MAX_DOUBLINGS));
        self.first.checked_mul(factor).map_or(self.longest, |wait| wait.min(self.longest))
    }

    /// The same wait, up to a fifth shorter or longer depending on the seed: what failed together is then not tried again
    /// together.
    pub(crate) fn jittered_wait(self, failures: u32, seed: u64) -> TimeDelta {
        let share = i32::try_from(seed.rotate_left(failures.wrapping_mul(7)) % 401).unwrap_or(200);
        self.wait(failures) * (800 + share) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_the_limit() {
        let backoff = Backoff { first: TimeDelta::seconds(5), longest: TimeDelta::hours(1) };
        assert_eq!([0, 1, 2].map(|failures| backoff.wait(failures)), [5, 10, 20].map(TimeDelta::seconds));
        assert_eq!([30, u32::MAX].map(|failures| backoff.wait(failures)), [TimeDelta::hours(1); 2]);
    }
}
