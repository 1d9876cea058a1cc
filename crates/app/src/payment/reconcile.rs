//! Finishes payments that were left open: those whose notification never arrives, whose page was never recorded, or whose
//! reservation has ended.

use crate::clock::{Clock, Deadline};
use crate::observe::{Observer, PaymentReport};
use crate::payment::asking::ask;
use crate::payment::checkout::invoice_of;
use crate::payment::gateway::{Gateway, GatewayError, Subject};
use crate::payment::webhook_worker::warn_of;
use crate::payment::{Cause, Change, Leases, PaymentNotifier, Payments};
use crate::user::UserQueries;
use crate::worker::Worker;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::error::{Error, causes};
use domain::payment::{GatewayReport, Payment, PaymentId, PaymentPage, ReportOutcome};
use std::sync::Arc;
use std::time::Duration;

const LEASE_NAME: &str = "reconciler";
/// How long a server keeps the lease after it last renewed it.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// The time limit for the check of one payment.
const CHECK_TIME: Duration = Duration::from_secs(20);
/// When a payment is checked again after a check that was cut short: well after [`CHECK_TIME`].
const RETRY: TimeDelta = TimeDelta::minutes(1);

/// Asks the gateway about payments without news. One server at a time does so.
pub struct Reconciler {
    pub payments: Arc<dyn Payments>,
    pub users: Arc<dyn UserQueries>,
    pub gateway: Arc<dyn Gateway>,
    pub leases: Arc<dyn Leases>,
    pub notifier: Arc<dyn PaymentNotifier>,
    pub clock: Arc<dyn Clock>,
    pub observer: Arc<dyn Observer>,
    /// This server's name as a holder of the lease.
    pub holder: String,
}

#[async_trait]
impl Worker for Reconciler {
    fn subject(&self) -> &'static str {
        "payments"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Checks one payment that is due, if this server has the lease.
    async fn run(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let by = Deadline::within(CHECK_TIME);
        if !self.leases.hold(LEASE_NAME, &self.holder, now, now + LEASE, by).await? {
            return Ok(0);
        }
        let due = self.payments.claim_due(1, now, now + RETRY, by).await?;
        for payment in &due {
            self.check(payment, Cause::Check, by).await?;
        }
        Ok(due.len())
    }
}

impl Reconciler {
    /// Checks a payment for an operator, whether or not that is due. Returns it as it is then; none where there is no
    /// such payment.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn check_now(&self, id: PaymentId) -> Result<Option<Payment>, Error> {
        let by = Deadline::within(CHECK_TIME);
        let Some(payment) = self.payments.payment(id, by).await? else { return Ok(None) };
        self.check(&payment, Cause::Operator, by).await?;
        self.payments.payment(id, by).await
    }

    async fn check(&self, payment: &Payment, cause: Cause, by: Deadline) -> Result<(), Error> {
        let id = payment.record().id;
        let answer = self.ask(payment, by).await;
        let now = self.clock.now();
        let may_open = answer.is_unknown && answer.reports.is_empty() && payment.may_be_opened(now);
        let page = if may_open { self.open(payment, by).await? } else { Page::None };
        let gave_up = answer.is_unknown && !matches!(page, Page::Made(_)) && !payment.may_be_opened(now);
        let changed =
            self.payments.change(id, cause, apply_answers(payment, answer, page, gave_up, now), now, by).await?;
        let Some((after, outcome)) = changed else { return Ok(()) };
        if outcome == ReportOutcome::Contradicts {
            warn_of(&after);
        }
        if after.record().events > payment.record().events {
            self.notifier.notify(id);
            self.observer.payment(PaymentReport::Corrected);
            let status = after.record().state.status().as_str();
            tracing::info!(payment_id = %id, status, "payment looked after");
        }
        if let (true, Some(page)) = (after.record().closed.is_some(), &after.record().page)
            && payment.record().closed.is_none()
            && let Err(error) = self.gateway.close_page(page, by).await
        {
            tracing::info!(payment_id = %id, %error, "a page that nobody has used could not be closed");
        }
        Ok(())
    }

    /// Asks the gateway about a payment and its open transactions.
    async fn ask(&self, payment: &Payment, by: Deadline) -> Answer {
        let record = payment.record();
        let open = record.transactions.iter().filter(|transaction| transaction.status.is_open());
        let known = open.map(|transaction| Subject::Transaction(transaction.id.clone()));
        let mut answer = Answer { reports: Vec::new(), is_unknown: false, is_complete: true };
        for subject in std::iter::once(Subject::Order(record.id)).chain(known) {
            match ask(&*self.gateway, payment, &subject, by).await {
                Ok(Some(report)) if !answer.reports.contains(&report) => answer.reports.push(report),
                Ok(Some(_)) => {}
                Ok(None) => answer.is_unknown |= matches!(subject, Subject::Order(_)),
                Err(error) => {
                    answer.is_complete = false;
                    tracing::warn!(payment_id = %record.id, %error, "a payment cannot be looked after for now");
                }
            }
        }
        answer
    }

    /// Requests the page of an order without one.
    async fn open(&self, payment: &Payment, by: Deadline) -> Result<Page, Error> {
        let invoice = invoice_of(payment, &*self.users, by).await?;
        Ok(match self.gateway.create_page(&invoice, by).await {
            Ok(page) => Page::Made(page),
            Err(GatewayError::Refused(reason)) => {
                tracing::warn!(payment_id = %payment.record().id, causes = causes(&*reason), "an order is refused");
                Page::Refused
            }
            Err(error) => {
                tracing::warn!(payment_id = %payment.record().id, %error, "a page cannot be had for now");
                Page::None
            }
        })
    }
}

/// The gateway's answers about a payment.
struct Answer {
    reports: Vec<GatewayReport>,
    /// Whether the gateway answered that it does not know the order.
    is_unknown: bool,
    is_complete: bool,
}

enum Page {
    Made(PaymentPage),
    Refused,
    None,
}

/// Applies the answers to the payment.
fn apply_answers(known: &Payment, answer: Answer, page: Page, gave_up: bool, now: DateTime<Utc>) -> Change {
    let version = known.record().version;
    Box::new(move |payment| {
        let is_fresh = payment.record().version == version;
        let mut outcome = ReportOutcome::Known;
        for report in &answer.reports {
            match payment.apply_report(report, is_fresh, now) {
                ReportOutcome::Known => {}
                // A contradiction is reported, whatever else the gateway answered.
                _ if outcome == ReportOutcome::Contradicts => {}
                other => outcome = other,
            }
        }
        match &page {
            Page::Made(page) => payment.open(page.clone(), now),
            Page::Refused => payment.fail(now),
            Page::None if gave_up => {
                payment.fail(now);
                payment.expire(now);
            }
            // The gateway no longer closes a transaction that is open a day after its expiry.
            Page::None if answer.is_complete && !answer.reports.is_empty() => {
                payment.expire(now);
            }
            Page::None => {}
        }
        payment.checked(answer.is_complete, now);
        outcome
    })
}
