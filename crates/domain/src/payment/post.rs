//! Mails about payments: queued with the change that they tell of, and sent by whichever server comes to it first.
//!
//! A mail is taken out for a while, sent outside any transaction, and ticked off. A server that dies between the last two
//! leaves a mail that is sent once more, with the same `Message-ID`.

use crate::clock::{Clock, Deadline};
use crate::error::{BoxError, Error};
use crate::id::uuid_id;
use crate::money::Money;
use crate::observe::{Observer, PaymentReport};
use crate::payment::view::Audience;
use crate::payment::{EventKind, Payment, PaymentId, State, Status};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt, StreamExt, stream};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

uuid_id! {
    /// Identifies a mail: a UUID version 7.
    MailId
}

impl MailId {
    /// A number that is always the same for the mail, and has nothing to do with that of another.
    const fn lot(self) -> u64 {
        self.as_uuid().as_u64_pair().1
    }
}

/// How many mails are taken out at once.
const BATCH: u32 = 20;
/// How many are sent at once.
const AT_ONCE: usize = 4;
/// How long a mail is nobody else's: longer than a batch takes when each mail takes its whole time.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long sending one mail may take.
const SEND_TIME: Duration = Duration::from_secs(10);
/// How long ticking one off may take.
const TICK_TIME: Duration = Duration::from_secs(5);
/// How often a mail is tried that the server keeps putting off.
const MAX_ATTEMPTS: u32 = 10;
/// The wait after the first failure; each further one doubles it, up to [`LONGEST_WAIT`].
const FIRST_WAIT: TimeDelta = TimeDelta::minutes(1);
/// The longest wait between two attempts, but for what [`wait_after`] adds by lot.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);
/// When a mail is tried again while the server is away: that is not the mail's fault, and says nothing of the next attempt.
const AWAY_WAIT: TimeDelta = TimeDelta::seconds(15);

/// To whom a change is told by mail, and as which status.
#[must_use]
pub fn recipients(event: EventKind) -> &'static [Audience] {
    match event.shown() {
        Some(Status::Success) => &[Audience::Buyer, Audience::Seller],
        Some(_) => &[Audience::Buyer],
        None => &[],
    }
}

/// What has become of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailState {
    /// It is yet to be sent.
    Queued,
    /// The server has taken it.
    Sent,
    /// It was not sent: the log tells that there would have been one.
    Logged,
    /// It was not sent: it is a file.
    Written,
    /// It will not be sent unless an operator wants it.
    Dead,
}

impl MailState {
    /// Every state there is.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Sent, Self::Logged, Self::Written, Self::Dead];
    /// Those of a mail with which there is nothing left to do.
    pub const DONE: [Self; 3] = [Self::Sent, Self::Logged, Self::Written];

    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Logged => "logged",
            Self::Written => "written",
            Self::Dead => "dead",
        }
    }

    /// Rebuilds a state from storage.
    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A mail as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Identifies it.
    pub id: MailId,
    /// Which payment it is about.
    pub payment: PaymentId,
    /// The number of the payment's event that it tells of.
    pub event: u32,
    /// The status that the payment had from then on.
    pub status: Status,
    /// To whom it goes.
    pub audience: Audience,
    /// What has become of it.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, where it is yet to be sent.
    pub next_at: DateTime<Utc>,
    /// Why it could not be sent when it was last tried.
    pub error: Option<String>,
}

/// A mail that was taken out to be sent, with all that it tells of.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The mail.
    pub mail: Mail,
    /// The payment, as it is now.
    pub payment: Payment,
    /// What the recipient is called.
    pub name: String,
    /// The recipient's e-mail address.
    pub email: String,
}

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The local part of its `Message-ID` (RFC 5322 §3.6.4): the same at every attempt.
    pub message_id: String,
    /// To whom it goes.
    pub audience: Audience,
    /// What the recipient is called.
    pub name: String,
    /// The recipient's e-mail address.
    pub email: String,
    /// The status that it tells of.
    pub status: Status,
    /// What people call the payment.
    pub code: String,
    /// What was ordered.
    pub product: String,
    /// How many pieces.
    pub quantity: i32,
    /// What one piece costs.
    pub price: Money,
    /// What they cost together.
    pub total: Money,
    /// What the payer has paid on top of that for the way of paying; not the seller's.
    pub fee: Money,
    /// How much was given back, of the total and the fee together.
    pub refunded: Money,
    /// Where to pay, while that is possible.
    pub payment_url: Option<String>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

