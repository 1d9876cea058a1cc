//! Mails about payments: queued in the transaction of the change that they report, and sent by any server.
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
    /// The id of a mail: a UUID version 7.
    MailId
}

impl MailId {
    /// The seed of the jitter: constant for this mail, and independent of that of other mails.
    pub(super) const fn jitter_seed(self) -> u64 {
        self.as_uuid().as_u64_pair().1
    }
}

/// Returns who gets a mail about an event.
#[must_use]
pub fn recipients(event: EventKind) -> &'static [Audience] {
    match event.shown() {
        Some(Status::Success) => &[Audience::Buyer, Audience::Seller],
        Some(_) => &[Audience::Buyer],
        None => &[],
    }
}

/// The state of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum MailState {
    /// It waits to be sent.
    Queued,
    /// The mail server accepted it.
    Sent,
    /// It was logged instead of sent.
    Logged,
    /// It was written to a file instead of sent.
    Written,
    /// It was given up; an operator may retry it.
    Dead,
}

impl MailState {
    /// All states.
    pub const ALL: &[Self] = Self::VARIANTS;
    /// The states of finished mails.
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

/// A stored mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The mail's id.
    pub id: MailId,
    /// The payment that it is about.
    pub payment: PaymentId,
    /// The number of the payment's event that it reports.
    pub event: u32,
    /// The payment's status after that event.
    pub status: Status,
    /// The recipient's role.
    pub audience: Audience,
    /// What has become of it.
    pub state: MailState,
    /// The number of attempts.
    pub attempts: u32,
    /// The number of attempts with an unknown outcome.
    pub uncertain: u32,
    /// The time of the next attempt while it is queued.
    pub next_at: DateTime<Utc>,
    /// The error of the last attempt.
    pub error: Option<String>,
}

/// A claimed mail with its payment and recipient.
#[derive(Clone, Debug)]
pub struct ClaimedMail {
    /// The mail.
    pub mail: Mail,
    /// The payment in its present state.
    pub payment: Payment,
    /// The recipient's name.
    pub name: String,
    /// The recipient's e-mail address.
    pub email: String,
}

/// The content of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailContent {
    /// The local part of its `Message-ID` (RFC 5322 §3.6.4), the same at every attempt.
    pub message_id: String,
    /// The recipient's role.
    pub audience: Audience,
    /// The recipient's name.
    pub name: String,
    /// The recipient's e-mail address.
    pub email: String,
    /// The status that it reports.
    pub status: Status,
    /// The payment's code.
    pub code: String,
    /// The product's name.
    pub product: String,
    /// The number of pieces.
    pub quantity: i32,
    /// The price of one piece.
    pub price: Money,
    /// The total.
    pub total: Money,
    /// The fee that the payer paid for the payment method on top of the total.
    pub fee: Money,
    /// The refunded part of total and fee together.
    pub refunded: Money,
    /// The page's URL while the payment can be paid.
    pub payment_url: Option<String>,
    /// The end of the time in which it can be paid.
    pub expires_at: DateTime<Utc>,
}

impl MailContent {
    /// Builds the content of a claimed mail.
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

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server is unavailable; it has not seen the mail.
    #[error("the mail server is away: {0}")]
    Away(BoxError),
    /// The server refuses the sender, whatever the mail: it does not accept the account or the address.
    #[error("the mail server refuses us: {0}")]
    Refused(BoxError),
    /// The server refuses the mail because of its sender, not its recipient: a limit is reached, or the sender is on a
    /// blocklist.
    #[error("the mail server refuses it because of us: {0}")]
    Blocked(BoxError),
    /// The server defers it.
    #[error("the mail server puts it off: {0}")]
    Temporary(BoxError),
    /// The server does not support the recipient's address; another server, or the same one with another configuration, may.
    #[error("the mail server cannot take its address: {0}")]
    Unsupported(BoxError),
    /// The server rejects it for good, or it cannot be composed.
    #[error("it cannot be sent: {0}")]
    Permanent(BoxError),
    /// The connection was lost after the whole mail was sent: whether the server accepted it is unknown.
    #[error("the connection was lost, perhaps after it was sent: {0}")]
    Unknown(BoxError),
    /// After the whole mail was sent, the server's answer says neither that it accepted nor that it rejected the mail.
    #[error("it may have been sent; the mail server's answer says neither: {0}")]
    Unclear(BoxError),
}

/// Where a mail went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// To the mail server, which accepted it.
    Sent,
    /// Into the log, as one line.
    Logged,
    /// Into a file.
    Written,
}

impl Delivery {
    /// The resulting state of the mail.
    #[must_use]
    pub const fn state(self) -> MailState {
        match self {
            Self::Sent => MailState::Sent,
            Self::Logged => MailState::Logged,
            Self::Written => MailState::Written,
        }
    }
}

/// Sends mails.
#[async_trait]
pub trait MailSender: Send + Sync {
    /// Sends a mail, or logs or writes it, and returns which. The call has no deadline and may take many minutes. It may be
    /// repeated after every error except [`MailError::Unknown`] and [`MailError::Unclear`], after which a repetition may
    /// send the mail twice.
    async fn send(&self, mail: &MailContent) -> Result<Delivery, MailError>;
}

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The mail is finished.
    Done(Delivery),
    /// The mail is tried again later, and this attempt does not count.
    Deferred {
        /// The time of the next attempt.
        due: DateTime<Utc>,
        /// The error.
        error: String,
    },
    /// The mail is tried again later.
    Failed {
        /// The time of the next attempt.
        due: DateTime<Utc>,
        /// The error.
        error: String,
        /// Whether it may have been sent.
        is_uncertain: bool,
    },
    /// The mail is given up.
    Dead {
        /// The error.
        error: String,
    },
}

/// The mails that an operator selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSelection {
    /// One mail.
    One(MailId),
    /// All mails that were given up or wait after a failure.
    AllFailed,
}

/// The mail queue, in the same database as the payments. Errors are those of [`Payments`](crate::payment::Payments).
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Claims up to `limit` due mails, the longest waiting first. No other call returns them before `retry_at`.
    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<ClaimedMail>, Error>;

    /// Extends the claims of these mails to `until`. May be repeated.
    async fn renew(&self, ids: &[MailId], until: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Whether an operator called `retry` for a waiting mail since then. May be repeated.
    async fn is_hastened(&self, since: DateTime<Utc>, by: Deadline) -> Result<bool, Error>;

    /// Records the outcome of an attempt and ends the claim.
    async fn record_attempt(
        &self,
        id: MailId,
        attempt: &SendOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error>;

    /// Returns up to `limit` mails in this state, or in any, the longest waiting first. May be repeated.
    async fn mails(&self, state: Option<MailState>, limit: u32, by: Deadline) -> Result<Vec<Mail>, Error>;

    /// Makes dead or waiting mails due at once, with as many attempts as new ones, and returns their number. A mail that is
    /// being sent keeps its claim. May be repeated.
    async fn retry(&self, which: MailSelection, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;

    /// Deletes mails that were sent before `before` and returns their number. May be repeated.
    async fn purge(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}
