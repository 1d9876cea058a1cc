//! Executors whose threads compute for long and keep nothing between two jobs.

use crate::{Bounds, Executor, IfAbandoned, Refusal, ThreadState, share};
use app::clock::Deadline;
use domain::error::{Error, ErrorCode};
use std::io;
use std::thread;
use std::time::Duration;

/// When a refused caller may come again: a queue that was full a moment ago has room after a few jobs.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How many threads an executor has, and how long jobs wait.
#[derive(Clone, Copy, Debug)]
pub struct ExecutorOptions {
    /// The threads' name, to which their number is added.
    pub name: &'static str,
    /// How many jobs run at once; at least one.
    pub threads: usize,
    /// How many jobs wait at most.
    pub queue: usize,
    /// How long a job waits at most.
    pub max_wait: Duration,
    /// The part of a CPU up to which a thread does not [give way](crate::give_way).
    pub share: f64,
}

impl ThreadState for () {
    fn after_panic(&mut self) {
        tracing::error!(thread = thread::current().name(), "a job panicked");
    }
}

impl Executor {
    /// Starts the threads.
    ///
    /// # Errors
    /// That the operating system gives no thread.
    pub fn start(options: ExecutorOptions) -> io::Result<Self> {
        let ExecutorOptions { name, threads, queue, max_wait, share } = options;
        let bounds = Bounds { threads, queue, max_wait, max_run: None };
        Self::with_state(name, bounds, move || share::set(share))
    }

    /// Runs a job on one of the threads and waits for what it returns. The job's events belong to the caller's span.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`] where the queue is full or the job has waited its longest,
    /// [`ErrorCode::DeadlineExceeded`] where `by` passed before it began, [`ErrorCode::Internal`] where it panicked.
    ///
    /// # Cancel safety
    /// Dropping the future takes back a job that has not begun. A job that has begun runs to its end.
    pub async fn run<T: Send + 'static>(
        &self,
        by: Deadline,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let span = tracing::Span::current();
        let answer = self.execute(by, IfAbandoned::Skip, move |()| {
            share::begin();
            span.in_scope(work)
        });
        let answer = answer.await;
        answer.map_err(|refusal| match refusal {
            Refusal::QueueFull | Refusal::QueuedTooLong => Error::overloaded(RETRY_AFTER),
            Refusal::DeadlinePassed => ErrorCode::DeadlineExceeded.into(),
            Refusal::NoAnswer | Refusal::Closed | Refusal::Panicked => Error::internal(refusal),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExecutorGauges;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(30);

    fn executor(queue: usize, max_wait: Duration) -> Executor {
        Executor::start(ExecutorOptions { name: "test", threads: 1, queue, max_wait, share: 0.3 }).unwrap()
    }

    /// Keeps the executor's only thread busy until the returned sender is dropped.
    async fn occupy(executor: &Arc<Executor>) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        submit(executor, Deadline::within(LONG), move || {
            let _ = released.recv();
        });
        until(|| executor.gauges().in_use == 1).await;
        release
    }

    #[expect(clippy::disallowed_methods, reason = "a test has one runtime")]
    fn submit<T: Send + 'static>(
        executor: &Arc<Executor>,
        by: Deadline,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<T, Error>> {
        let executor = Arc::clone(executor);
        tokio::spawn(async move { executor.run(by, work).await })
    }

    async fn until(condition: impl Fn() -> bool) {
        let patience = Deadline::within(LONG);
        while !condition() {
            assert!(!patience.has_passed(), "it never came");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn code<T>(outcome: Result<T, Error>) -> ErrorCode {
        outcome.err().unwrap().code()
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_says_when_to_come_again() {
        let executor = Arc::new(executor(1, LONG));
        let release = occupy(&executor).await;
        let queued = submit(&executor, Deadline::within(LONG), || "done");
        until(|| executor.gauges().waiting == 1).await;
        let busy = ExecutorGauges { threads: 1, in_use: 1, waiting: 1 };
        assert_eq!(executor.gauges(), busy);

        let refused = executor.run(Deadline::within(LONG), || ()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Overloaded);
        assert_eq!(refused.retry_after(), Some(RETRY_AFTER));

        drop(release);
        assert_eq!(queued.await.unwrap().unwrap(), "done");
    }

    #[tokio::test]
    async fn a_job_that_has_waited_its_longest_is_refused_and_never_runs() {
        let executor = Arc::new(executor(8, Duration::from_millis(40)));
        let release = occupy(&executor).await;
        let ran = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&ran);
        let asked = Instant::now();
        let outcome = executor.run(Deadline::within(LONG), move || mark.store(true, Ordering::SeqCst)).await;
        assert_eq!(code(outcome), ErrorCode::Overloaded);
        assert!(asked.elapsed() >= Duration::from_millis(40));

        drop(release);
        executor.run(Deadline::within(LONG), || ()).await.unwrap();
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_job_past_its_deadline_or_without_a_caller_never_runs() {
        let executor = Arc::new(executor(8, LONG));
        let release = occupy(&executor).await;
        let ran = Arc::new(AtomicUsize::new(0));
        let (late, deserted) = (Arc::clone(&ran), Arc::clone(&ran));
        let outcome = executor
            .run(Deadline::within(Duration::from_millis(20)), move || late.fetch_add(1, Ordering::SeqCst))
            .await;
        assert_eq!(code(outcome), ErrorCode::DeadlineExceeded);
        let caller = submit(&executor, Deadline::within(LONG), move || deserted.fetch_add(1, Ordering::SeqCst));
        until(|| executor.gauges().waiting == 2).await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());

        drop(release);
        executor.run(Deadline::within(LONG), || ()).await.unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_job_and_costs_no_thread() {
        let executor = executor(8, LONG);
        let by = Deadline::within(LONG);
        assert_eq!(code(executor.run(by, || panic!("on purpose")).await), ErrorCode::Internal);
        assert_eq!(executor.run(by, || 7).await.unwrap(), 7);
        until(|| executor.gauges().in_use == 0).await;
    }

    #[tokio::test]
    async fn threads_end_with_the_executor() {
        let executor = executor(8, LONG);
        let held_by_threads = Arc::downgrade(&executor.in_use);
        drop(executor);
        until(|| held_by_threads.strong_count() == 0).await;
    }
}
