//! Sends the mails in the outbox.
//!
//! The worker claims a mail under a lease, sends it outside any transaction, and records the outcome. Mail servers may take
//! minutes for one mail, so the worker renews the lease meanwhile. If the process dies between sending and recording, the
//! mail is sent again with the same `Message-ID`.

use crate::backoff::Backoff;
use crate::clock::{Clock, Deadline};
use crate::observe::{Observer, PaymentReport};
use crate::payment::mail::{
    ClaimedMail, Delivery, Mail, MailContent, MailError, MailId, MailSender, Outbox, SendOutcome,
};
use crate::worker::Worker;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::error::Error;
use futures_util::future::{BoxFuture, Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use std::collections::{BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const BATCH: u32 = 20;
const AT_ONCE: usize = 4;
/// How long a claim lasts unless it is renewed.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How often mails are looked for, also while others are being sent.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often [`OutboxWorker::renew`] is to be called while mails are sent.
pub const RENEW_EVERY: Duration = Duration::from_secs(15);
const TICK_TIME: Duration = Duration::from_secs(5);
/// The maximum number of attempts for a mail that the server keeps deferring.
const MAX_ATTEMPTS: u32 = 10;
/// The wait between two attempts of a mail, before jitter.
const BACKOFF: Backoff = Backoff { first: TimeDelta::minutes(1), longest: TimeDelta::hours(1) };
/// The same for a mail that the server refuses because of the sender.
const BLOCKED_BACKOFF: Backoff = Backoff { longest: TimeDelta::hours(4), ..BACKOFF };
/// The wait while the server is away: the mail is not at fault, so the attempt does not count.
const AWAY_WAIT: TimeDelta = TimeDelta::seconds(15);
/// The wait while the server refuses the sender: more frequent attempts look like an attack.
const REFUSED_WAIT: TimeDelta = TimeDelta::minutes(5);
/// How often a mail is tried that the server refuses because of the sender: for about five days (RFC 5321 §4.5.4.1).
const MAX_BLOCKED_ATTEMPTS: u32 = 38;
/// How often the outcome of an attempt may be unknown. After that an operator decides whether to send the mail again.
const MAX_UNCERTAIN: u32 = 3;

/// A failure of the mail server as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServerFailure {
    Away,
    Refused,
}

impl ServerFailure {
    fn of(error: &MailError) -> Option<Self> {
        match error {
            MailError::Away(_) => Some(Self::Away),
            MailError::Refused(_) => Some(Self::Refused),
            _ => None,
        }
    }

    fn error(self) -> MailError {
        let reason = "the mail before this one failed in this way";
        match self {
            Self::Away => MailError::Away(reason.into()),
            Self::Refused => MailError::Refused(reason.into()),
        }
    }

    const fn wait(self) -> TimeDelta {
        match self {
            Self::Away => AWAY_WAIT,
            Self::Refused => REFUSED_WAIT,
        }
    }
}

/// The state that concurrent attempts share.
#[derive(Default)]
struct Work {
    claimed: BTreeSet<MailId>,
    /// Set while no mail can be sent.
    server_failure: Option<ServerFailure>,
    /// The start and end of the pause that the failure causes.
    pause: Option<(DateTime<Utc>, DateTime<Utc>)>,
    is_stopping: bool,
}

/// Sends the mails in the outbox. Any number of servers may run it at once.
pub struct OutboxWorker {
    outbox: Arc<dyn Outbox>,
    sender: Arc<dyn MailSender>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    sleep: Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
    work: Mutex<Work>,
}

#[async_trait]
impl Worker for OutboxWorker {
    fn subject(&self) -> &'static str {
        "mails"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    /// Sends the mails that are due until there are no more. While that goes on, [`renew`](Self::renew) is to be called
    /// every [`RENEW_EVERY`]. After the mail server was found away the worker claims no mails for some time, unless an
    /// operator has mails tried at once. Mails that become due while others are being sent do not wait for these: a mail
    /// server may take minutes for one.
    async fn run(&self) -> Result<usize, Error> {
        let mut claimed = self.claim().await?;
        let (mut begun, mut outcome) = (FuturesUnordered::new(), Ok(0));
        loop {
            while begun.len() < AT_ONCE
                && let Some(next) = claimed.pop_front()
            {
                begun.push(self.attempt(next));
            }
            if begun.is_empty() {
                return outcome;
            }
            match select(begun.next(), (self.sleep)(INTERVAL)).await {
                Either::Left((end, _)) => {
                    outcome = outcome.and_then(|count: usize| end.unwrap_or(Ok(())).map(|()| count + 1));
                }
                Either::Right(_) => {}
            }
            if claimed.is_empty() && begun.len() < AT_ONCE && outcome.is_ok() {
                match self.claim().await {
                    Ok(more) => claimed = more,
                    Err(error) => outcome = Err(error),
                }
            }
        }
    }
}

impl OutboxWorker {
    /// `sleep` is the runtime's timer.
    pub fn new<F: Future<Output = ()> + Send + 'static>(
        outbox: Arc<dyn Outbox>,
        sender: Arc<dyn MailSender>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        sleep: impl Fn(Duration) -> F + Send + Sync + 'static,
    ) -> Self {
        let sleep = Box::new(move |time| -> BoxFuture<'static, ()> { Box::pin(sleep(time)) });
        Self { outbox, sender, clock, observer, sleep, work: Mutex::default() }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims due mails, unless the worker is stopping or pausing.
    async fn claim(&self) -> Result<VecDeque<ClaimedMail>, Error> {
        let (now, pause) = (self.clock.now(), self.work().pause);
        if self.work().is_stopping {
            return Ok(VecDeque::new());
        }
        if let Some((since, until)) = pause
            && now < until
            && !self.outbox.is_hastened(since, Deadline::within(TICK_TIME)).await?
        {
            return Ok(VecDeque::new());
        }
        let claimed = self.outbox.claim(BATCH, now, now + LEASE, Deadline::within(TICK_TIME)).await?;
        let mut work = self.work();
        (work.server_failure, work.pause) = (None, None);
        work.claimed.extend(claimed.iter().map(|claimed| claimed.mail.id));
        drop(work);
        Ok(claimed.into())
    }

    /// Renews the leases of all claimed mails.
    ///
    /// # Errors
    /// Those of the outbox. A lease that is not renewed expires.
    pub async fn renew(&self) -> Result<(), Error> {
        let claimed: Vec<_> = self.work().claimed.iter().copied().collect();
        if claimed.is_empty() {
            return Ok(());
        }
        self.outbox.renew(&claimed, self.clock.now() + LEASE, Deadline::within(TICK_TIME)).await
    }

    /// Stops the worker: claimed mails whose attempt has not begun are returned to the outbox.
    pub fn stop(&self) {
        self.work().is_stopping = true;
    }

    async fn attempt(&self, claimed: ClaimedMail) -> Result<(), Error> {
        let mail = &claimed.mail;
        let (is_stopping, server_failure) = {
            let work = self.work();
            (work.is_stopping, work.server_failure)
        };
        let attempt = match (is_stopping, server_failure) {
            (true, _) => {
                SendOutcome::Deferred { due: self.clock.now(), error: "this server was about to stop".to_owned() }
            }
            (false, Some(server_failure)) => outcome_of_failure(mail, &server_failure.error(), self.clock.now()),
            (false, None) => match self.send(&claimed).await {
                Ok(delivery) => {
                    // The server accepts us, whatever it answered to a concurrent attempt.
                    let mut work = self.work();
                    (work.server_failure, work.pause) = (None, None);
                    SendOutcome::Done(delivery)
                }
                Err(error) => {
                    self.note_server_failure(&error);
                    outcome_of_failure(mail, &error, self.clock.now())
                }
            },
        };
        self.observer.payment(PaymentReport::Mail(&attempt));
        log_outcome(mail, &attempt);
        let settled =
            self.outbox.record_attempt(mail.id, &attempt, self.clock.now(), Deadline::within(TICK_TIME)).await;
        self.work().claimed.remove(&mail.id);
        settled
    }

    /// Records a failure that concerns more than one mail.
    fn note_server_failure(&self, error: &MailError) {
        match error {
            MailError::Unsupported(_) => self.observer.payment(PaymentReport::UnsupportedAddress),
            MailError::Refused(_) | MailError::Blocked(_) => self.observer.payment(PaymentReport::SenderRefused),
            _ => {}
        }
        if let Some(server_failure) = ServerFailure::of(error) {
            let now = self.clock.now();
            let mut work = self.work();
            (work.server_failure, work.pause) = (Some(server_failure), Some((now, now + server_failure.wait())));
        }
    }

    /// Sends one mail. A panic while composing it fails this mail alone.
    async fn send(&self, claimed: &ClaimedMail) -> Result<Delivery, MailError> {
        let content = MailContent::of(claimed);
        let sending = self.sender.send(&content);
        AssertUnwindSafe(sending).catch_unwind().await.unwrap_or_else(|_panic| {
            self.observer.panic_caught("mail");
            Err(MailError::Temporary("writing it panicked".into()))
        })
    }
}

fn log_outcome(mail: &Mail, attempt: &SendOutcome) {
    let Mail { id, payment, attempts, status, .. } = mail;
    match attempt {
        SendOutcome::Done(Delivery::Sent) => tracing::info!(mail_id = %id, payment_id = %payment, %status, "mail sent"),
        // The sender has logged it with its subject.
        SendOutcome::Done(Delivery::Logged) => {
            tracing::debug!(mail_id = %id, payment_id = %payment, %status, "mail logged")
        }
        SendOutcome::Done(Delivery::Written) => {
            tracing::info!(mail_id = %id, payment_id = %payment, %status, "mail written to a file, not sent");
        }
        SendOutcome::Deferred { error, .. } => tracing::debug!(mail_id = %id, error, "mail put back"),
        SendOutcome::Failed { error, .. } => {
            tracing::warn!(mail_id = %id, payment_id = %payment, attempts, error, "mail not sent")
        }
        SendOutcome::Dead { error } => {
            tracing::error!(mail_id = %id, payment_id = %payment, attempts, error, "mail given up");
        }
    }
}

/// Maps an error to the next attempt, or to giving the mail up.
fn outcome_of_failure(mail: &Mail, error: &MailError, now: DateTime<Utc>) -> SendOutcome {
    let told = error.to_string();
    let has_failed_often = mail.attempts + 1 >= MAX_ATTEMPTS;
    let again = |told, backoff: Backoff, is_uncertain| {
        // What breaks connections may take some time to be mended, and waiting longer does no harm: the mail may have been
        // delivered.
        let attempts = if is_uncertain { mail.attempts.max(mail.uncertain + 4) } else { mail.attempts };
        let due = now + backoff.jittered_wait(attempts, mail.id.jitter_seed());
        SendOutcome::Failed { due, error: told, is_uncertain }
    };
    match error {
        MailError::Away(_) => SendOutcome::Deferred { due: now + AWAY_WAIT, error: told },
        MailError::Refused(_) => SendOutcome::Deferred { due: now + REFUSED_WAIT, error: told },
        MailError::Permanent(_) | MailError::Unclear(_) => SendOutcome::Dead { error: told },
        MailError::Blocked(_) if mail.attempts + 1 >= MAX_BLOCKED_ATTEMPTS => SendOutcome::Dead { error: told },
        MailError::Blocked(_) => again(told, BLOCKED_BACKOFF, false),
        MailError::Unknown(_) if has_failed_often || mail.uncertain + 1 >= MAX_UNCERTAIN => {
            SendOutcome::Dead { error: told }
        }
        MailError::Unknown(_) => again(told, BACKOFF, true),
        MailError::Temporary(_) | MailError::Unsupported(_) if has_failed_often => SendOutcome::Dead { error: told },
        MailError::Temporary(_) | MailError::Unsupported(_) => again(told, BACKOFF, false),
    }
}

#[cfg(test)]
mod tests;
