//! A few threads behind one bounded queue, for work that computes for long: password hashes, decoding of images.
//!
//! On the threads of the async runtime such work would delay every other request; the runtime's own pool for blocking work
//! has no bound on what waits. A job that cannot begin in time is refused with `overloaded`.
//!
//! Start with [`Executor::run`].

use app::clock::Deadline;
use crossbeam_channel::{Receiver, Sender, bounded};
use domain::error::{Error, ErrorCode};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;
use thread_priority::{ThreadPriority, ThreadPriorityValue};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// When a refused caller may come again: a queue that was full a moment ago has room after a few jobs.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The lowest priority that Unix knows, as a nice value.
const MAX_NICE: u8 = 19;

type Job = Box<dyn FnOnce() + Send>;

/// How a executor is laid out.
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
    /// The threads' nice value, 0 (as the rest of the process) to 19 (yields to everything).
    pub nice: u8,
}

/// How busy a executor is at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutorGauges {
    /// How many threads it has.
    pub threads: usize,
    /// How many of them have a job.
    pub in_use: usize,
    /// How many jobs wait for a thread.
    pub waiting: usize,
}

/// A few threads behind one bounded queue. Dropping it lets the threads finish what waits, and end.
pub struct Executor {
    queue: Sender<Job>,
    max_wait: Duration,
    threads: usize,
    in_use: Arc<AtomicUsize>,
}

impl Executor {
    /// Starts the threads.
    ///
    /// # Errors
    /// That the operating system gives no thread.
    pub fn start(options: ExecutorOptions) -> io::Result<Self> {
        let (queue, jobs) = bounded(options.queue);
        let executor =
            Self { queue, max_wait: options.max_wait, threads: options.threads.max(1), in_use: Arc::default() };
        let refused = Arc::new(Once::new());
        for number in 0..executor.threads {
            let (jobs, in_use, refused) = (jobs.clone(), Arc::clone(&executor.in_use), Arc::clone(&refused));
            thread::Builder::new().name(format!("{}-{number}", options.name)).spawn(move || {
                lower_priority(options.nice, &refused);
                work_off(&jobs, &in_use);
            })?;
        }
        Ok(executor)
    }

    /// Runs a job on the executor and waits for what it returns. The job's events belong to the caller's span.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`] where the queue is full or the job has waited its longest,
    /// [`ErrorCode::DeadlineExceeded`] where `by` passed before it began, [`ErrorCode::Internal`] where it panicked.
    ///
    /// # Cancel safety
    /// Dropping the future takes back a job that has not begun; one that has begun runs to its end unheard.
    pub async fn run<T: Send + 'static>(
        &self,
        by: Deadline,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (start, started) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let span = tracing::Span::current();
        let job = move || {
            // The signal fails where the caller has gone.
            if !by.has_passed() && start.send(()).is_ok() {
                // Nobody hears the answer where the caller went during the work.
                let _ = reply.send(span.in_scope(work));
            }
        };
        self.queue.try_send(Box::new(job)).map_err(|_refused| Error::overloaded(RETRY_AFTER))?;
        match timeout(self.max_wait.min(by.remaining()), started).await {
            Ok(Ok(())) => answer.await.map_err(|_| Error::internal("a job on the executor panicked")),
            _ if by.has_passed() => Err(ErrorCode::DeadlineExceeded.into()),
            _ => Err(Error::overloaded(RETRY_AFTER)),
        }
    }

    /// How busy the executor is.
    pub fn gauges(&self) -> ExecutorGauges {
        ExecutorGauges { threads: self.threads, in_use: self.in_use.load(Ordering::Relaxed), waiting: self.queue.len() }
    }
}

fn work_off(jobs: &Receiver<Job>, in_use: &AtomicUsize) {
    for job in jobs {
        in_use.fetch_add(1, Ordering::Relaxed);
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!(thread = thread::current().name(), "a job panicked");
        }
        in_use.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lower_priority(nice: u8, refused: &Once) {
    if let Err(error) = priority_of(nice).set_for_current() {
        refused.call_once(|| tracing::warn!(nice, %error, "thread priority not lowered"));
    }
}

/// The crate counts priorities from 0 to 99 and spreads the 39 steps of nice over them, cutting off fractions. Taking
/// the middle of a step's share keeps clear of the cut.
fn priority_of(nice: u8) -> ThreadPriority {
    let twice_above_lowest = 2 * u32::from(MAX_NICE.saturating_sub(nice));
    let value = twice_above_lowest.saturating_sub(1) * u32::from(*ThreadPriorityValue::MAX) / (2 * 39);
    u8::try_from(value)
        .ok()
        .and_then(|value| ThreadPriorityValue::try_from(value).ok())
        .map_or(ThreadPriority::Min, ThreadPriority::Crossplatform)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc;
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(30);

    fn executor(queue: usize, max_wait: Duration) -> Executor {
        Executor::start(ExecutorOptions { name: "test", threads: 1, queue, max_wait, nice: 10 }).unwrap()
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
    async fn threads_end_with_the_lane() {
        let executor = executor(8, LONG);
        let held_by_threads = Arc::downgrade(&executor.in_use);
        drop(executor);
        until(|| held_by_threads.strong_count() == 0).await;
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_nice_value_is_what_the_kernel_shows() {
        for nice in [10, 15, MAX_NICE] {
            let shown = thread::spawn(move || {
                priority_of(nice).set_for_current().unwrap();
                let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
                // proc_pid_stat(5): nice is field 19; field 3 is the first behind the name in parentheses.
                let behind_name = stat.rsplit_once(") ").unwrap().1.to_owned();
                behind_name.split(' ').nth(16).unwrap().to_owned()
            });
            assert_eq!(shown.join().unwrap(), nice.to_string());
        }
    }
}
