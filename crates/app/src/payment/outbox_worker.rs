//! Sends the mails in the outbox.
//!
//! The worker claims a mail under a lease, sends it outside any transaction, and records the outcome. Mail servers may take
//! minutes for one mail, so the worker renews the lease meanwhile. If the process dies between sending and recording, the
//! mail is sent again with the same `Message-ID`.

use crate::clock::{Clock, Deadline};
use crate::observe::{Observer, PaymentReport};
use crate::payment::mail::{
    ClaimedMail, Delivery, Mail, MailContent, MailError, MailId, MailSender, Outbox, SendOutcome,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::error::Error;
use futures_util::future::{Either, select};
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
/// How often [`OutboxWorker::renew`] must be called while mails are sent.
pub const RENEW_EVERY: Duration = Duration::from_secs(15);
const TICK_TIME: Duration = Duration::from_secs(5);
/// The maximum number of attempts for a mail that the server keeps deferring.
const MAX_ATTEMPTS: u32 = 10;
/// The wait after the first failure. Each further failure doubles it, up to [`LONGEST_WAIT`].
const FIRST_WAIT: TimeDelta = TimeDelta::minutes(1);
/// The longest wait between two attempts, without the jitter of [`wait_after`].
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);
/// The wait while the server is unavailable, which is independent of the mail.
const AWAY_WAIT: TimeDelta = TimeDelta::seconds(15);
/// The wait while the server refuses the sender: more frequent attempts look like an attack.
const REFUSED_WAIT: TimeDelta = TimeDelta::minutes(5);
/// The longest wait between two attempts of a mail that is refused because of its sender.
const LONGEST_BLOCKED_WAIT: TimeDelta = TimeDelta::hours(4);
/// The maximum number of attempts for such a mail: about five days (RFC 5321 §4.5.4.1).
const MAX_BLOCKED_ATTEMPTS: u32 = 38;
/// How often the outcome of an attempt may be unknown. After that an operator decides whether to send the mail again.
const MAX_UNCERTAIN: u32 = 3;

/// A failure that concerns all mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    Away,
    Refused,
}

impl Obstacle {
    fn of(error: &MailError) -> Option<Self> {
        match error {
            MailError::Away(_) => Some(Self::Away),
            MailError::Refused(_) => Some(Self::Refused),
            _ => None,
        }
    }