impl Letter {
    /// The letter that tells what a mail was queued for.
    #[must_use]
    pub fn of(claimed: &Claimed) -> Self {
        let Claimed { mail, payment, name, email } = claimed;
        let record = payment.record();
        let can_be_paid = mail.audience == Audience::Buyer && matches!(record.state, State::Pending | State::Deny);
        let page = record.page.as_ref().filter(|_| can_be_paid);
        Self {
            message_id: format!("{}.{}-{}.{}", mail.payment, mail.event, mail.status, mail.audience.as_str()),
            audience: mail.audience,
            name: name.clone(),
            email: email.clone(),
            status: mail.status,
            code: record.code.to_string(),
            product: record.product.details().name.as_str().to_owned(),
            quantity: record.quantity.count(),
            price: record.product.details().price.money(),
            total: record.total,
            fee: payment.fee(),
            refunded: payment.refunded(),
            payment_url: page.map(|page| page.url.clone()),
            expires_at: record.expires_at,
        }
    }
}

/// Why a letter was not sent.
#[derive(Debug)]
pub enum MailError {
    /// The server is away, or does not let us in; the letter has not been shown to it.
    Away(BoxError),
    /// The server puts it off.
    Temporary(BoxError),
    /// The server cannot take such an address, now; another one, or the same one set otherwise, could.
    Unsupported(BoxError),
    /// The server will not have it, or it cannot be written.
    Permanent(BoxError),
    /// The connection was lost when all had been said: nobody knows whether the server has taken it.
    Unknown(BoxError),
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(reason) => write!(f, "the mail server is away: {reason}"),
            Self::Temporary(reason) => write!(f, "the mail server puts it off: {reason}"),
            Self::Unsupported(reason) => write!(f, "the mail server cannot take its address: {reason}"),
            Self::Permanent(reason) => write!(f, "it cannot be sent: {reason}"),
            Self::Unknown(reason) => write!(f, "the connection was lost, perhaps after it was sent: {reason}"),
        }
    }
}

impl std::error::Error for MailError {}

/// Where a letter has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// To the mail server, which has taken it.
    Sent,
    /// Into the log, as a line that tells of it.
    Logged,
    /// Into a file.
    Written,
}

impl Delivery {
    /// What becomes of the mail by that.
    #[must_use]
    pub const fn state(self) -> MailState {
        match self {
            Self::Sent => MailState::Sent,
            Self::Logged => MailState::Logged,
            Self::Written => MailState::Written,
        }
    }
}

/// Sends letters.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one, before `by`, or does what is done in place of that; tells which.
    async fn send(&self, letter: &Letter, by: Deadline) -> Result<Delivery, MailError>;
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// There is nothing left to do.
    Done(Delivery),
    /// It is tried again later, and this attempt does not count.
    PutBack {
        /// When.
        due: DateTime<Utc>,
        /// Why it was not sent.
        error: String,
    },
    /// It is tried again later.
    Failed {
        /// When.
        due: DateTime<Utc>,
        /// Why it was not sent.
        error: String,
        /// Whether it may have been sent all the same.
        is_uncertain: bool,
    },
    /// It is not tried again.
    Dead {
        /// Why it was not sent.
        error: String,
    },
}

/// Which mails an operator means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSelection {
    /// This one.
    One(MailId),
    /// All that are not tried any more.
    AllDead,
}

