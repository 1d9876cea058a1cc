//! Streams the changes of a payment that buyer and seller see.

use crate::access::Access;
use crate::clock::Deadline;
use crate::context::{Context, Query};
use crate::payment::view::find;
use crate::payment::{PaymentEvents, PaymentNotifier, PaymentQueries, Subscription};
use crate::pipeline::UseCase;
use crate::rate_limit::RateLimitClass;
use chrono::{DateTime, Utc};
use domain::error::{Error, ErrorCode, Reason, ViolationCode, Violations};
use domain::payment::{Attention, Event, EventKind, Payment, PaymentId, Status};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

const READ_TIME: Duration = Duration::from_secs(5);

/// The length of a watch. A client resumes it with a valid token.
pub const WATCH_TIME: Duration = Duration::from_secs(15 * 60);

#[derive(Clone, Debug, Default)]
pub struct WatchForm {
    pub id: String,
    /// The number of the last change that the client knows, or empty.
    pub after: String,
}

/// A change that buyer and seller see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentChange {
    pub id: PaymentId,
    /// The event number: it grows with each change, possibly with gaps.
    pub number: u32,
    pub status: Status,
    /// Whether it waits for an operator: it is paid and no stock is left, or the gateway contradicts it.
    pub needs_attention: bool,
    pub at: DateTime<Utc>,
}

/// Streams a payment's changes to its buyer or its seller.
pub struct WatchPayment {
    pub payments: Arc<dyn PaymentQueries>,
    pub events: Arc<dyn PaymentEvents>,
    pub notifier: Arc<dyn PaymentNotifier>,
}

impl UseCase for WatchPayment {
    const NAME: &'static str = "watch_payment";
    type Kind = Query;
    const ACCESS: Access = Access::Authenticated;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::PaymentNotFound, ErrorCode::Forbidden];
    type Input = WatchForm;
    type Output = PaymentWatch;

    async fn execute(&self, context: &Context<Query>, form: WatchForm) -> Result<PaymentWatch, Error> {
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
        // The subscription begins before the first read, so that no change is missed in between.
        let subscription = self.notifier.subscribe(payment.record().id);
        let subscription = subscription.ok_or_else(|| Error::overloaded(Duration::from_secs(5)))?;
        Ok(PaymentWatch {
            id: payment.record().id,
            events: Arc::clone(&self.events),
            subscription,
            number: after.unwrap_or(0).min(payment.record().events),
            status: Status::Pending,
            is_unfulfilled: false,
            is_contradicted: false,
            waiting: VecDeque::new(),
            tells_history: after.is_some(),
            has_read: false,
            is_due: true,
            ends: Deadline::within(WATCH_TIME),
            payment,
        })
    }
}

pub struct PaymentWatch {
    id: PaymentId,
    payment: Payment,
    events: Arc<dyn PaymentEvents>,
    subscription: Box<dyn Subscription>,
    number: u32,
    status: Status,
    is_unfulfilled: bool,
    is_contradicted: bool,
    waiting: VecDeque<PaymentChange>,
    tells_history: bool,
    has_read: bool,
    /// Whether events may be unread: it stays set until a read succeeds, so that the next call makes up for a failed or
    /// cancelled read.
    is_due: bool,
    ends: Deadline,
}

