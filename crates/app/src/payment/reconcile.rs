//! Finishing what was left open: payments whose notification does not come, orders whose page was never recorded, pieces that
//! have been reserved for long enough.

use crate::clock::{Clock, Deadline};
use crate::observe::{Observer, PaymentReport};
use crate::payment::asking::ask;
use crate::payment::checkout::invoice_of;
use crate::payment::gateway::{Gateway, GatewayError, Subject};
use crate::payment::webhook_worker::warn_of;
use crate::payment::{Cause, Change, Leases, PaymentNotifier, Payments};
use crate::user::UserQueries;
use chrono::{DateTime, TimeDelta, Utc};
use domain::error::{Error, causes};
use domain::payment::{GatewayReport, Payment, PaymentId, PaymentPage, ReportOutcome};
use std::sync::Arc;
use std::time::Duration;

const LEASE_NAME: &str = "reconciler";
/// How long a server that reconciles is the only one after it was last heard of.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How long asking about one payment may take.
const CHECK_TIME: Duration = Duration::from_secs(20);
/// When a payment is taken up again whose check was cut short: well after [`CHECK_TIME`].
const RETRY: TimeDelta = TimeDelta::minutes(1);

/// Asks the gateway about payments of which nothing was heard for too long. One server does so at a time.
pub struct Reconciler {
    pub payments: Arc<dyn Payments>,
    pub users: Arc<dyn UserQueries>,
    pub gateway: Arc<dyn Gateway>,
    /// Tells whether it is this server's turn.
    pub leases: Arc<dyn Leases>,
    pub notifier: Arc<dyn PaymentNotifier>,
    pub clock: Arc<dyn Clock>,
    pub observer: Arc<dyn Observer>,
    /// What this server is called among those that might reconcile.
    pub holder: String,
}

impl Reconciler {
    /// Looks after one payment that is due, where it is this server's turn; tells how many that were: zero or one.
    ///
    /// # Errors
    /// Those of the storage. That the gateway is away is noted there, to be tried again later.
    pub async fn run(&self) -> Result<usize, Error> {
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

    /// Looks after a payment for an operator, whether or not that is due. Returns it as it is then; none where there is no
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
            self.payments.change(id, cause, consequences(payment, answer, page, gave_up, now), now, by).await?;
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

    /// What the gateway knows of a payment.
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

    /// Has a page made for an order that is half made.
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

/// What came of asking about a payment.
struct Answer {
    reports: Vec<GatewayReport>,
    /// Whether the gateway said that it knows nothing of the order.
    is_unknown: bool,
    is_complete: bool,
}

/// What came of asking for a page.
enum Page {
    Made(PaymentPage),
    Refused,
    None,
}

/// What follows for a payment from what was found out about it.
fn consequences(known: &Payment, answer: Answer, page: Page, gave_up: bool, now: DateTime<Utc>) -> Change {
    let version = known.record().version;
    Box::new(move |payment| {
        let is_fresh = payment.record().version == version;
        let mut outcome = ReportOutcome::Known;
        for report in &answer.reports {
            match payment.apply_report(report, is_fresh, now) {
                ReportOutcome::Known => {}
                // Somebody is to hear of it, whatever else was told.
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
            // What the gateway still calls open a day after its time is over, it does not close any more.
            Page::None if answer.is_complete && !answer.reports.is_empty() => {
                payment.expire(now);
            }
            Page::None => {}
        }
        payment.checked(answer.is_complete, now);
        outcome
    })
}
