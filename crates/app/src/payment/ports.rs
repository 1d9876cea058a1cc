//! What payments need from outside, but for the gateway ([`gateway`](super::gateway)) and the post ([`post`](super::post)).
#![warn(missing_docs)]

use crate::clock::Deadline;
use crate::payment::{NotificationId, NotificationOutcome, PaymentListing, StoredNotification, Timeline};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::Error;
use domain::payment::{
    Event, IdempotencyKey, ManualResolution, Order, Payment, PaymentId, ReportOutcome, ResolutionError,
};
use domain::user::UserId;
use strum::IntoStaticStr;

/// The outcome of placing an order.
#[derive(Debug)]
pub enum PlaceOutcome {
    /// It is recorded, and its pieces are reserved.
    Created(Payment),
    /// The buyer placed an order with the same key before.
    Repeated(Payment),
    /// Another payment has the code that was drawn for it. Nothing was recorded.
    CodeTaken,
}

/// Why a payment changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// A buyer has ordered.
    Order,
    /// The gateway has sent a notification; what came of it is recorded with the change.
    Notification(NotificationId),
    /// The gateway was asked, because it was time.
    Check,
    /// An operator had the gateway asked.
    Operator,
}

impl Cause {
    /// The name in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What is done to a payment while nobody else changes it. It may be done several times, each time but the last without
/// effect, so it must do nothing but change the payment.
pub type Change = Box<dyn Fn(&mut Payment) -> ReportOutcome + Send + Sync>;

/// The payments and the pieces that are reserved for them, as commands see them: always the primary database.
///
/// Every method fails with [`ErrorCode::Unavailable`](domain::error::ErrorCode::Unavailable) when the database is away or has
/// more work than it takes, and with [`ErrorCode::DeadlineExceeded`](domain::error::ErrorCode::DeadlineExceeded) when
/// `by` passed before the work began.
#[async_trait]
pub trait Payments: Send + Sync {
    /// Records an order: takes its pieces off the stock, once for each payment and by a condition on what is there, and adds
    /// its payment, its events and its key in the same transaction.
    ///
    /// # Errors
    /// [`ErrorCode::OrderedProductNotFound`](domain::error::ErrorCode::OrderedProductNotFound) where there is no such product
    /// any more, those of [`Order::payment`], and [`ErrorCode::TokenInvalid`](domain::error::ErrorCode::TokenInvalid) where
    /// there is no such buyer any more. Nothing is recorded then.
    async fn place(&self, order: &Order, by: Deadline) -> Result<PlaceOutcome, Error>;

    /// The payment that a buyer has ordered under a key.
    async fn ordered_before(&self, buyer: UserId, key: &IdempotencyKey, by: Deadline)
    -> Result<Option<Payment>, Error>;

    /// The payment.
    async fn payment(&self, id: PaymentId, by: Deadline) -> Result<Option<Payment>, Error>;