/// The mails that are to be sent, beside the payments in the database.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes up to `limit` mails that are due, the longest waiting first. Nobody else gets them before `retry_at`.
    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<Claimed>, Error>;

    /// Records how an attempt ended.
    async fn settle(&self, id: MailId, attempt: &Attempt, now: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Up to `limit` mails in a state, or in any; the longest waiting first.
    async fn mails(&self, state: Option<MailState>, limit: u32, by: Deadline) -> Result<Vec<Mail>, Error>;

    /// Has mails that are dead, or that wait, tried at once and as often as new ones; tells how many.
    async fn retry(&self, which: MailSelection, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;

    /// Drops mails that were sent before `before`, and tells how many.
    async fn purge(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}

/// Sends what is in the outbox. Any number of servers may do so at once.
pub struct Postman {
    /// What is to be sent.
    pub outbox: Arc<dyn Outbox>,
    /// Sends it.
    pub mailer: Arc<dyn Mailer>,
    /// Tells when.
    pub clock: Arc<dyn Clock>,
    /// Takes reports.
    pub observer: Arc<dyn Observer>,
}

impl Postman {
    /// Sends what is due, and tells how many mails it looked at: where that is not zero there may be more.
    ///
    /// # Errors
    /// Those of the storage. That the mail server fails is noted there, to be tried again later.
    pub async fn run(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let claimed = self.outbox.claim(BATCH, now, now + LEASE, Deadline::within(TICK_TIME)).await?;
        let count = claimed.len();
        let is_away = AtomicBool::new(false);
        let tries = claimed.into_iter().map(|claimed| self.attempt(claimed, &is_away));
        let mut ends = stream::iter(tries).buffer_unordered(AT_ONCE);
        let mut outcome = Ok(count);
        while let Some(end) = ends.next().await {
            outcome = outcome.and_then(|count| end.map(|()| count));
        }
        outcome
    }

    async fn attempt(&self, claimed: Claimed, is_away: &AtomicBool) -> Result<(), Error> {
        let mail = &claimed.mail;
        let sent = if is_away.load(Ordering::Relaxed) {
            Err(MailError::Away("it was just now, for another mail".into()))
        } else {
            self.send(&claimed).await
        };
        let now = self.clock.now();
        let attempt = match sent {
            Ok(delivery) => Attempt::Done(delivery),
            Err(error) => {
                if matches!(error, MailError::Unsupported(_)) {
                    self.observer.payment(PaymentReport::UnsupportedAddress);
                }
                is_away.fetch_or(matches!(error, MailError::Away(_)), Ordering::Relaxed);
                after(mail, &error, now)
            }
        };
        self.observer.payment(PaymentReport::Mail(&attempt));
        tell(mail, &attempt);
        self.outbox.settle(mail.id, &attempt, now, Deadline::within(TICK_TIME)).await
    }

    /// Sends one. Should writing it panic, that is the mail's own trouble and nobody else's.
    async fn send(&self, claimed: &Claimed) -> Result<Delivery, MailError> {
        let letter = Letter::of(claimed);
        let sending = self.mailer.send(&letter, Deadline::within(SEND_TIME));
        AssertUnwindSafe(sending).catch_unwind().await.unwrap_or_else(|_panic| {
            self.observer.panic_caught("mail");
            Err(MailError::Temporary("writing it panicked".into()))
        })
    }
}

fn tell(mail: &Mail, attempt: &Attempt) {
    let Mail { id, payment, attempts, status, .. } = mail;
    match attempt {
        Attempt::Done(Delivery::Sent) => tracing::info!(mail_id = %id, payment_id = %payment, %status, "mail sent"),
        // The log has just told of it, with its subject.
        Attempt::Done(Delivery::Logged) => {
            tracing::debug!(mail_id = %id, payment_id = %payment, %status, "mail logged")
        }
        Attempt::Done(Delivery::Written) => {
            tracing::info!(mail_id = %id, payment_id = %payment, %status, "mail written to a file, not sent");
        }
        Attempt::PutBack { error, .. } => tracing::debug!(mail_id = %id, error, "mail put back"),
        Attempt::Failed { error, .. } => {
            tracing::warn!(mail_id = %id, payment_id = %payment, attempts, error, "mail not sent")
        }
        Attempt::Dead { error } => {
            tracing::error!(mail_id = %id, payment_id = %payment, attempts, error, "mail given up");
        }
    }
}

/// What follows from a failure.
fn after(mail: &Mail, error: &MailError, now: DateTime<Utc>) -> Attempt {
    let told = error.to_string();
    match error {
        MailError::Away(_) => Attempt::PutBack { due: now + AWAY_WAIT, error: told },
        MailError::Permanent(_) => Attempt::Dead { error: told },
        MailError::Temporary(_) | MailError::Unsupported(_) | MailError::Unknown(_)
            if mail.attempts + 1 >= MAX_ATTEMPTS =>
        {
            Attempt::Dead { error: told }
        }
        MailError::Temporary(_) | MailError::Unsupported(_) | MailError::Unknown(_) => {
            let due = now + wait_after(mail.attempts, mail.id.lot());
            Attempt::Failed { due, error: told, is_uncertain: matches!(error, MailError::Unknown(_)) }
        }
    }
}

/// How long to wait after a failure when there have been this many before: twice as long each time, and a fifth more or less by
/// lot, so that mails that failed together do not come back together.
fn wait_after(attempts: u32, lot: u64) -> TimeDelta {
    let factor = 2_i32.saturating_pow(attempts.min(16));
    let wait = FIRST_WAIT.checked_mul(factor).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT));
    let share = i32::try_from(lot.rotate_left(attempts * 7) % 401).unwrap_or(200);
    wait * (800 + share) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(attempts: u32) -> Mail {
        Mail {
            id: MailId::generate(),
            payment: PaymentId::generate(),
            event: 3,
            status: Status::Success,
            audience: Audience::Buyer,
            state: MailState::Queued,
            attempts,
            next_at: DateTime::UNIX_EPOCH,
            error: None,
        }
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_an_hour_give_or_take_a_fifth() {
        for (attempts, minutes) in [(0, 1), (1, 2), (3, 8), (6, 60), (9, 60)] {
            for lot in 0..2_000_u64 {
                let wait = wait_after(attempts, lot.wrapping_mul(0x9e37_79b9_7f4a_7c15)).num_seconds();
                assert!((minutes * 48..=minutes * 72).contains(&wait), "{attempts}: {wait} s");
            }
        }
    }

    #[test]
    fn what_follows_depends_on_whose_fault_it_is() {
        let now = DateTime::UNIX_EPOCH;
        let temporary = || MailError::Temporary("451".into());
        assert!(matches!(after(&mail(0), &temporary(), now), Attempt::Failed { is_uncertain: false, .. }));
        assert!(matches!(after(&mail(9), &temporary(), now), Attempt::Dead { .. }));
        assert!(matches!(after(&mail(0), &MailError::Permanent("550".into()), now), Attempt::Dead { .. }));
        // Another server may stand in for one that takes no such addresses, and an operator can put it right meanwhile.
        let unsupported = || MailError::Unsupported("no SMTPUTF8".into());
        assert!(matches!(after(&mail(0), &unsupported(), now), Attempt::Failed { is_uncertain: false, .. }));
        let given_up = after(&mail(9), &unsupported(), now);
        assert!(matches!(given_up, Attempt::Dead { error } if error.contains("cannot take its address: no SMTPUTF8")));
        let unknown = MailError::Unknown("reset".into());
        assert!(matches!(after(&mail(0), &unknown, now), Attempt::Failed { is_uncertain: true, .. }));
        // A server that is away for days costs no mail an attempt.
        let away = after(&mail(9), &MailError::Away("refused".into()), now);
        assert!(matches!(away, Attempt::PutBack { due, .. } if due == now + AWAY_WAIT));
    }
}
