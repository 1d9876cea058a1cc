//! Payments: buyers order, the gateway reports, stock and mails follow.
//!
//! One file per use case ([`checkout`], [`browse`], [`view`], [`timeline`], [`watch`], [`webhook`]) and per worker
//! ([`webhook_worker`], [`outbox_worker`], [`reconcile`]). [`asking`] asks the gateway and decides whether its answer is about
//! this payment. [`gateway`], [`mail`] and [`ports`] are the ports.

pub mod asking;
pub mod browse;
pub mod checkout;
#[cfg(test)]
mod fixtures;
pub mod gateway;
pub mod mail;
pub mod outbox_worker;
pub mod ports;
pub mod reconcile;
pub mod timeline;
pub mod view;
pub mod watch;
pub mod webhook;
pub mod webhook_worker;

pub use browse::{BrowsePayments, BrowsePaymentsForm, PaymentListing, PaymentPosition};
pub use checkout::{Checkout, OrderForm, PaymentCodes};
pub use gateway::{Gateway, GatewayError, Invoice, Signed, Subject};
pub use mail::{
    ClaimedMail, Delivery, Mail, MailContent, MailError, MailId, MailSelection, MailSender, MailState, Outbox,
    SendOutcome,
};
pub use outbox_worker::{OutboxWorker, RENEW_EVERY};
pub use ports::{
    Cause, Change, Leases, ManualResolutions, Notifications, PaymentEvents, PaymentLists, PaymentNotifier,
    PaymentQueries, Payments, PendingNotification, PlaceOutcome, StoreOutcome, Subscription,
};
pub use reconcile::Reconciler;
pub use timeline::{MailNote, NotificationNote, Timeline, TimelineEntry, ViewTimeline};
pub use view::{Audience, PaymentPresenter, PaymentView, ViewPayment};
pub use watch::{PaymentChange, PaymentWatch, WatchForm, WatchPayment};
pub use webhook::{NotificationForm, ReceiveNotification, StoredNotification};
pub use webhook_worker::{NotificationId, NotificationOutcome, WebhookWorker};
