//! The turns of reads that may take long: a search through all names, a count, a page far inside a list.
//!
//! Such reads wait for each other here, and not in the queue of the threads, so that some of them at once leave threads for
//! all that is quick.

use crate::options::QUEUE_TIMEOUT;
use app::clock::Deadline;
use executor::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

pub(super) struct LongReads {
    turns: Arc<Semaphore>,
    /// How many wait.
    waiting: AtomicUsize,
    /// How many may wait.
    queue: usize,
}

/// The right to hold one of the threads for long.
pub(super) type Turn = OwnedSemaphorePermit;

/// Counts a caller for as long as it waits, however the wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LongReads {
    /// For this many threads: half of them. A single one does everything.
    pub(super) fn new(threads: usize, queue: usize) -> Self {
        let turns = Arc::new(Semaphore::new((threads / 2).max(1)));
        Self { turns, waiting: AtomicUsize::new(0), queue }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits for a turn, as long as a job waits for a thread.
    pub(super) async fn turn(&self, by: Deadline) -> Result<Turn, Refusal> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.queue {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::QueueFull);
        }
        let _waiting = Waiting(&self.waiting);
        let end = by.instant().min(Instant::now() + QUEUE_TIMEOUT);
        match timeout_at(end.into(), Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_closed)) => Err(Refusal::Closed),
            Err(_elapsed) if by.has_passed() => Err(Refusal::DeadlinePassed),
            Err(_elapsed) => Err(Refusal::QueuedTooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn by() -> Deadline {
        Deadline::within(Duration::from_secs(60))
    }

    #[tokio::test]
    async fn half_of_the_threads_may_be_held_and_one_of_one() {
        for (threads, turns) in [(16, 8), (5, 2), (4, 2), (2, 1), (1, 1)] {
            assert_eq!(LongReads::new(threads, 8).turns.available_permits(), turns, "{threads} threads");
        }
    }

    #[tokio::test]
    async fn a_bounded_number_waits_and_who_gives_up_leaves_no_trace() {
        let reads = LongReads::new(1, 1);
        let held = reads.turn(by()).await.unwrap();
        let mut waiter = Box::pin(reads.turn(by()));
        tokio::select! {
            biased;
            _ = &mut waiter => panic!("there is one turn"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(reads.waiting(), 1);
        assert_eq!(reads.turn(by()).await.err(), Some(Refusal::QueueFull));
        drop(waiter);
        assert_eq!(reads.waiting(), 0);
        let passed = reads.turn(Deadline::within(Duration::from_millis(5))).await;
        assert_eq!(passed.err(), Some(Refusal::DeadlinePassed));
        drop(held);
        assert!(reads.turn(by()).await.is_ok());
    }
}
