//! A job on its way to a thread, and its answer on the way back.

use crate::ThreadState;
use app::clock::Deadline;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

/// What a thread runs. It answers its caller by itself, and never panics.
pub(crate) type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// What happens to a job that has not begun when its caller has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfAbandoned {
    Skip,
    Run,
}

/// Why a job gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More jobs wait than may.
    #[error("too many jobs wait for the executor")]
    QueueFull,
    /// The job has not begun and will not.
    #[error("no thread of the executor was free in time")]
    QueuedTooLong,
    #[error("the deadline passed before the job had ended")]
    DeadlinePassed,
    /// The job has begun, and whether it ends is not known.
    #[error("a job on the executor gave no answer in time")]
    NoAnswer,
    #[error("the executor has been closed")]
    Closed,
    #[error("a job on the executor panicked")]
    Panicked,
}

/// How long a caller waits: for a job to begin, and from then on for it to end.
#[derive(Clone, Copy)]
pub(crate) struct WaitLimits {
    pub(crate) max_wait: Duration,
    pub(crate) max_run: Option<Duration>,
}

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Whether a job waits, has begun, or was given up by its caller. It leaves the first of these once: a thread that begins
/// and a caller who gives up at the same time agree on which of them was first.
#[derive(Clone, Default)]
struct JobState(Arc<AtomicU8>);

impl JobState {
    /// `false` where the job does not wait any more.
    fn set(&self, state: u8) -> bool {
        self.0.compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The caller's end of a job.
pub(crate) struct Answer<T> {
    by: Deadline,
    begin_by: Instant,
    max_run: Option<Duration>,
    state: JobState,
    reply: oneshot::Receiver<Result<T, Refusal>>,
}

/// Makes a job ready for a thread.
pub(crate) fn prepare<S: ThreadState, T: Send + 'static>(
    by: Deadline,
    if_abandoned: IfAbandoned,
    limits: WaitLimits,
    work: impl FnOnce(&mut S) -> T + Send + 'static,
) -> (Job<S>, Answer<T>) {
    let state = JobState::default();
    let (sender, reply) = oneshot::channel();
    let begin_by = by.instant().min(Instant::now() + limits.max_wait);
    let answer = Answer { by, begin_by, max_run: limits.max_run, state: state.clone(), reply };
    let job = move |thread: &mut S| {
        let is_abandoned = sender.is_closed();
        if !state.set(BEGUN) || (if_abandoned == IfAbandoned::Skip && is_abandoned) {
            return;
        }
        // A caller who has gone is not told; what was done stays done.
        let _ = if by.has_passed() {
            sender.send(Err(Refusal::DeadlinePassed))
        } else if let Ok(done) = catch_unwind(AssertUnwindSafe(|| work(thread))) {
            let sent = sender.send(Ok(done));
            thread.after_job();
            sent
        } else {
            thread.after_panic();
            sender.send(Err(Refusal::Panicked))
        };
    };
    (Box::new(job), answer)
}

impl<T> Answer<T> {
    pub(crate) async fn wait(mut self) -> Result<T, Refusal> {
        if let Ok(answer) = timeout_at(self.begin_by.into(), &mut self.reply).await {
            return answer.unwrap_or(Err(Refusal::Closed));
        }
        if self.state.set(GIVEN_UP) {
            return Err(self.passed_or(Refusal::QueuedTooLong));
        }
        let Some(max_run) = self.max_run else {
            return self.reply.await.unwrap_or(Err(Refusal::Closed));
        };
        let end = (self.begin_by + max_run).min(self.by.instant());
        match timeout_at(end.into(), &mut self.reply).await {
            Ok(answer) => answer.unwrap_or(Err(Refusal::Closed)),
            Err(_) => Err(self.passed_or(Refusal::NoAnswer)),
        }
    }

    fn passed_or(&self, other: Refusal) -> Refusal {
        if self.by.has_passed() { Refusal::DeadlinePassed } else { other }
    }
}
