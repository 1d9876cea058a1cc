//! A job on its way to a thread and its answer on its way back.

use crate::connection::AnyConnection;
use crate::constraint::Constraint;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::options::{ANSWER_SLACK, QUEUE_TIMEOUT};
use app::clock::Deadline;
use diesel::QueryResult;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

/// The longest pauses before a write is tried again: thrice, and no more.
const PAUSES: [Duration; 3] = [Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(250)];

/// What a job does, which decides what may be done when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only looks: it may be run again on another connection, and is dropped when nobody waits for it any more.
    Read,
    /// It changes something: it is run again only where the database says that nothing was changed.
    Write,
}

/// What a thread sees of a job.
pub(crate) trait Work: Send {
    /// Takes the job on; `false` where it is not to be run any more.
    fn begin(&mut self) -> bool;
    /// Runs it.
    fn attempt(&mut self, connection: &mut AnyConnection, is_last: bool) -> Outcome;
    /// Answers without having run it to its end.
    fn refuse(&mut self, failure: Failure);
}

/// How running a job went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered, and the connection is as good as before.
    Answered,
    /// It was answered, and the connection is not to be used any more.
    AnsweredAndLost,
    /// The connection was lost; the job may be run on another.
    Lost,
}

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Decides once, between a thread that begins and a caller who gives up, which of them was first.
#[derive(Clone)]
struct Ticket(Arc<AtomicU8>);

impl Ticket {
    fn new() -> Self {
        Self(Arc::new(AtomicU8::new(WAITING)))
    }

    fn become_first(&self, state: u8) -> bool {
        self.0.compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

struct Task<T, J> {
    kind: Kind,
    by: Deadline,
    ticket: Ticket,
    reply: Option<oneshot::Sender<Result<T, Failure>>>,
    job: J,
}

/// The caller's end of a job.
pub(crate) struct Answer<T> {
    by: Deadline,
    begin_by: Instant,
    ticket: Ticket,
    reply: oneshot::Receiver<Result<T, Failure>>,
}

/// Makes a job ready for a thread.
pub(crate) fn prepare<T, J>(kind: Kind, by: Deadline, job: J) -> (Box<dyn Work>, Answer<T>)
where
    T: Send + 'static,
    J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send + 'static,
{
    let ticket = Ticket::new();
    let (sender, reply) = oneshot::channel();
    let answer =
        Answer { by, begin_by: by.instant().min(Instant::now() + QUEUE_TIMEOUT), ticket: ticket.clone(), reply };
    let task = Task { kind, by, ticket, reply: Some(sender), job };
    (Box::new(task), answer)
}

impl<T> Answer<T> {
    /// Waits for the answer: until the deadline, and never much longer than a statement may take, even if the database
    /// has fallen silent and the thread with it.
    ///
    /// # Cancel safety
    /// Dropping the future lets a write go on and a read that has not begun be dropped.
    pub(crate) async fn wait(mut self, statement_timeout: Duration) -> Result<T, Failure> {
        if let Ok(answer) = timeout_at(self.begin_by.into(), &mut self.reply).await {
            return answer.unwrap_or(Err(Failure::Closed));
        }
        if self.ticket.become_first(GIVEN_UP) {
            return Err(self.passed_or(Failure::QueuedTooLong));
        }
        let end = (self.begin_by + statement_timeout + ANSWER_SLACK).min(self.by.instant());
        match timeout_at(end.into(), &mut self.reply).await {
            Ok(answer) => answer.unwrap_or(Err(Failure::Closed)),
            Err(_) => Err(self.passed_or(Failure::NoAnswer)),
        }
    }

    fn passed_or(&self, other: Failure) -> Failure {
        if self.by.has_passed() { Failure::DeadlinePassed } else { other }
    }
}

impl<T, J> Work for Task<T, J>
where
    T: Send,
    J: FnMut(&mut AnyConnection) -> QueryResult<T> + Send,
{
    fn begin(&mut self) -> bool {
        let is_abandoned = self.reply.as_ref().is_none_or(oneshot::Sender::is_closed);
        if !self.ticket.become_first(BEGUN) || (self.kind == Kind::Read && is_abandoned) {
            return false;
        }
        if self.by.has_passed() {
            self.refuse(Failure::DeadlinePassed);
            return false;
        }
        true
    }

    fn attempt(&mut self, connection: &mut AnyConnection, is_last: bool) -> Outcome {
        let error = match self.run(connection) {
            Ok(found) => {
                self.answer(Ok(found));
                return Outcome::Answered;
            }
            Err(error) => error,
        };
        if !Fault::of(&error).has_ended(connection) {
            self.answer(Err(Failure::Statement(error)));
            return Outcome::Answered;
        }
        if self.kind == Kind::Read && !is_last {
            return Outcome::Lost;
        }
        self.answer(Err(Failure::Lost(error)));
        Outcome::AnsweredAndLost
    }

    fn refuse(&mut self, failure: Failure) {
        self.answer(Err(failure));
    }
}

impl<T, J> Task<T, J>
where
    J: FnMut(&mut AnyConnection) -> QueryResult<T>,
{
    fn run(&mut self, connection: &mut AnyConnection) -> QueryResult<T> {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match (self.job)(connection) {
                Err(error) if self.kind == Kind::Write && is_transient(&error) => error,
                answer => return answer,
            };
            let pause = pauses.next().map(|longest| longest.mul_f64(random_fraction()));
            match pause.filter(|pause| *pause < self.by.remaining()) {
                Some(pause) => std::thread::sleep(pause),
                None => return Err(error),
            }
        }
    }

    fn answer(&mut self, answer: Result<T, Failure>) {
        if let Some(reply) = self.reply.take() {
            // A caller who has gone is not to be told; what was done stays done.
            let _ = reply.send(answer);
        }
    }
}

/// Whether the same work may succeed at once. Two who make the first counter of one account meet at its key: the second
/// will find the counter of the first.
fn is_transient(error: &diesel::result::Error) -> bool {
    Fault::of(error) == Fault::Contention || Constraint::violated_by(error) == Some(Constraint::LoginAttempt)
}

/// A fraction of one: pauses that differ keep those who met once from meeting again.
fn random_fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}