impl PaymentWatch {
    /// Returns the next change: first the changes after the one that the client knows, or the present state if it knows
    /// none; then each new change. Returns `None` at the end of the watch.
    ///
    /// # Errors
    /// Those of the ports. The watch may be continued.
    ///
    /// # Cancel safety
    /// No change is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<PaymentChange>, Error> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Ok(Some(change));
            }
            if !self.is_due {
                if self.ends.has_passed() {
                    return Ok(None);
                }
                self.subscription.changed(self.ends).await;
                self.is_due = true;
            }
            self.read_events().await?;
        }
    }

    async fn read_events(&mut self) -> Result<(), Error> {
        if !self.has_read && !self.tells_history {
            let (record, attention) = (self.payment.record(), self.payment.attention());
            (self.number, self.status) = (record.events, record.state.status());
            self.is_contradicted = attention == Some(Attention::Contradicted);
            self.is_unfulfilled = self.payment.is_unfulfilled();
            let change = self.change(record.events, record.updated_at);
            self.waiting.push_back(change);
            // The payment was read before the subscription began: `is_due` stays set to read what it lacks.
            self.has_read = true;
            return Ok(());
        }
        // Without a known state, earlier events are read to rebuild it.
        let from = if self.has_read { self.number } else { 0 };
        let events = self.events.events_after(self.id, from, Deadline::within(READ_TIME)).await?;
        for event in events {
            let is_seen = event.number <= self.number;
            if self.follow(&event) && !is_seen {
                let change = self.change(event.number, event.at);
                self.waiting.push_back(change);
            }
            self.number = self.number.max(event.number);
        }
        self.has_read = true;
        self.is_due = false;
        Ok(())
    }

    /// Applies an event; returns whether buyer and seller see it.
    fn follow(&mut self, event: &Event) -> bool {
        match event.kind {
            EventKind::Unfulfilled => self.is_unfulfilled = true,
            EventKind::Contradicted { .. } => self.is_contradicted = true,
            EventKind::Explained | EventKind::Resolved(_) => self.is_contradicted = false,
            EventKind::ReservedAgain | EventKind::Released => {
                self.is_unfulfilled = false;
                return false;
            }
            kind => match kind.shown() {
                Some(status) => {
                    self.status = status;
                    // The pieces are owed while the money is there.
                    self.is_unfulfilled &= matches!(status, Status::Success | Status::PartialRefund);
                }
                None => return false,
            },
        }
        true
    }

    const fn change(&self, number: u32, at: DateTime<Utc>) -> PaymentChange {
        let needs_attention = self.is_unfulfilled || self.is_contradicted;
        PaymentChange { id: self.id, number, status: self.status, needs_attention, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientAddress;
    use crate::context::RequestId;
    use crate::payment::Timeline;
    use crate::payment::fixtures::ordered;
    use async_trait::async_trait;
    use domain::actor::{Actor, Identity};
    use domain::money::Money;
    use domain::payment::{Resolution, State};
    use domain::user::Role;
    use futures_util::FutureExt;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// One payment, and a database that hangs or fails on request.
    struct FakePayments {
        payment: Payment,
        events: Mutex<Vec<Event>>,
        hangs: AtomicBool,
        fails: AtomicBool,
        is_changed: AtomicBool,
    }

    #[async_trait]
    impl PaymentQueries for FakePayments {
        async fn payment(&self, _id: PaymentId, _by: Deadline) -> Result<Option<Payment>, Error> {
            Ok(Some(self.payment.clone()))
        }

        async fn timeline(&self, _id: PaymentId, _by: Deadline) -> Result<Timeline, Error> {
            Ok(Timeline::default())
        }
    }

    #[async_trait]
    impl PaymentEvents for FakePayments {
        async fn events_after(&self, _id: PaymentId, number: u32, _by: Deadline) -> Result<Vec<Event>, Error> {
            if self.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            if self.fails.load(Ordering::Relaxed) {
                return Err(ErrorCode::Unavailable.into());
            }
            let events = self.events.lock().unwrap();
            Ok(events.iter().filter(|event| event.number > number).cloned().collect())
        }

        async fn event_counts(&self, _ids: &[PaymentId], _by: Deadline) -> Result<Vec<(PaymentId, u32)>, Error> {
            Ok(Vec::new())
        }
    }

    struct FakeSubscription(Arc<FakePayments>);

    #[async_trait]
    impl Subscription for FakeSubscription {
        async fn changed(&mut self, _by: Deadline) {
            if !self.0.is_changed.swap(false, Ordering::Relaxed) {
                std::future::pending().await
            }
        }
    }

    struct FakeNotifier(Arc<FakePayments>);

    impl PaymentNotifier for FakeNotifier {
        fn notify(&self, _id: PaymentId) {
            self.0.is_changed.store(true, Ordering::Relaxed);
        }

        fn subscribe(&self, _id: PaymentId) -> Option<Box<dyn Subscription>> {
            Some(Box::new(FakeSubscription(self.0.clone())))
        }
    }

    fn fake() -> Arc<FakePayments> {
        let mut payment = ordered(DateTime::UNIX_EPOCH);
        let events = Mutex::new(payment.take_events());
        let (hangs, fails, is_changed) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(FakePayments { payment, events, hangs, fails, is_changed })
    }

    fn watch(fake: &Arc<FakePayments>) -> PaymentWatch {
        let buyer = Actor::User(Identity { id: fake.payment.record().buyer, role: Role::Buyer });
        let client = ClientAddress::new("127.0.0.1".parse().unwrap());
        let context = Context::new(buyer, client, RequestId::accept(None), Deadline::within(Duration::from_secs(1)));
        let notifier = Arc::new(FakeNotifier(fake.clone()));
        let use_case = WatchPayment { payments: fake.clone(), events: fake.clone(), notifier };
        let form = WatchForm { id: fake.payment.record().id.to_string(), after: String::new() };
        use_case.execute(&context, form).now_or_never().unwrap().unwrap()
    }

    fn pays(fake: &FakePayments) {
        let kind = EventKind::Moved { from: State::Pending, to: State::Success };
        fake.events.lock().unwrap().push(Event { number: 2, at: DateTime::UNIX_EPOCH, kind });
    }

    /// The next status, or `None` if the watch waits.
    fn next(watch: &mut PaymentWatch) -> Option<Status> {
        watch.next().now_or_never().map(|change| change.unwrap().unwrap().status)
    }

    #[test]
    fn what_happened_before_listening_began_is_not_missed() {
        let fake = fake();
        let mut watch = watch(&fake);
        pays(&fake);
        assert_eq!(next(&mut watch), Some(Status::Pending));
        assert_eq!(next(&mut watch), Some(Status::Success), "nothing has rung");
        assert_eq!(next(&mut watch), None);
    }

    #[test]
    fn whether_it_waits_for_a_person_is_told_with_each_change() {
        let fake = fake();
        let mut watch = watch(&fake);
        assert_eq!(next(&mut watch), Some(Status::Pending));
        let kinds = [
            (EventKind::Contradicted { over: Money::ZERO }, Some(true)),
            (EventKind::Moved { from: State::Pending, to: State::Success }, Some(true)),
            (EventKind::Unfulfilled, Some(true)),
            (EventKind::Resolved(Resolution::Paid), Some(true)),
            (EventKind::FeePaid { in_all: Money::ZERO }, None),
            (EventKind::Moved { from: State::Success, to: State::Refund }, Some(false)),
            (EventKind::Contradicted { over: Money::ZERO }, Some(true)),
            (EventKind::Explained, Some(false)),
        ];
        let events =
            kinds.iter().zip(2..).map(|((kind, _), number)| Event { number, at: DateTime::UNIX_EPOCH, kind: *kind });
        fake.events.lock().unwrap().extend(events);
        let expected: Vec<_> = kinds.into_iter().filter_map(|(_, waits)| waits).collect();
        let told: Vec<_> =
            expected.iter().map(|_| watch.next().now_or_never().unwrap().unwrap().unwrap().needs_attention).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_failed_or_cancelled_read_is_repeated() {
        let fake = fake();
        let mut watch = watch(&fake);
        assert_eq!((next(&mut watch), next(&mut watch)), (Some(Status::Pending), None));
        pays(&fake);
        fake.is_changed.store(true, Ordering::Relaxed);
        fake.hangs.store(true, Ordering::Relaxed);
        assert_eq!(next(&mut watch), None, "the future is dropped while the database takes its time");
        fake.hangs.store(false, Ordering::Relaxed);
        fake.fails.store(true, Ordering::Relaxed);
        assert!(watch.next().now_or_never().unwrap().is_err());
        fake.fails.store(false, Ordering::Relaxed);
        assert_eq!(next(&mut watch), Some(Status::Success), "it rang only once");
        assert_eq!(next(&mut watch), None);
    }
}
