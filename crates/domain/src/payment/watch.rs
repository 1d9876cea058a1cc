//! Watching a payment: each change that buyer and seller see, as it happens.

use crate::access::Access;
use crate::clock::Deadline;
use crate::context::Context;
use crate::error::{Error, ErrorCode, Reason, ViolationCode, Violations};
use crate::payment::view::find;
use crate::payment::{Bell, Event, EventKind, Listener, Payment, PaymentId, PaymentQueries, Status};
use crate::quota::Allowance;
use crate::use_case::{Kind, UseCase};
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// How long the database may take to tell what has changed.
const READ_TIME: Duration = Duration::from_secs(5);

/// How long a watch is kept up; who wants to know more resumes it, and shows a valid token again.
pub const WATCH_TIME: Duration = Duration::from_secs(15 * 60);

/// What a client asks to watch, as it arrived.
#[derive(Clone, Debug, Default)]
pub struct WatchForm {
    /// The payment's identifier.
    pub id: String,
    /// The number of the last change that the client knows; empty where it knows of none.
    pub after: String,
}

/// A change of a payment that buyer and seller see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentChange {
    /// The payment.
    pub id: PaymentId,
    /// Its number, which grows with each change; numbers may be left out.
    pub number: u32,
    /// What the status is from then on.
    pub status: Status,
    /// Whether it is paid and there are no pieces for it.
    pub needs_attention: bool,
    /// When.
    pub at: DateTime<Utc>,
}

/// Lets a payment's buyer or seller watch it.
pub struct WatchPayment {
    /// The payments.
    pub payments: Arc<dyn PaymentQueries>,
    /// Tells that there may be something to see.
    pub bell: Arc<dyn Bell>,
}

impl UseCase for WatchPayment {
    const NAME: &'static str = "watch_payment";
    const KIND: Kind = Kind::Query;
    const ACCESS: Access = Access::Authenticated;
    const ALLOWANCE: Allowance = Allowance::Read;
    type Input = WatchForm;
    type Output = PaymentWatch;

    async fn execute(&self, context: &Context, form: WatchForm) -> Result<PaymentWatch, Error> {
        let after = match form.after.trim() {
            "" => None,
            number => Some(number.parse::<u32>().map_err(|_| {
                let mut wrong = Violations::default();
                let reason = Reason::new(ViolationCode::InvalidNumber, "{field} must be the number of a change");
                wrong.add("last-event-id", &reason);
                wrong.into_error(ErrorCode::InvalidRequest)
            })?),
        };
        let (payment, _) = find(&*self.payments, context, &form.id).await?;
        // From before the first look on, so that nothing is missed between the two.
        let listener = self.bell.listen(payment.record().id);
        let listener = listener.ok_or_else(|| Error::overloaded(Duration::from_secs(5)))?;
        Ok(PaymentWatch {
            id: payment.record().id,
            payments: Arc::clone(&self.payments),
            listener,
            number: after.unwrap_or(0).min(payment.record().events),
            status: Status::Pending,
            needs_attention: false,
            waiting: VecDeque::new(),
            tells_history: after.is_some(),
            has_looked: false,
            ends: Deadline::within(WATCH_TIME),
            payment,
        })
    }
}

/// A payment that is being watched.
pub struct PaymentWatch {
    id: PaymentId,
    payment: Payment,
    payments: Arc<dyn PaymentQueries>,
    listener: Box<dyn Listener>,
    number: u32,
    status: Status,
    needs_attention: bool,
    waiting: VecDeque<PaymentChange>,
    tells_history: bool,
    has_looked: bool,
    ends: Deadline,
}

impl PaymentWatch {
    /// The next change: first what has happened since the change that the client knows, or, where it knows of none, how the
    /// payment stands; then whatever happens. None when the watch's time is over.
    ///
    /// # Errors
    /// Those of the storage. The watch may be gone on with.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<PaymentChange>, Error> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Ok(Some(change));
            }
            if self.has_looked {
                if self.ends.has_passed() {
                    return Ok(None);
                }
                self.listener.heard(self.ends).await;
            }
            self.look().await?;
            self.has_looked = true;
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        if !self.has_looked && !self.tells_history {
            let record = self.payment.record();
            (self.number, self.status, self.needs_attention) =
                (record.events, record.state.status(), record.needs_attention);
            let change = self.change(record.events, record.updated_at);
            self.waiting.push_back(change);
            return Ok(());
        }
        // What came before is read too where it is not known how the payment stood then.
        let from = if self.has_looked { self.number } else { 0 };
        let events = self.payments.events_after(self.id, from, Deadline::within(READ_TIME)).await?;
        for event in events {
            let is_seen = event.number <= self.number;
            if self.follow(&event) && !is_seen {
                let change = self.change(event.number, event.at);
                self.waiting.push_back(change);
            }
            self.number = self.number.max(event.number);
        }
        Ok(())
    }

    /// Tells whether an event is one that buyer and seller see.
    fn follow(&mut self, event: &Event) -> bool {
        match event.kind {
            EventKind::Unfulfilled => self.needs_attention = true,
            EventKind::ReservedAgain | EventKind::Released => {
                self.needs_attention = false;
                return false;
            }
            kind => match kind.shown() {
                Some(status) => self.status = status,
                None => return false,
            },
        }
        true
    }

    const fn change(&self, number: u32, at: DateTime<Utc>) -> PaymentChange {
        PaymentChange { id: self.id, number, status: self.status, needs_attention: self.needs_attention, at }
    }
}