    /// Changes a payment while nobody else does. In the same transaction its pieces are moved to where it says that they are,
    /// its events are recorded, a mail is queued for each change that buyer or seller see, and a notification that caused it
    /// is judged by what came of it. Returns the payment as it is then; none where there is no such payment.
    async fn change(
        &self,
        id: PaymentId,
        cause: Cause,
        change: Change,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Option<(Payment, ReportOutcome)>, Error>;

    /// Takes up to `limit` payments about which the gateway is to be asked. Nobody else gets them before `retry_at`.
    async fn claim_due(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<Payment>, Error>;

    /// Drops keys of orders that were made before `before`, and tells how many.
    async fn forget_keys(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}

/// Reads one payment, perhaps from a replica that lags behind the primary. Errors are those of [`Payments`]; each call may be
/// repeated.
#[async_trait]
pub trait PaymentQueries: Send + Sync {
    /// Returns a payment; none where no payment has this id.
    async fn payment(&self, id: PaymentId, by: Deadline) -> Result<Option<Payment>, Error>;

    /// Returns everything that has happened to a payment; an empty timeline where no payment has this id.
    async fn timeline(&self, id: PaymentId, by: Deadline) -> Result<Timeline, Error>;
}

/// Lists payments, perhaps from a replica that lags behind the primary. Errors are those of [`Payments`]; each call may be
/// repeated.
#[async_trait]
pub trait PaymentLists: Send + Sync {
    /// Returns the payments of a listing, the newest first, and one more than its limit where more follow.
    async fn list(&self, listing: &PaymentListing, by: Deadline) -> Result<Vec<Payment>, Error>;

    /// Counts all payments of a listing.
    async fn count(&self, listing: &PaymentListing, by: Deadline) -> Result<u64, Error>;
}

/// Reads the events of payments, always from the primary database: whoever watches a payment sees each write that ended before
/// the call. Errors are those of [`Payments`]; each call may be repeated.
#[async_trait]
pub trait PaymentEvents: Send + Sync {
    /// Returns the events of a payment whose number is greater than this one, in order.
    async fn events_after(&self, id: PaymentId, number: u32, by: Deadline) -> Result<Vec<Event>, Error>;

    /// Counts the events of each of these payments. Ids that no payment has are left out.
    async fn event_counts(&self, ids: &[PaymentId], by: Deadline) -> Result<Vec<(PaymentId, u32)>, Error>;
}

/// The outcome of storing a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It is stored; the caller applies it.
    New(NotificationId),
    /// The same notification was stored before.
    Duplicate,
    /// It is stored, and no payment has the order id that it names.
    UnknownOrder,
}

/// The notifications that the gateway has sent: kept before anything is done about them, so that none is lost.
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Keeps a notification, once however often it comes. Nobody else gets it before `retry_at`.
    async fn store(
        &self,
        received: &StoredNotification,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<StoreOutcome, Error>;

    /// Takes up to `limit` notifications that are due and about which nothing has been done. Nobody else gets them before
    /// `retry_at`.
    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<PendingNotification>, Error>;

    /// Records what came of one.
    async fn complete(
        &self,
        id: NotificationId,
        outcome: NotificationOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error>;

    /// Has one tried again from `due` on.
    async fn postpone(&self, id: NotificationId, due: DateTime<Utc>, by: Deadline) -> Result<(), Error>;
}

/// A notification that has been taken out to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingNotification {
    /// Identifies it.
    pub id: NotificationId,
    /// What the gateway calls the payment.
    pub order: String,
    /// The gateway's name for the attempt to pay, where the notification told it.
    pub transaction: Option<String>,
    /// How often it has been tried before.
    pub attempts: u32,
}

/// What persons say about payments for which the gateway's word alone will not do.
#[async_trait]
pub trait ManualResolutions: Send + Sync {
    /// Settles a payment by a person's word ([`Payment::resolve`]), and in the same transaction moves its pieces, queues its
    /// mails, and writes the audit log. Returns the payment as it is then, or why that cannot be; none where there is no such
    /// payment.
    async fn resolve(
        &self,
        id: PaymentId,
        ruling: &ManualResolution,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Option<Result<Payment, ResolutionError>>, Error>;
}

/// Work that one server at a time does.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes a lease, or keeps it: tells whether `holder` has it until `until`.
    async fn hold(
        &self,
        name: &'static str,
        holder: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        by: Deadline,
    ) -> Result<bool, Error>;
}

/// Wakes those who wait for a payment to change. It may wake them for nothing, and soon after any server has changed it.
#[async_trait]
pub trait PaymentNotifier: Send + Sync {
    /// Tells that a payment has changed here.
    fn notify(&self, id: PaymentId);

    /// Begins to listen; none where too many do.
    fn subscribe(&self, id: PaymentId) -> Option<Box<dyn Subscription>>;
}

/// Somebody who waits for a payment to change.
#[async_trait]
pub trait Subscription: Send {
    /// Waits until it may have changed since this was last called, or since listening began, and no longer than to `by`.
    async fn changed(&mut self, by: Deadline);
}
