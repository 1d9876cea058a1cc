//! The ports of payments, except the gateway ([`gateway`](super::gateway)) and mails ([`mail`](super::mail)).
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
    /// Another payment has the drawn code. Nothing is recorded.
    CodeTaken,
}

/// Why a payment changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// A buyer ordered.
    Order,
    /// The gateway sent a notification, whose outcome is recorded with the change.
    Notification(NotificationId),
    /// The reconciler asked the gateway.
    Check,
    /// An operator asked the gateway.
    Operator,
}

impl Cause {
    /// The name in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A change of a locked payment. An implementation may call it several times and discard all results but the last, so it
/// must have no effect besides changing the payment.
pub type Change = Box<dyn Fn(&mut Payment) -> ReportOutcome + Send + Sync>;

/// Payments and their reserved pieces, for commands: always the primary database.
///
/// Every method returns [`ErrorCode::Unavailable`](domain::error::ErrorCode::Unavailable) if the database is unavailable or
/// its queue is full, and [`ErrorCode::DeadlineExceeded`](domain::error::ErrorCode::DeadlineExceeded) if `by` passed before
/// the work began. A write that returns an error may have been made if the connection was lost at its commit.
#[async_trait]
pub trait Payments: Send + Sync {
    /// Records an order: takes its pieces off the stock by a conditional update, and adds its payment, its events and its
    /// key in the same transaction. An order with a key may be repeated: the answer is then `Repeated`.
    ///
    /// # Errors
    /// [`ErrorCode::OrderedProductNotFound`](domain::error::ErrorCode::OrderedProductNotFound) if the product does not exist
    /// any more, those of [`Order::payment`], and [`ErrorCode::TokenInvalid`](domain::error::ErrorCode::TokenInvalid) if the
    /// buyer does not exist any more. Nothing is recorded then.
    async fn place(&self, order: &Order, by: Deadline) -> Result<PlaceOutcome, Error>;

    /// Returns the payment that a buyer ordered with this key. May be repeated.
    async fn ordered_before(&self, buyer: UserId, key: &IdempotencyKey, by: Deadline)
    -> Result<Option<Payment>, Error>;

    /// Returns a payment; `None` if no payment has this id. May be repeated.
    async fn payment(&self, id: PaymentId, by: Deadline) -> Result<Option<Payment>, Error>;

    /// Changes a locked payment. In the same transaction the implementation moves its pieces to the reservation that the
    /// payment states, stores its events, queues a mail for each change that buyer or seller see, and completes the
    /// notification that caused the change. Returns the changed payment; `None` if no payment has this id. May be repeated
    /// if the change may be.
    async fn change(
        &self,
        id: PaymentId,
        cause: Cause,
        change: Change,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Option<(Payment, ReportOutcome)>, Error>;

    /// Claims up to `limit` payments whose check is due. No other call returns them before `retry_at`. A lost answer delays
    /// them until then.
    async fn claim_due(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<Payment>, Error>;

    /// Deletes the keys of orders from before `before` and returns their number. May be repeated.
    async fn forget_keys(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}

/// Reads one payment, always from the primary database. Errors are those of [`Payments`]; each call may be repeated.
#[async_trait]
pub trait PaymentQueries: Send + Sync {
    /// Returns a payment; `None` if no payment has this id.
    async fn payment(&self, id: PaymentId, by: Deadline) -> Result<Option<Payment>, Error>;

    /// Returns everything that has happened to a payment; an empty timeline where no payment has this id.
    async fn timeline(&self, id: PaymentId, by: Deadline) -> Result<Timeline, Error>;
}

/// Lists payments, always from the primary database. Errors are those of [`Payments`]; each call may be repeated.
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

/// The gateway's notifications: stored before they are applied, so that none is lost. Errors are those of [`Payments`].
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Stores a notification once, however often it arrives. `claim` does not return it before `retry_at`. May be repeated:
    /// the answer is then `Duplicate`.
    async fn store(
        &self,
        received: &StoredNotification,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<StoreOutcome, Error>;

    /// Claims up to `limit` due notifications without an outcome. No other call returns them before `retry_at`.
    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<PendingNotification>, Error>;

    /// Records the outcome of a notification. May be repeated: the first outcome stays.
    async fn complete(
        &self,
        id: NotificationId,
        outcome: NotificationOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error>;

    /// Makes a notification due at `due`. May be repeated.
    async fn postpone(&self, id: NotificationId, due: DateTime<Utc>, by: Deadline) -> Result<(), Error>;
}

/// A claimed notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingNotification {
    /// The notification's id.
    pub id: NotificationId,
    /// The order id in the notification.
    pub order: String,
    /// The gateway's transaction id, if the notification has one.
    pub transaction: Option<String>,
    /// The number of earlier attempts.
    pub attempts: u32,
}

/// Operators' resolutions of payments that the gateway contradicts or that have no pieces. Errors are those of [`Payments`].
#[async_trait]
pub trait ManualResolutions: Send + Sync {
    /// Resolves a payment ([`Payment::resolve`]), and in the same transaction moves its pieces, queues its mails and writes
    /// the audit log. Returns the changed payment, or why it cannot be resolved; `None` if no payment has this id. A
    /// repetition writes a second entry of the audit log.
    async fn resolve(
        &self,
        id: PaymentId,
        ruling: &ManualResolution,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Option<Result<Payment, ResolutionError>>, Error>;
}

/// Leases, so that one server at a time does some work. Errors are those of [`Payments`].
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes or renews a lease; returns whether `holder` has it until `until`. May be repeated.
    async fn hold(
        &self,
        name: &'static str,
        holder: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        by: Deadline,
    ) -> Result<bool, Error>;
}

/// Wakes subscribers when any server has changed a payment. It may wake them without a change, and may be late.
#[async_trait]
pub trait PaymentNotifier: Send + Sync {
    /// Reports that this server changed a payment. May be repeated.
    fn notify(&self, id: PaymentId);

    /// Subscribes to a payment; `None` if too many subscriptions exist.
    fn subscribe(&self, id: PaymentId) -> Option<Box<dyn Subscription>>;
}

/// A subscription to the changes of one payment.
#[async_trait]
pub trait Subscription: Send {
    /// Waits until the payment may have changed since the last call or the subscription, at most until `by`. Dropping the
    /// future loses no change.
    async fn changed(&mut self, by: Deadline);
}
