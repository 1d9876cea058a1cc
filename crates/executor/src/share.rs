//! The share of the CPU that work gets which computes for long.
//!
//! A thread of low priority gives way to everything, and gets nothing on a machine that never rests. A thread of usual
//! priority gets its part, and keeps others waiting for whole time slices. So such work runs at the usual priority and calls
//! [`give_way`] every fraction of a millisecond: the thread lets those go first that wait for the CPU, unless it has had less
//! than its share.

use rustix::time::{ClockId, clock_gettime};
use std::cell::RefCell;
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread computes between two looks at whether others wait.
const TURN: Duration = Duration::from_micros(200);

/// The time over which a share is reckoned: short beside what a person notices, long beside the kernel's time slices.
const WINDOW: Duration = Duration::from_millis(100);

thread_local! {
    static SHARE: RefCell<Option<Share>> = const { RefCell::new(None) };
}

/// The calling thread's CPU time.
#[must_use]
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// How much of a CPU a thread has had of late.
struct Share {
    /// The part of a CPU up to which the thread does not give way.
    least: f64,
    /// When the current turn began.
    turn: Instant,
    /// Since when the share is reckoned, and the thread's CPU time then.
    since: (Instant, Duration),
}

impl Share {
    fn new(least: f64) -> Self {
        let now = Instant::now();
        Self { least, turn: now, since: (now, thread_cpu_time()) }
    }

    /// Forgets the time in which there was no work.
    fn begin(&mut self) {
        *self = Self::new(self.least);
    }

    /// Whether the thread has had more than its least share. Older times count less.
    fn is_beyond(&mut self, now: Instant, cpu: Duration) -> bool {
        let (since, before) = self.since;
        let (elapsed, used) = (now.saturating_duration_since(since), cpu.saturating_sub(before));
        if elapsed > WINDOW {
            self.since = (since + elapsed / 2, before + used / 2);
        }
        used > elapsed.mul_f64(self.least)
    }

    fn give_way(&mut self) {
        let now = Instant::now();
        if now.saturating_duration_since(self.turn) < TURN {
            return;
        }
        if self.is_beyond(now, thread_cpu_time()) {
            thread::yield_now();
            self.turn = Instant::now();
        } else {
            self.turn = now;
        }
    }
}

/// Lets threads go first that wait for the CPU, unless this thread has had less than its share. Work on an executor's thread
/// calls it at least every tenth of a millisecond or so; it costs some 30 ns. Elsewhere it does nothing.
pub fn give_way() {
    SHARE.with_borrow_mut(|share| {
        if let Some(share) = share {
            share.give_way();
        }
    });
}

/// Sets the least share of the calling thread, a fraction of one CPU.
pub(crate) fn set(least: f64) {
    SHARE.set(Some(Share::new(least)));
}

/// Begins the reckoning anew, before a piece of work.
pub(crate) fn begin() {
    SHARE.with_borrow_mut(|share| {
        if let Some(share) = share {
            share.begin();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_reckoned_over_the_time_since_the_work_began_and_older_time_counts_less() {
        let mut share = Share::new(0.5);
        let (begun, cpu) = share.since;
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        let used = |milliseconds| cpu + Duration::from_millis(milliseconds);
        assert!(!share.is_beyond(at(10), used(5)), "half of the CPU is no more than half");
        assert!(share.is_beyond(at(10), used(6)));
        assert!(share.is_beyond(at(200), used(150)), "three quarters");
        // Half of what was before is forgotten: 75 ms in 100 ms are left, to which nothing was added.
        assert!(share.is_beyond(at(249), used(150)));
        assert!(!share.is_beyond(at(300), used(150)));
    }

    #[test]
    fn a_thread_that_has_no_share_set_does_not_give_way() {
        give_way();
        begin();
        assert!(SHARE.with_borrow(Option::is_none));
    }

    #[test]
    fn a_threads_cpu_time_grows_with_its_work_and_not_with_its_sleep() {
        let before = thread_cpu_time();
        thread::sleep(Duration::from_millis(50));
        let slept = thread_cpu_time();
        assert!(slept - before < Duration::from_millis(40), "{:?}", slept - before);
        let patience = Instant::now() + Duration::from_secs(60);
        while thread_cpu_time() - slept < Duration::from_millis(20) {
            assert!(Instant::now() < patience, "the CPU time stands still");
        }
    }
}
