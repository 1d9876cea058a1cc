//! Applies stored notifications: asks the gateway about the payment of each one, and changes the payment by the answer.

use crate::backoff::Backoff;
use crate::clock::{Clock, Deadline};
use crate::observe::{Observer, PaymentReport};
use crate::payment::asking::ask;
use crate::payment::gateway::{Gateway, Subject};
use crate::payment::webhook::{APPLY_TIME, payment_of};
use crate::payment::{Cause, Notifications, PaymentNotifier, Payments, PendingNotification};
use crate::worker::Worker;
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::error::Error;
use domain::id::uuid_id;
use domain::payment::{Contradiction, Payment, ReportOutcome};
use std::sync::Arc;
use std::time::Duration;
use strum::{EnumString, IntoStaticStr, VariantArray};

uuid_id! {
    /// Identifies a notification: a UUID version 7.
    NotificationId
}

/// The number of notifications that one run claims.
const BATCH: u32 = 5;
/// How long a claim lasts.
const BATCH_LEASE: TimeDelta = TimeDelta::seconds(30);
/// The wait between two attempts at a notification.
const BACKOFF: Backoff = Backoff { first: TimeDelta::seconds(2), longest: TimeDelta::minutes(5) };
/// How often a notification is tried of which the gateway knows nothing when asked.
const UNCONFIRMED_AFTER: u32 = 5;
/// The number of attempts while the gateway is unavailable: about four hours. The reconciler checks the payment anyway.
const GIVEN_UP_AFTER: u32 = 50;
/// How often the gateway is asked again at once if the payment changed meanwhile.
const ASK_AGAIN: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum NotificationOutcome {
    Applied,
    NothingNew,
    /// The gateway's answer names another order, amount, currency or merchant than the payment's.
    Contradicted,
    /// The gateway did not know the transaction.
    Unconfirmed,
    UnknownOrder,
    /// The gateway was unavailable for too long.
    GivenUp,
}

impl NotificationOutcome {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name in storage, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// The outcome of a notification by that of the gateway's answer; `None` if the gateway must be asked again.
    #[must_use]
    pub const fn of(outcome: ReportOutcome) -> Option<Self> {
        match outcome {
            ReportOutcome::News => Some(Self::Applied),
            ReportOutcome::Known => Some(Self::NothingNew),
            ReportOutcome::Contradicts | ReportOutcome::ContradictsStill => Some(Self::Contradicted),
            ReportOutcome::AskAgain => None,
        }
    }
}

pub struct WebhookWorker {
    pub notifications: Arc<dyn Notifications>,
    pub payments: Arc<dyn Payments>,
    pub gateway: Arc<dyn Gateway>,
    pub notifier: Arc<dyn PaymentNotifier>,
    pub clock: Arc<dyn Clock>,
    pub observer: Arc<dyn Observer>,
}

#[async_trait]
impl Worker for WebhookWorker {
    fn subject(&self) -> &'static str {
        "notifications"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn run(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let by = Deadline::within(APPLY_TIME);
        let pending = self.notifications.claim(BATCH, now, now + BATCH_LEASE, by).await?;
        for notification in &pending {
            self.apply(notification, Deadline::within(APPLY_TIME)).await?;
        }
        Ok(pending.len())
    }
}

impl WebhookWorker {
    /// Asks the gateway what a notification hints at, and takes note of its answer.
    pub(super) async fn apply(&self, notification: &PendingNotification, by: Deadline) -> Result<(), Error> {
        let Some(id) = payment_of(&notification.order) else {
            return self.complete(notification, NotificationOutcome::UnknownOrder, by).await;
        };
        let subject = notification.transaction.clone().map_or(Subject::Order(id), Subject::Transaction);
        for _ in 0..ASK_AGAIN {
            let Some(known) = self.payments.payment(id, by).await? else {
                return self.complete(notification, NotificationOutcome::UnknownOrder, by).await;
            };
            let report = match ask(&*self.gateway, &known, &subject, by).await {
                // The gateway may know the transaction by order id later.
                Ok(Some(report)) if report.order.is_none() && notification.attempts < UNCONFIRMED_AFTER => {
                    return self.postpone(notification, by).await;
                }
                Ok(Some(report)) => report,
                Ok(None) if notification.attempts >= UNCONFIRMED_AFTER => {
                    return self.complete(notification, NotificationOutcome::Unconfirmed, by).await;
                }
                Ok(None) => return self.postpone(notification, by).await,
                Err(error) => {
                    tracing::warn!(payment_id = %id, %error, "a notification has to wait");
                    return self.postpone(notification, by).await;
                }
            };
            let (now, version) = (self.clock.now(), known.record().version);
            let change = Box::new(move |payment: &mut Payment| {
                let is_fresh = payment.record().version == version;
                payment.apply_report(&report, is_fresh, now)
            });
            let cause = Cause::Notification(notification.id);
            let Some((payment, reported)) = self.payments.change(id, cause, change, now, by).await? else {
                return self.complete(notification, NotificationOutcome::UnknownOrder, by).await;
            };
            if let Some(outcome) = NotificationOutcome::of(reported) {
                self.observer.payment(PaymentReport::Notification(outcome));
                if outcome == NotificationOutcome::Applied {
                    let status = payment.record().state.status().as_str();
                    tracing::info!(payment_id = %id, status, "payment status updated");
                    self.notifier.notify(id);
                }
                if reported == ReportOutcome::Contradicts {
                    warn_of(&payment);
                    self.notifier.notify(id);
                }
                return Ok(());
            }
        }
        self.postpone(notification, by).await
    }

    async fn complete(
        &self,
        notification: &PendingNotification,
        outcome: NotificationOutcome,
        by: Deadline,
    ) -> Result<(), Error> {
        self.observer.payment(PaymentReport::Notification(outcome));
        self.notifications.complete(notification.id, outcome, self.clock.now(), by).await
    }

    async fn postpone(&self, notification: &PendingNotification, by: Deadline) -> Result<(), Error> {
        if notification.attempts >= GIVEN_UP_AFTER {
            return self.complete(notification, NotificationOutcome::GivenUp, by).await;
        }
        // The deadline may have passed while the gateway was asked.
        let by = if by.has_passed() { Deadline::within(Duration::from_secs(1)) } else { by };
        let due = self.clock.now() + BACKOFF.wait(notification.attempts);
        self.notifications.postpone(notification.id, due, by).await
    }
}

/// Logs that a payment waits for an operator.
pub(super) fn warn_of(payment: &Payment) {
    let record = payment.record();
    let Some(Contradiction { transaction, told, .. }) = &record.contradiction else { return };
    tracing::warn!(payment_id = %record.id, transaction, told, "the gateway contradicts a payment; it waits for a person");
}
