//! A few threads behind one bounded queue, for work that would block the threads of the async runtime: statements on a
//! database, password hashes, decoding of images.
//!
//! The runtime's own pool for blocking work has no bound on what waits. Here a job that cannot begin in time is refused.
//!
//! Start with [`Executor::execute`]. [`Executor`] is generic over what each of its threads keeps between two jobs
//! ([`ThreadState`]): database threads keep a connection. Threads that only compute keep nothing, and have
//! [`Executor::start`] and [`Executor::run`]; their work calls [`give_way`], and [`Admission`] decides how much of it is begun.

mod admission;
mod compute;
mod job;
mod share;

pub use admission::{Admission, AdmissionGauges, AdmissionOptions, Admitted};
pub use compute::ExecutorOptions;
pub use job::{IfAbandoned, Refusal};
pub use share::{give_way, thread_cpu_time};

use app::clock::Deadline;
use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use job::{Job, WaitLimits};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a thread keeps from one job to the next.
pub trait ThreadState: 'static {
    /// Whether the thread may take a job. If not, the executor asks again at once, so an implementation sleeps briefly before
    /// it returns [`Readiness::NotReady`].
    fn readiness(&mut self) -> Readiness {
        Readiness::Ready
    }

    /// Called after a job has ended and its caller was answered.
    fn after_job(&mut self) {}

    /// Called after a job has panicked, before its caller is answered: whatever the job was using may be half changed.
    fn after_panic(&mut self);
}

/// Whether a thread may take a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It waits for one.
    Ready,
    /// It takes a queued job but does not wait for one: no thread is ready, and the caller must hear of that without delay.
    OnlyWaiting,
    /// It leaves jobs to other threads.
    NotReady,
}

/// How many jobs an executor runs and keeps waiting, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many jobs run at once; at least one.
    pub threads: usize,
    /// How many jobs wait at most.
    pub queue: usize,
    /// How long a job waits at most.
    pub max_wait: Duration,
    /// The additional time for which a caller waits for a job that has begun. `None`: until the job ends, whatever the deadline.
    pub max_run: Option<Duration>,
}

/// How busy an executor is at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutorGauges {
    pub threads: usize,
    /// How many threads have a job.
    pub in_use: usize,
    /// How many jobs wait for a thread.
    pub waiting: usize,
}

/// A few threads behind one bounded queue. Dropping it lets the threads finish the jobs that wait, and end.
pub struct Executor<S = ()> {
    queue: RwLock<Option<Sender<Job<S>>>>,
    limits: WaitLimits,
    size: usize,
    in_use: Arc<AtomicUsize>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl<S: ThreadState> Executor<S> {
    /// Starts threads that are called by this name and their number. Each makes its own state.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn with_state(name: &str, bounds: Bounds, state: impl Fn() -> S + Clone + Send + 'static) -> io::Result<Self> {
        let (queue, jobs) = bounded(bounds.queue);
        let (size, in_use) = (bounds.threads.max(1), Arc::new(AtomicUsize::new(0)));
        let mut threads = Vec::with_capacity(size);
        for number in 0..size {
            let (jobs, in_use, state) = (jobs.clone(), Arc::clone(&in_use), state.clone());
            let thread = thread::Builder::new().name(format!("{name}-{number}"));
            threads.push(thread.spawn(move || run_jobs(state(), &jobs, &in_use))?);
        }
        let limits = WaitLimits { max_wait: bounds.max_wait, max_run: bounds.max_run };
        Ok(Self { queue: RwLock::new(Some(queue)), limits, size, in_use, threads: Mutex::new(threads) })
    }

    /// Runs a job on one of the threads and waits for what it returns.
    ///
    /// # Errors
    /// If the job is refused or gives no answer.
    ///
    /// # Cancel safety
    /// Dropping the future leaves a job that has begun running. What happens to one that has not is the caller's choice.
    pub async fn execute<T: Send + 'static>(
        &self,
        by: Deadline,
        if_abandoned: IfAbandoned,
        work: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        if by.has_passed() {
            return Err(Refusal::DeadlinePassed);
        }
        let (job, answer) = job::prepare(by, if_abandoned, self.limits, work);
        self.enqueue(job)?;
        answer.wait().await
    }

    fn enqueue(&self, job: Job<S>) -> Result<(), Refusal> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let sent = queue.as_ref().ok_or(Refusal::Closed)?.try_send(job);
        sent.map_err(|error| match error {
            TrySendError::Full(_) => Refusal::QueueFull,
            TrySendError::Disconnected(_) => Refusal::Closed,
        })
    }
}

impl<S> Executor<S> {
    pub fn gauges(&self) -> ExecutorGauges {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        ExecutorGauges {
            threads: self.size,
            in_use: self.in_use.load(Ordering::Relaxed),
            waiting: queue.as_ref().map_or(0, Sender::len),
        }
    }

    /// Takes no more jobs. The threads do those that wait, and end.
    pub fn close(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether all threads have ended.
    pub fn has_ended(&self) -> bool {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if !threads.iter().all(JoinHandle::is_finished) {
            return false;
        }
        for thread in threads.drain(..) {
            // Client libraries clean up when a thread ends. A panic has been caught and answered.
            let _ = thread.join();
        }
        true
    }
}

fn run_jobs<S: ThreadState>(mut state: S, jobs: &Receiver<Job<S>>, in_use: &AtomicUsize) {
    while let Some(job) = next(&mut state, jobs) {
        in_use.fetch_add(1, Ordering::Relaxed);
        job(&mut state);
        in_use.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits for a job. `None` once the queue is closed and empty.
fn next<S: ThreadState>(state: &mut S, jobs: &Receiver<Job<S>>) -> Option<Job<S>> {
    loop {
        match state.readiness() {
            Readiness::Ready => return jobs.recv().ok(),
            Readiness::OnlyWaiting => match jobs.try_recv() {
                Ok(job) => return Some(job),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            },
            Readiness::NotReady => {}
        }
    }
}
