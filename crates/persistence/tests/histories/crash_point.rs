//! Crashes: a server dies between any two of its steps.

use crate::gateway::FakeGateway;
use app::clock::Deadline;
use app::payment::{
    Cause, Change, ClaimedMail, Delivery, Gateway, GatewayError, Invoice, Mail, MailContent, MailError, MailId,
    MailSelection, MailSender, MailState, NotificationId, NotificationOutcome, Notifications, Outbox, Payments,
    PendingNotification, PlaceOutcome, SendOutcome, Signed, StoreOutcome, StoredNotification, Subject,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::Error;
use domain::payment::{GatewayReport, IdempotencyKey, Order, Payment, PaymentId, PaymentPage, ReportOutcome};
use domain::user::UserId;
use persistence::Database;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Stops a server dead after so many steps.
#[derive(Default)]
pub(crate) struct CrashPoint {
    left: AtomicI64,
    crashed: Notify,
}

impl CrashPoint {
    /// Lets this many steps pass; all of them where the number is negative.
    pub(crate) fn set(&self, steps: i64) {
        self.left.store(steps, Ordering::Relaxed);
    }

    async fn step(&self) {
        let left = self.left.load(Ordering::Relaxed);
        if left < 0 {
            return;
        }
        self.left.store(left - 1, Ordering::Relaxed);
        if left == 0 {
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Runs a future until it ends or the server dies; `None` where it died.
    pub(crate) async fn run_until_crash<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let end = tokio::select! {
            end = work => Some(end),
            () = self.crashed.notified() => None,
        };
        self.set(-1);
        end
    }
}

/// A port whose server may die before and after each call.
pub(crate) struct Crashing<T> {
    pub(crate) inner: Arc<T>,
    pub(crate) crash_point: Arc<CrashPoint>,
}

impl<T> Crashing<T> {
    pub(crate) fn new(inner: &Arc<T>, crash_point: &Arc<CrashPoint>) -> Arc<Self> {
        Arc::new(Self { inner: Arc::clone(inner), crash_point: Arc::clone(crash_point) })
    }

    async fn step<O>(&self, work: impl Future<Output = O>) -> O {
        self.crash_point.step().await;
        let end = work.await;
        self.crash_point.step().await;
        end
    }
}

#[async_trait]
impl Payments for Crashing<Database> {
    async fn place(&self, order: &Order, by: Deadline) -> Result<PlaceOutcome, Error> {
        self.step(self.inner.place(order, by)).await
    }

    async fn ordered_before(
        &self,
        buyer: UserId,
        key: &IdempotencyKey,
        by: Deadline,
    ) -> Result<Option<Payment>, Error> {
        self.step(self.inner.ordered_before(buyer, key, by)).await
    }

    async fn payment(&self, id: PaymentId, by: Deadline) -> Result<Option<Payment>, Error> {
        self.step(Payments::payment(&*self.inner, id, by)).await
    }

    async fn change(
        &self,
        id: PaymentId,
        cause: Cause,
        change: Change,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Option<(Payment, ReportOutcome)>, Error> {
        self.step(self.inner.change(id, cause, change, now, by)).await
    }

    async fn claim_due(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<Payment>, Error> {
        self.step(self.inner.claim_due(limit, now, retry_at, by)).await
    }

    async fn forget_keys(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error> {
        self.inner.forget_keys(before, by).await
    }
}

#[async_trait]
impl Notifications for Crashing<Database> {
    async fn store(
        &self,
        received: &StoredNotification,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<StoreOutcome, Error> {
        self.step(self.inner.store(received, now, retry_at, by)).await
    }

    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<PendingNotification>, Error> {
        self.step(Notifications::claim(&*self.inner, limit, now, retry_at, by)).await
    }

    async fn complete(
        &self,
        id: NotificationId,
        outcome: NotificationOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error> {
        self.step(self.inner.complete(id, outcome, now, by)).await
    }

    async fn postpone(&self, id: NotificationId, due: DateTime<Utc>, by: Deadline) -> Result<(), Error> {
        self.step(Notifications::postpone(&*self.inner, id, due, by)).await
    }
}

#[async_trait]
impl Outbox for Crashing<Database> {
    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<ClaimedMail>, Error> {
        self.step(Outbox::claim(&*self.inner, limit, now, retry_at, by)).await
    }

    async fn renew(&self, ids: &[MailId], until: DateTime<Utc>, by: Deadline) -> Result<(), Error> {
        self.step(self.inner.renew(ids, until, by)).await
    }

    async fn is_hastened(&self, since: DateTime<Utc>, by: Deadline) -> Result<bool, Error> {
        self.step(self.inner.is_hastened(since, by)).await
    }

    async fn record_attempt(
        &self,
        id: MailId,
        attempt: &SendOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error> {
        self.step(self.inner.record_attempt(id, attempt, now, by)).await
    }

    async fn mails(&self, state: Option<MailState>, limit: u32, by: Deadline) -> Result<Vec<Mail>, Error> {
        self.inner.mails(state, limit, by).await
    }

    async fn retry(&self, which: MailSelection, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error> {
        self.inner.retry(which, now, by).await
    }

    async fn purge(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error> {
        Outbox::purge(&*self.inner, before, by).await
    }
}

#[async_trait]
impl Gateway for Crashing<FakeGateway> {
    async fn create_page(&self, invoice: &Invoice, by: Deadline) -> Result<PaymentPage, GatewayError> {
        self.step(self.inner.create_page(invoice, by)).await
    }

    async fn fetch_status(&self, subject: &Subject, by: Deadline) -> Result<Option<GatewayReport>, GatewayError> {
        self.step(self.inner.fetch_status(subject, by)).await
    }

    async fn close_page(&self, page: &PaymentPage, by: Deadline) -> Result<(), GatewayError> {
        self.step(self.inner.close_page(page, by)).await
    }

    fn verify_signature(&self, signed: &Signed<'_>) -> bool {
        self.inner.verify_signature(signed)
    }
}

/// A mail server that fails for some mails, and records those that it accepts.
#[derive(Default)]
pub(crate) struct FakeMailServer {
    pub(crate) taken: Mutex<BTreeMap<String, u32>>,
    pub(crate) faults: Mutex<u8>,
}

#[async_trait]
impl MailSender for Crashing<FakeMailServer> {
    async fn send(&self, mail: &MailContent) -> Result<Delivery, MailError> {
        self.crash_point.step().await;
        let fault = {
            let mut faults = self.inner.faults.lock().unwrap();
            let fault = *faults;
            *faults = fault.saturating_sub(1);
            fault
        };
        match fault % 6 {
            4 => return Err(MailError::Blocked("554".into())),
            5 => return Err(MailError::Refused("535".into())),
            1 => return Err(MailError::Temporary("451".into())),
            2 => return Err(MailError::Away("refused".into())),
            _ => {}
        }
        *self.inner.taken.lock().unwrap().entry(mail.message_id.clone()).or_default() += 1;
        self.crash_point.step().await;
        if fault % 6 == 3 { Err(MailError::Unknown("reset".into())) } else { Ok(Delivery::Sent) }
    }
}
