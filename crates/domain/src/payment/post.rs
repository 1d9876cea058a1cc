//! Mails about payments: queued with the change that they tell of, and sent by whichever server comes to it first.
//!
//! A mail is taken out under a lease, sent outside any transaction, and ticked off. Mail servers may take minutes for one, so the
//! lease is renewed for as long as that goes on. A server that dies between the last two leaves a mail that is sent once more,
//! with the same `Message-ID`.

use crate::clock::{Clock, Deadline};
use crate::error::{BoxError, Error};
use crate::id::uuid_id;
use crate::money::Money;
use crate::observe::{Observer, PaymentReport};
use crate::payment::view::Audience;
use crate::payment::{EventKind, Payment, PaymentId, State, Status};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// How long a mail is nobody else's, unless that is renewed.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How often [`Postman::renew`] is to be called while mails are sent.
pub const RENEW_EVERY: Duration = Duration::from_secs(15);
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
/// The same while it refuses us: what is asked of it more often is taken for an attack.
const REFUSED_WAIT: TimeDelta = TimeDelta::minutes(5);
/// The longest wait between two attempts of a mail that is refused because of us.
const LONGEST_BLOCKED_WAIT: TimeDelta = TimeDelta::hours(4);
/// How often such a mail is tried: for about five days (RFC 5321 §4.5.4.1).
const MAX_BLOCKED_ATTEMPTS: u32 = 38;
/// How often it may be that a mail was sent and nobody knows; after that it is a person's to say whether to send it once more.
const MAX_UNCERTAIN: u32 = 3;

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
    /// After how many of these it was not known whether it was sent.
    pub uncertain: u32,
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
    /// The server is away, or cannot be spoken to; the letter has not been shown to it.
    Away(BoxError),
    /// The server refuses us, whatever the letter: it does not know our account, or will have no mail from our address.
    Refused(BoxError),
    /// The server refuses the letter because of us, not because of whom it is to: we have sent too much, or are on a list.
    Blocked(BoxError),
    /// The server puts it off.
    Temporary(BoxError),
    /// The server cannot take such an address, now; another one, or the same one set otherwise, could.
    Unsupported(BoxError),
    /// The server will not have it, or it cannot be written.
    Permanent(BoxError),
    /// The connection was lost when all had been said: nobody knows whether the server has taken it.
    Unknown(BoxError),
    /// When all had been said, the server answered what says neither that it has taken it nor that it has not.
    Unclear(BoxError),
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(reason) => write!(f, "the mail server is away: {reason}"),
            Self::Refused(reason) => write!(f, "the mail server refuses us: {reason}"),
            Self::Blocked(reason) => write!(f, "the mail server refuses it because of us: {reason}"),
            Self::Temporary(reason) => write!(f, "the mail server puts it off: {reason}"),
            Self::Unsupported(reason) => write!(f, "the mail server cannot take its address: {reason}"),
            Self::Permanent(reason) => write!(f, "it cannot be sent: {reason}"),
            Self::Unknown(reason) => write!(f, "the connection was lost, perhaps after it was sent: {reason}"),
            Self::Unclear(reason) => {
                write!(f, "it may have been sent; the mail server's answer says neither: {reason}")
            }
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
    /// Sends one, or does what is done in place of that; tells which. It ends by itself, perhaps after many minutes.
    async fn send(&self, letter: &Letter) -> Result<Delivery, MailError>;
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
    /// All that are not tried any more, and all that wait after a failure.
    AllFailed,
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

    /// Makes sure that nobody else gets these mails, which were claimed, before `until`.
    async fn renew(&self, ids: &[MailId], until: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Whether an operator has had a mail that waits tried at once since then.
    async fn is_hastened(&self, since: DateTime<Utc>, by: Deadline) -> Result<bool, Error>;

    /// Records how an attempt ended. Others may get it when it is due again.
    async fn settle(&self, id: MailId, attempt: &Attempt, now: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Up to `limit` mails in a state, or in any; the longest waiting first.
    async fn mails(&self, state: Option<MailState>, limit: u32, by: Deadline) -> Result<Vec<Mail>, Error>;

    /// Has mails that are dead, or that wait, tried at once and as often as new ones; tells how many. One that is being sent
    /// stays with whoever sends it.
    async fn retry(&self, which: MailSelection, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;

    /// Drops mails that were sent before `before`, and tells how many.
    async fn purge(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}

/// Why no mail of a batch can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// The server is away.
    Away,
    /// The server refuses us.
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

/// What sending is about at the moment.
#[derive(Default)]
struct Work {
    /// The mails that are out.
    claimed: BTreeSet<MailId>,
    /// What keeps them all from being sent.
    obstacle: Option<Obstacle>,
    /// Since when and until when that is taken to go on.
    rest: Option<(DateTime<Utc>, DateTime<Utc>)>,
    is_stopping: bool,
}

/// Sends what is in the outbox. Any number of servers may do so at once.
pub struct Postman {
    outbox: Arc<dyn Outbox>,
    mailer: Arc<dyn Mailer>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    work: Mutex<Work>,
}

impl Postman {
    /// Sends what is in the outbox by the mailer.
    #[must_use]
    pub fn new(
        outbox: Arc<dyn Outbox>,
        mailer: Arc<dyn Mailer>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { outbox, mailer, clock, observer, work: Mutex::default() }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is due until there is no more, and tells how many mails it looked at. While that goes on,
    /// [`renew`](Self::renew) is to be called every [`RENEW_EVERY`]. For some time after the server was found away it looks at
    /// none, unless an operator is in a hurry. `pause` says when to look for more while some are being sent: a mail server may
    /// take minutes for one, and the others are not to wait for it.
    ///
    /// # Errors
    /// Those of the storage. That the mail server fails is noted there, to be tried again later.
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

    /// Takes out what is due, unless there is no use in that for now.
    async fn claim(&self) -> Result<VecDeque<Claimed>, Error> {
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

    /// Keeps the mails that are being sent, and those that are to be sent next, from being sent by others.
    ///
    /// # Errors
    /// Those of the storage. A lease that cannot be renewed ends some time after.
    pub async fn renew(&self) -> Result<(), Error> {
        let claimed: Vec<_> = self.work().claimed.iter().copied().collect();
        if claimed.is_empty() {
            return Ok(());
        }
        self.outbox.renew(&claimed, self.clock.now() + LEASE, Deadline::within(TICK_TIME)).await
    }

    /// From now on begins to send no mail: those that are out and have not been begun are put back.
    pub fn stop(&self) {
        self.work().is_stopping = true;
    }

    async fn attempt(&self, claimed: Claimed) -> Result<(), Error> {
        let mail = &claimed.mail;
        let (is_stopping, obstacle) = {
            let work = self.work();
            (work.is_stopping, work.obstacle)
        };
        let attempt = match (is_stopping, obstacle) {
            (true, _) => Attempt::PutBack { due: self.clock.now(), error: "this server was about to stop".to_owned() },
            (false, Some(obstacle)) => after(mail, &obstacle.error(), self.clock.now()),
            (false, None) => match self.send(&claimed).await {
                Ok(delivery) => {
                    // It does let us in, whatever it said to another one of us at the same time.
                    let mut work = self.work();
                    (work.obstacle, work.rest) = (None, None);
                    Attempt::Done(delivery)
                }
                Err(error) => {
                    self.heed(&error);
                    after(mail, &error, self.clock.now())
                }
            },
        };
        self.observer.payment(PaymentReport::Mail(&attempt));
        tell(mail, &attempt);
        let settled = self.outbox.settle(mail.id, &attempt, self.clock.now(), Deadline::within(TICK_TIME)).await;
        self.work().claimed.remove(&mail.id);
        settled
    }

    /// Draws from a failure what concerns more than the mail that failed.
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

    /// Sends one. Should writing it panic, that is the mail's own trouble and nobody else's.
    async fn send(&self, claimed: &Claimed) -> Result<Delivery, MailError> {
        let letter = Letter::of(claimed);
        let sending = self.mailer.send(&letter);
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
    let has_failed_often = mail.attempts + 1 >= MAX_ATTEMPTS;
    let again = |told, longest, is_uncertain| {
        // What breaks connections may take some time to be mended, and a mail that was sent all the same does not age.
        let attempts = if is_uncertain { mail.attempts.max(mail.uncertain + 4) } else { mail.attempts };
        let due = now + wait_after(attempts, mail.id.lot(), longest);
        Attempt::Failed { due, error: told, is_uncertain }
    };
    match error {
        MailError::Away(_) => Attempt::PutBack { due: now + AWAY_WAIT, error: told },
        MailError::Refused(_) => Attempt::PutBack { due: now + REFUSED_WAIT, error: told },
        MailError::Permanent(_) | MailError::Unclear(_) => Attempt::Dead { error: told },
        MailError::Blocked(_) if mail.attempts + 1 >= MAX_BLOCKED_ATTEMPTS => Attempt::Dead { error: told },
        MailError::Blocked(_) => again(told, LONGEST_BLOCKED_WAIT, false),
        MailError::Unknown(_) if has_failed_often || mail.uncertain + 1 >= MAX_UNCERTAIN => {
            Attempt::Dead { error: told }
        }
        MailError::Unknown(_) => again(told, LONGEST_WAIT, true),
        MailError::Temporary(_) | MailError::Unsupported(_) if has_failed_often => Attempt::Dead { error: told },
        MailError::Temporary(_) | MailError::Unsupported(_) => again(told, LONGEST_WAIT, false),
    }
}

/// How long to wait after a failure when there have been this many before: twice as long each time, and a fifth more or less by
/// lot, so that mails that failed together do not come back together.
fn wait_after(attempts: u32, lot: u64, longest: TimeDelta) -> TimeDelta {
    let factor = 2_i32.saturating_pow(attempts.min(16));
    let wait = FIRST_WAIT.checked_mul(factor).map_or(longest, |wait| wait.min(longest));
    let share = i32::try_from(lot.rotate_left(attempts.wrapping_mul(7)) % 401).unwrap_or(200);
    wait * (800 + share) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::observe::RequestReport;
    use crate::payment::model::tests::opened;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn mail(attempts: u32) -> Mail {
        Mail {
            id: MailId::generate(),
            payment: PaymentId::generate(),
            event: 3,
            status: Status::Success,
            audience: Audience::Buyer,
            state: MailState::Queued,
            attempts,
            uncertain: 0,
            next_at: DateTime::UNIX_EPOCH,
            error: None,
        }
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_an_hour_give_or_take_a_fifth() {
        for (attempts, minutes) in [(0, 1), (1, 2), (3, 8), (6, 60), (9, 60)] {
            for lot in 0..2_000_u64 {
                let wait = wait_after(attempts, lot.wrapping_mul(0x9e37_79b9_7f4a_7c15), LONGEST_WAIT).num_seconds();
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
        // A server that never tells gets no more than a few copies, and one that answers oddly no second.
        let often = Mail { uncertain: 2, ..mail(2) };
        assert!(matches!(after(&often, &unknown, now), Attempt::Dead { .. }));
        assert!(matches!(after(&mail(0), &MailError::Unclear("354".into()), now), Attempt::Dead { .. }));
        // A server that is away for days, or refuses us for as long, costs no mail an attempt.
        let away = after(&mail(9), &MailError::Away("refused".into()), now);
        assert!(matches!(away, Attempt::PutBack { due, .. } if due == now + AWAY_WAIT));
        let refused = after(&mail(9), &MailError::Refused("535".into()), now + TimeDelta::days(30));
        assert!(matches!(refused, Attempt::PutBack { .. }));
    }

    #[test]
    fn a_mail_that_is_refused_because_of_us_waits_for_days_and_is_given_up_in_the_end() {
        let (mut now, mut attempts) = (DateTime::UNIX_EPOCH, 0);
        let blocked = || MailError::Blocked("554 blocked".into());
        while let Attempt::Failed { due, .. } = after(&mail(attempts), &blocked(), now) {
            assert!(due > now && due - now < TimeDelta::hours(5));
            (now, attempts) = (due, attempts + 1);
        }
        let days = (now - DateTime::UNIX_EPOCH).num_hours() / 24;
        assert!((4..=6).contains(&days), "{attempts} attempts in {days} days");
    }

    /// An outbox of mails that are all due, and a mailer that answers each in its turn.
    #[derive(Default)]
    struct Desk {
        due: Mutex<Vec<Claimed>>,
        answers: Mutex<Vec<Result<Delivery, MailError>>>,
        renewed: Mutex<Vec<MailId>>,
        settled: Mutex<Vec<Attempt>>,
        now: Mutex<DateTime<Utc>>,
        is_hastened: Mutex<bool>,
    }

    impl Desk {
        fn with(mails: usize, answers: Vec<Result<Delivery, MailError>>) -> (Arc<Self>, Postman) {
            let claimed =
                |_| Claimed { mail: mail(0), payment: opened(), name: "Ada".into(), email: "ada@x.id".into() };
            let desk = Self { due: Mutex::new((0..mails).map(claimed).collect()), ..Self::default() };
            *desk.answers.lock().unwrap() = answers;
            let desk = Arc::new(desk);
            let postman = Postman::new(desk.clone(), desk.clone(), desk.clone(), desk.clone());
            (desk, postman)
        }
    }

    impl Clock for Desk {
        fn now(&self) -> DateTime<Utc> {
            *self.now.lock().unwrap()
        }
    }

    impl Observer for Desk {
        fn request_answered(&self, _report: &RequestReport<'_>) {}
        fn use_case_ended(&self, _name: &'static str, _outcome: Option<ErrorCode>, _elapsed: Duration) {}
        fn payment(&self, _report: PaymentReport<'_>) {}
        fn panic_caught(&self, _place: &'static str) {}
    }

    #[async_trait]
    impl Mailer for Desk {
        async fn send(&self, _letter: &Letter) -> Result<Delivery, MailError> {
            let answer = self.answers.lock().unwrap().pop();
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
    }

    #[async_trait]
    impl Outbox for Desk {
        async fn claim(
            &self,
            limit: u32,
            _now: DateTime<Utc>,
            _retry_at: DateTime<Utc>,
            _by: Deadline,
        ) -> Result<Vec<Claimed>, Error> {
            let mut due = self.due.lock().unwrap();
            let count = due.len().min(limit as usize);
            Ok(due.drain(..count).collect())
        }

        async fn renew(&self, ids: &[MailId], _until: DateTime<Utc>, _by: Deadline) -> Result<(), Error> {
            self.renewed.lock().unwrap().extend(ids);
            Ok(())
        }

        async fn is_hastened(&self, _since: DateTime<Utc>, _by: Deadline) -> Result<bool, Error> {
            Ok(*self.is_hastened.lock().unwrap())
        }

        async fn settle(
            &self,
            _id: MailId,
            attempt: &Attempt,
            _now: DateTime<Utc>,
            _by: Deadline,
        ) -> Result<(), Error> {
            self.settled.lock().unwrap().push(attempt.clone());
            Ok(())
        }

        async fn mails(&self, _state: Option<MailState>, _limit: u32, _by: Deadline) -> Result<Vec<Mail>, Error> {
            Ok(Vec::new())
        }

        async fn retry(&self, _which: MailSelection, _now: DateTime<Utc>, _by: Deadline) -> Result<usize, Error> {
            Ok(0)
        }

        async fn purge(&self, _before: DateTime<Utc>, _by: Deadline) -> Result<usize, Error> {
            Ok(0)
        }
    }

    fn run(postman: &Postman) -> usize {
        postman.run(std::future::pending).now_or_never().unwrap().unwrap()
    }

    #[test]
    fn mails_that_come_while_another_takes_long_do_not_wait_for_it() {
        let (desk, postman) = Desk::with(1, Vec::new());
        let turns = AtomicUsize::new(0);
        let pause = || {
            let is_first = turns.fetch_add(1, Ordering::Relaxed) == 0;
            if is_first {
                let late = Claimed { mail: mail(0), payment: opened(), name: "Bob".into(), email: "bob@x.id".into() };
                desk.due.lock().unwrap().push(late);
                desk.answers.lock().unwrap().push(Ok(Delivery::Sent));
            }
            async move {
                if !is_first {
                    std::future::pending().await
                }
            }
        };
        let mut running = Box::pin(postman.run(pause));
        assert!(running.as_mut().now_or_never().is_none(), "the first one is still being sent");
        assert!(matches!(desk.settled.lock().unwrap()[..], [Attempt::Done(Delivery::Sent)]));
    }

    #[test]
    fn mails_that_take_long_are_kept_and_those_that_are_not_begun_are_put_back_at_the_end() {
        let sent = || Ok(Delivery::Sent);
        // Two are sent; the server has not answered for four when the process is to stop.
        let (desk, postman) = Desk::with(9, vec![sent(), sent()]);
        let mut running = Box::pin(postman.run(std::future::pending));
        assert!(running.as_mut().now_or_never().is_none());
        postman.renew().now_or_never().unwrap().unwrap();
        assert_eq!(desk.renewed.lock().unwrap().len(), 7, "four under way, three to come");
        drop(running);
        let (desk, postman) = Desk::with(3, Vec::new());
        postman.stop();
        assert_eq!(run(&postman), 0, "nothing is taken out any more");
        assert_eq!(desk.due.lock().unwrap().len(), 3);
    }

    #[test]
    fn a_server_that_lets_nobody_in_is_left_alone_for_a_while() {
        for (error, wait) in
            [(MailError::Away("refused".into()), AWAY_WAIT), (MailError::Refused("535".into()), REFUSED_WAIT)]
        {
            let (desk, postman) = Desk::with(30, vec![Err(error)]);
            assert_eq!(run(&postman), 20);
            let settled = desk.settled.lock().unwrap().len();
            assert_eq!((settled, run(&postman)), (20, 0), "nobody is asked, and nothing is taken out");
            *desk.now.lock().unwrap() += wait;
            desk.answers.lock().unwrap().extend((0..10).map(|_| Ok(Delivery::Sent)));
            assert_eq!((run(&postman), run(&postman)), (10, 0));
            assert_eq!(desk.settled.lock().unwrap().len(), 30);
            // An operator who has put it right does not wait.
            let (desk, postman) = Desk::with(2, vec![Ok(Delivery::Sent), Err(MailError::Refused("535".into()))]);
            assert_eq!((run(&postman), run(&postman)), (2, 0));
            desk.due.lock().unwrap().push(Claimed {
                mail: mail(0),
                payment: opened(),
                name: String::new(),
                email: String::new(),
            });
            *desk.is_hastened.lock().unwrap() = true;
            assert_eq!(run(&postman), 1);
        }
    }

    #[test]
    fn a_mail_that_is_blocked_holds_up_no_other() {
        let answers = vec![Ok(Delivery::Sent), Err(MailError::Blocked("554".into())), Ok(Delivery::Sent)];
        let (desk, postman) = Desk::with(3, answers);
        assert_eq!(run(&postman), 3);
        let settled = desk.settled.lock().unwrap();
        assert_eq!(settled.iter().filter(|attempt| matches!(attempt, Attempt::Done(_))).count(), 2);
    }
}