    fn error(self) -> MailError {
        let reason = "it was so just now, for another mail";
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
    obstacle: Option<Obstacle>,
    /// The start and end of the pause that the obstacle causes.
    rest: Option<(DateTime<Utc>, DateTime<Utc>)>,
    is_stopping: bool,
}

/// Sends the mails in the outbox. Any number of servers may run it at once.
pub struct OutboxWorker {
    outbox: Arc<dyn Outbox>,
    sender: Arc<dyn MailSender>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    work: Mutex<Work>,
}

impl OutboxWorker {
    #[must_use]
    pub fn new(
        outbox: Arc<dyn Outbox>,
        sender: Arc<dyn MailSender>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { outbox, sender, clock, observer, work: Mutex::default() }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends all due mails, and returns how many it processed. Meanwhile the caller must call [`renew`](Self::renew) every
    /// [`RENEW_EVERY`]. For some time after the mail server was unavailable it claims no mail, unless an operator asked for
    /// a retry. `pause` returns when to claim more mails while some are being sent: a mail server may take minutes for one,
    /// and the others must not wait for it.
    ///
    /// # Errors
    /// Those of the outbox. A failure of the mail server is recorded, and the mail is tried again later.
    pub async fn run<P: Future<Output = ()>>(&self, pause: impl Fn() -> P) -> Result<usize, Error> {
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
            match select(begun.next(), Box::pin(pause())).await {
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

    /// Claims due mails, unless the worker is stopping or pausing.
    async fn claim(&self) -> Result<VecDeque<ClaimedMail>, Error> {
        let (now, rest) = (self.clock.now(), self.work().rest);
        if self.work().is_stopping {
            return Ok(VecDeque::new());
        }
        if let Some((since, until)) = rest
            && now < until
            && !self.outbox.is_hastened(since, Deadline::within(TICK_TIME)).await?
        {
            return Ok(VecDeque::new());
        }
        let claimed = self.outbox.claim(BATCH, now, now + LEASE, Deadline::within(TICK_TIME)).await?;
        let mut work = self.work();
        (work.obstacle, work.rest) = (None, None);
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
        let (is_stopping, obstacle) = {
            let work = self.work();
            (work.is_stopping, work.obstacle)
        };
        let attempt = match (is_stopping, obstacle) {
            (true, _) => {
                SendOutcome::Deferred { due: self.clock.now(), error: "this server was about to stop".to_owned() }
            }
            (false, Some(obstacle)) => after(mail, &obstacle.error(), self.clock.now()),
            (false, None) => match self.send(&claimed).await {
                Ok(delivery) => {
                    // The server accepts us, whatever it answered to a concurrent attempt.
                    let mut work = self.work();
                    (work.obstacle, work.rest) = (None, None);
                    SendOutcome::Done(delivery)
                }
                Err(error) => {
                    self.heed(&error);
                    after(mail, &error, self.clock.now())
                }
            },
        };
        self.observer.payment(PaymentReport::Mail(&attempt));
        tell(mail, &attempt);
        let settled =
            self.outbox.record_attempt(mail.id, &attempt, self.clock.now(), Deadline::within(TICK_TIME)).await;
        self.work().claimed.remove(&mail.id);
        settled
    }

    /// Records a failure that concerns more than one mail.
    fn heed(&self, error: &MailError) {
        match error {
            MailError::Unsupported(_) => self.observer.payment(PaymentReport::UnsupportedAddress),
            MailError::Refused(_) | MailError::Blocked(_) => self.observer.payment(PaymentReport::SenderRefused),
            _ => {}
        }
        if let Some(obstacle) = Obstacle::of(error) {
            let now = self.clock.now();
            let mut work = self.work();
            (work.obstacle, work.rest) = (Some(obstacle), Some((now, now + obstacle.wait())));
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

fn tell(mail: &Mail, attempt: &SendOutcome) {
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

/// Decides what follows from a failure.
fn after(mail: &Mail, error: &MailError, now: DateTime<Utc>) -> SendOutcome {
    let told = error.to_string();
    let has_failed_often = mail.attempts + 1 >= MAX_ATTEMPTS;
    let again = |told, longest, is_uncertain| {
        // The cause of a broken connection may last, and a mail that was sent after all loses nothing by waiting.
        let attempts = if is_uncertain { mail.attempts.max(mail.uncertain + 4) } else { mail.attempts };
        let due = now + wait_after(attempts, mail.id.jitter_seed(), longest);
        SendOutcome::Failed { due, error: told, is_uncertain }
    };
    match error {
        MailError::Away(_) => SendOutcome::Deferred { due: now + AWAY_WAIT, error: told },
        MailError::Refused(_) => SendOutcome::Deferred { due: now + REFUSED_WAIT, error: told },
        MailError::Permanent(_) | MailError::Unclear(_) => SendOutcome::Dead { error: told },
        MailError::Blocked(_) if mail.attempts + 1 >= MAX_BLOCKED_ATTEMPTS => SendOutcome::Dead { error: told },
        MailError::Blocked(_) => again(told, LONGEST_BLOCKED_WAIT, false),
        MailError::Unknown(_) if has_failed_often || mail.uncertain + 1 >= MAX_UNCERTAIN => {
            SendOutcome::Dead { error: told }
        }
        MailError::Unknown(_) => again(told, LONGEST_WAIT, true),
        MailError::Temporary(_) | MailError::Unsupported(_) if has_failed_often => SendOutcome::Dead { error: told },
        MailError::Temporary(_) | MailError::Unsupported(_) => again(told, LONGEST_WAIT, false),
    }
}

/// The wait after a failure: doubled by each earlier attempt, with a jitter of a fifth, so that mails that failed together
/// are not tried together again.
fn wait_after(attempts: u32, jitter_seed: u64, longest: TimeDelta) -> TimeDelta {
    let factor = 2_i32.saturating_pow(attempts.min(16));
    let wait = FIRST_WAIT.checked_mul(factor).map_or(longest, |wait| wait.min(longest));
    let share = i32::try_from(jitter_seed.rotate_left(attempts.wrapping_mul(7)) % 401).unwrap_or(200);
    wait * (800 + share) / 1000
}

#[cfg(test)]
mod tests;
