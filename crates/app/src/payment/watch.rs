//! Watching a payment: each change that buyer and seller see, as it happens.

use crate::access::Access;
use crate::clock::Deadline;
use crate::context::Context;
use crate::payment::view::find;
use crate::payment::{PaymentNotifier, PaymentQueries, Subscription};
use crate::pipeline::{Kind, UseCase};
use crate::rate_limit::RateLimitClass;
use chrono::{DateTime, Utc};
use domain::error::{Error, ErrorCode, Reason, ViolationCode, Violations};
use domain::payment::{Attention, Event, EventKind, Payment, PaymentId, Status};
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
    /// Whether it waits for a person: it is paid and there are no pieces for it, or the gateway tells what does not fit.
    pub needs_attention: bool,
    /// When.
    pub at: DateTime<Utc>,
}

/// Lets a payment's buyer or seller watch it.
pub struct WatchPayment {
    /// The payments.
    pub payments: Arc<dyn PaymentQueries>,
    /// Tells that there may be something to see.
    pub notifier: Arc<dyn PaymentNotifier>,
}

impl UseCase for WatchPayment {
    const NAME: &'static str = "watch_payment";
    const KIND: Kind = Kind::Query;
    const ACCESS: Access = Access::Authenticated;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::PaymentNotFound, ErrorCode::Forbidden];
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
        let subscription = self.notifier.subscribe(payment.record().id);
        let subscription = subscription.ok_or_else(|| Error::overloaded(Duration::from_secs(5)))?;
        Ok(PaymentWatch {
            id: payment.record().id,
            payments: Arc::clone(&self.payments),
            subscription,
            number: after.unwrap_or(0).min(payment.record().events),
            status: Status::Pending,
            is_unfulfilled: false,
            is_contradicted: false,
            waiting: VecDeque::new(),
            tells_history: after.is_some(),
            has_looked: false,
            is_due: true,
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
    subscription: Box<dyn Subscription>,
    number: u32,
    status: Status,
    is_unfulfilled: bool,
    is_contradicted: bool,
    waiting: VecDeque<PaymentChange>,
    tells_history: bool,
    has_looked: bool,
    /// Whether there may be something to see: set until a look has succeeded, so that a look that fails or is given up is made
    /// up for by the next.
    is_due: bool,
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
            if !self.is_due {
                if self.ends.has_passed() {
                    return Ok(None);
                }
                self.subscription.changed(self.ends).await;
                self.is_due = true;
            }
            self.look().await?;
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        if !self.has_looked && !self.tells_history {
            let (record, attention) = (self.payment.record(), self.payment.attention());
            (self.number, self.status) = (record.events, record.state.status());
            self.is_contradicted = attention == Some(Attention::Contradicted);
            self.is_unfulfilled = self.payment.is_unfulfilled();
            let change = self.change(record.events, record.updated_at);
            self.waiting.push_back(change);
            // It was read before listening began, and perhaps from a replica: what it lacks is still to be looked for.
            self.has_looked = true;
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
        self.has_looked = true;
        self.is_due = false;
        Ok(())
    }

    /// Tells whether an event is one that buyer and seller see.
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
                    // Pieces are missing for as long as the money is there.
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
    use crate::payment::{PaymentListing, Timeline};
    use async_trait::async_trait;
    use domain::actor::{Actor, Identity};
    use domain::money::Money;
    use domain::payment::{AmountLimits, Order, PaymentCode, Quantity, Resolution, State};
    use domain::product::{Description, Details, Picture, Price, Product, ProductName, Stock};
    use domain::user::{Role, UserId};
    use futures_util::FutureExt;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// One payment, a database that hangs or fails when told to, and a bell that rings once.
    struct Stand {
        payment: Payment,
        events: Mutex<Vec<Event>>,
        hangs: AtomicBool,
        fails: AtomicBool,
        rings: AtomicBool,
    }

    #[async_trait]
    impl PaymentQueries for Stand {
        async fn payment(&self, _id: PaymentId, _by: Deadline) -> Result<Option<Payment>, Error> {
            Ok(Some(self.payment.clone()))
        }

        async fn list(&self, _listing: &PaymentListing, _by: Deadline) -> Result<Vec<Payment>, Error> {
            Ok(Vec::new())
        }

        async fn count(&self, _listing: &PaymentListing, _by: Deadline) -> Result<u64, Error> {
            Ok(0)
        }

        async fn timeline(&self, _id: PaymentId, _by: Deadline) -> Result<Timeline, Error> {
            Ok(Timeline::default())
        }

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

    struct PollingSubscription(Arc<Stand>);

    #[async_trait]
    impl Subscription for PollingSubscription {
        async fn changed(&mut self, _by: Deadline) {
            if !self.0.rings.swap(false, Ordering::Relaxed) {
                std::future::pending().await
            }
        }
    }

    /// A bell of which the watches here hold an ear already.
    struct Bells(Arc<Stand>);

    impl PaymentNotifier for Bells {
        fn notify(&self, _id: PaymentId) {
            self.0.rings.store(true, Ordering::Relaxed);
        }

        fn subscribe(&self, _id: PaymentId) -> Option<Box<dyn Subscription>> {
            Some(Box::new(PollingSubscription(self.0.clone())))
        }
    }

    fn stand() -> Arc<Stand> {
        let seller = Actor::User(Identity { id: UserId::generate(), role: Role::Seller }).seller().unwrap();
        let details = Details {
            name: ProductName::parse("Teapot").unwrap(),
            description: Description::parse("Of clay").unwrap(),
            price: Price::parse("10000").unwrap(),
            stock: Stock::parse("5").unwrap(),
            picture: Picture::None,
        };
        let product = Product::offer(seller, details, DateTime::UNIX_EPOCH);
        let order = Order {
            id: PaymentId::generate(),
            code: PaymentCode::of(0),
            buyer: UserId::generate(),
            product: product.id(),
            quantity: Quantity::parse("2").unwrap(),
            key: None,
            amount_limits: AmountLimits { min_total: Money::ZERO, max_total: Money::MAX },
            expires_at: DateTime::UNIX_EPOCH,
            now: DateTime::UNIX_EPOCH,
        };
        let mut payment = order.payment(&product).unwrap();
        let events = Mutex::new(payment.take_events());
        let (hangs, fails, rings) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Stand { payment, events, hangs, fails, rings })
    }

    fn watch(stand: &Arc<Stand>) -> PaymentWatch {
        let context = Context {
            actor: Actor::User(Identity { id: stand.payment.record().buyer, role: Role::Buyer }),
            client: ClientAddress::new("127.0.0.1".parse().unwrap()),
            request_id: RequestId::accept(None),
            deadline: Deadline::within(Duration::from_secs(1)),
        };
        let use_case = WatchPayment { payments: stand.clone(), notifier: Arc::new(Bells(stand.clone())) };
        let form = WatchForm { id: stand.payment.record().id.to_string(), after: String::new() };
        use_case.execute(&context, form).now_or_never().unwrap().unwrap()
    }

    fn pays(stand: &Stand) {
        let kind = EventKind::Moved { from: State::Pending, to: State::Success };
        stand.events.lock().unwrap().push(Event { number: 2, at: DateTime::UNIX_EPOCH, kind });
    }

    /// The status that comes next; none where nothing does.
    fn next(watch: &mut PaymentWatch) -> Option<Status> {
        watch.next().now_or_never().map(|change| change.unwrap().unwrap().status)
    }

    #[test]
    fn what_happened_before_listening_began_is_not_missed() {
        let stand = stand();
        let mut watch = watch(&stand);
        pays(&stand);
        assert_eq!(next(&mut watch), Some(Status::Pending));
        assert_eq!(next(&mut watch), Some(Status::Success), "nothing has rung");
        assert_eq!(next(&mut watch), None);
    }

    #[test]
    fn whether_it_waits_for_a_person_is_told_with_each_change() {
        let stand = stand();
        let mut watch = watch(&stand);
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
        stand.events.lock().unwrap().extend(events);
        let expected: Vec<_> = kinds.into_iter().filter_map(|(_, waits)| waits).collect();
        let told: Vec<_> =
            expected.iter().map(|_| watch.next().now_or_never().unwrap().unwrap().unwrap().needs_attention).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_look_that_fails_or_is_given_up_is_made_up_for() {
        let stand = stand();
        let mut watch = watch(&stand);
        assert_eq!((next(&mut watch), next(&mut watch)), (Some(Status::Pending), None));
        pays(&stand);
        stand.rings.store(true, Ordering::Relaxed);
        stand.hangs.store(true, Ordering::Relaxed);
        assert_eq!(next(&mut watch), None, "the future is dropped while the database takes its time");
        stand.hangs.store(false, Ordering::Relaxed);
        stand.fails.store(true, Ordering::Relaxed);
        assert!(watch.next().now_or_never().unwrap().is_err());
        stand.fails.store(false, Ordering::Relaxed);
        assert_eq!(next(&mut watch), Some(Status::Success), "it rang only once");
        assert_eq!(next(&mut watch), None);
    }
}
