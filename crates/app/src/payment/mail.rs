//! Mails about payments: queued with the change that they tell of, and sent by whichever server comes to it first.
#![warn(missing_docs)]

use crate::clock::Deadline;
use crate::payment::view::Audience;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::{BoxError, Error};
use domain::id::uuid_id;
use domain::money::Money;
use domain::payment::{EventKind, Payment, PaymentId, State, Status};
use strum::{EnumString, IntoStaticStr, VariantArray};

uuid_id! {
    /// Identifies a mail: a UUID version 7.
    MailId
}

impl MailId {
    /// A number that is always the same for the mail, and has nothing to do with that of another.
    pub(super) const fn jitter_seed(self) -> u64 {
        self.as_uuid().as_u64_pair().1
    }
}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
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
    pub const ALL: &[Self] = Self::VARIANTS;
    /// Those of a mail with which there is nothing left to do.
    pub const DONE: [Self; 3] = [Self::Sent, Self::Logged, Self::Written];

    /// The name in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Rebuilds a state from storage.
    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        name.parse().ok()
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
pub struct ClaimedMail {
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
pub struct MailContent {
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

impl MailContent {
    /// The letter that tells what a mail was queued for.
    #[must_use]
    pub fn of(claimed: &ClaimedMail) -> Self {
        let ClaimedMail { mail, payment, name, email } = claimed;
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
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server is away, or cannot be spoken to; the letter has not been shown to it.
    #[error("the mail server is away: {0}")]
    Away(BoxError),
    /// The server refuses us, whatever the letter: it does not know our account, or will have no mail from our address.
    #[error("the mail server refuses us: {0}")]
    Refused(BoxError),
    /// The server refuses the letter because of us, not because of whom it is to: we have sent too much, or are on a list.
    #[error("the mail server refuses it because of us: {0}")]
    Blocked(BoxError),
    /// The server puts it off.
    #[error("the mail server puts it off: {0}")]
    Temporary(BoxError),
    /// The server cannot take such an address, now; another one, or the same one set otherwise, could.
    #[error("the mail server cannot take its address: {0}")]
    Unsupported(BoxError),
    /// The server will not have it, or it cannot be written.
    #[error("it cannot be sent: {0}")]
    Permanent(BoxError),
    /// The connection was lost when all had been said: nobody knows whether the server has taken it.
    #[error("the connection was lost, perhaps after it was sent: {0}")]
    Unknown(BoxError),
    /// When all had been said, the server answered what says neither that it has taken it nor that it has not.
    #[error("it may have been sent; the mail server's answer says neither: {0}")]
    Unclear(BoxError),
}

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
pub trait MailSender: Send + Sync {
    /// Sends one, or does what is done in place of that; tells which. It ends by itself, perhaps after many minutes.
    async fn send(&self, mail: &MailContent) -> Result<Delivery, MailError>;
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// There is nothing left to do.
    Done(Delivery),
    /// It is tried again later, and this attempt does not count.
    Deferred {
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
    ) -> Result<Vec<ClaimedMail>, Error>;

    /// Makes sure that nobody else gets these mails, which were claimed, before `until`.
    async fn renew(&self, ids: &[MailId], until: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Whether an operator has had a mail that waits tried at once since then.
    async fn is_hastened(&self, since: DateTime<Utc>, by: Deadline) -> Result<bool, Error>;

    /// Records how an attempt ended. Others may get it when it is due again.
    async fn record_attempt(
        &self,
        id: MailId,
        attempt: &SendOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error>;

    /// Up to `limit` mails in a state, or in any; the longest waiting first.
    async fn mails(&self, state: Option<MailState>, limit: u32, by: Deadline) -> Result<Vec<Mail>, Error>;

    /// Has mails that are dead, or that wait, tried at once and as often as new ones; tells how many. One that is being sent
    /// stays with whoever sends it.
    async fn retry(&self, which: MailSelection, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;

    /// Drops mails that were sent before `before`, and tells how many.
    async fn purge(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}
