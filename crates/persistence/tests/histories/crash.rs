//! Crashes: a server that dies between any two of its steps.

use crate::gateway::FakeGateway;
use app::clock::Deadline;
use app::payment::{
    Attempt, Cause, Change, Claimed, Delivery, Gateway, GatewayError, Invoice, Kept, Mail, MailContent, MailError,
    MailId, MailSelection, MailSender, MailState, NotificationId, NotificationOutcome, Notifications, Outbox, Payments,
    PendingNotification, Placed, Signed, StoredNotification, Subject,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::Error;
use domain::payment::{IdempotencyKey, Order, Payment, PaymentId, PaymentPage, Report, ReportOutcome};
use domain::user::UserId;
use persistence::Database;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Crashes a server after a number of steps.
#[derive(Default)]
pub(crate) struct CrashCounter {
    left: AtomicI64,
    crashed: Notify,
}

impl CrashCounter {
    /// Sets the number of steps before the crash; no crash if it is negative.
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

    /// Runs work until it ends or the server crashes; `None` after a crash.
    pub(crate) async fn run_until_crash<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let end = tokio::select! {
            end = work => Some(end),
            () = self.crashed.notified() => None,
        };
        self.set(-1);
        end
    }
}

/// A port that may crash before and after each call.
pub(crate) struct Crashable<T> {
    pub(crate) inner: Arc<T>,
    pub(crate) crash: Arc<CrashCounter>,
}

impl<T> Crashable<T> {
    pub(crate) fn new(inner: &Arc<T>, crash: &Arc<CrashCounter>) -> Arc<Self> {
        Arc::new(Self { inner: Arc::clone(inner), crash: Arc::clone(crash) })
    }

    async fn step<O>(&self, work: impl Future<Output = O>) -> O {
        self.crash.step().await;
        let end = work.await;
        self.crash.step().await;
        end
    }
}

#[async_trait]
impl Payments for Crashable<Database> {
    async fn place(&self, order: &Order, by: Deadline) -> Result<Placed, Error> {
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
impl Notifications for Crashable<Database> {
    async fn store(
        &self,
        received: &StoredNotification,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Kept, Error> {
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
        verdict: NotificationOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error> {
        self.step(self.inner.complete(id, verdict, now, by)).await
    }

    async fn postpone(&self, id: NotificationId, due: DateTime<Utc>, by: Deadline) -> Result<(), Error> {
        self.step(Notifications::postpone(&*self.inner, id, due, by)).await
    }
}

#[async_trait]
impl Outbox for Crashable<Database> {
    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<Claimed>, Error> {
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
        attempt: &Attempt,
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
impl Gateway for Crashable<FakeGateway> {
    async fn create_page(&self, invoice: &Invoice, by: Deadline) -> Result<PaymentPage, GatewayError> {
        self.step(self.inner.create_page(invoice, by)).await
    }

    async fn fetch_status(&self, subject: &Subject, by: Deadline) -> Result<Option<Report>, GatewayError> {
        self.step(self.inner.fetch_status(subject, by)).await
    }

    async fn close_page(&self, page: &PaymentPage, by: Deadline) -> Result<(), GatewayError> {
        self.step(self.inner.close_page(page, by)).await
    }

    fn verify_signature(&self, signed: &Signed<'_>) -> bool {
        self.inner.verify_signature(signed)
    }
}

/// A mail server that fails on demand and counts the mails by id.
#[derive(Default)]
pub(crate) struct FakeMailServer {
    pub(crate) taken: Mutex<BTreeMap<String, u32>>,
    pub(crate) faults: Mutex<u8>,
}

#[async_trait]
impl MailSender for Crashable<FakeMailServer> {
    async fn send(&self, mail: &MailContent) -> Result<Delivery, MailError> {
        self.crash.step().await;
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
        self.crash.step().await;
        if fault % 6 == 3 { Err(MailError::Unknown("reset".into())) } else { Ok(Delivery::Sent) }
    }
}
