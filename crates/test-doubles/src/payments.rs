//! The ports of payments: orders in memory, a gateway that answers as the test decides, and a notifier.

use crate::ports::FakePorts;
use app::clock::Deadline;
use app::payment::{
    Audience, Cause, Change, Gateway, GatewayError, Invoice, NotificationId, NotificationNote, NotificationOutcome,
    Notifications, PaymentCodes, PaymentEvents, PaymentListing, PaymentLists, PaymentNotifier, PaymentQueries,
    Payments, PendingNotification, PlaceOutcome, Signed, StoreOutcome, StoredNotification, Subject, Subscription,
    Timeline,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::{Error, ErrorCode};
use domain::money::Money;
use domain::payment::{
    Event, GatewayReport, IdempotencyKey, Order, Payment, PaymentCode, PaymentId, PaymentPage, ReportOutcome,
    Transaction, TransactionStatus,
};
use domain::user::UserId;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// The only valid signature.
pub const SIGNATURE: &str = concat!(
    "edc076b21793ebe3e17926350f5b8ae67d902fe657b3d0aa31b932d5c127e237",
    "5d308a2bc94f3265ac2d80a1f181a79b997ac178a236fcff35af263fc4d4c231"
);

/// How the gateway answers a request for a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GatewayBehavior {
    /// Creates the page.
    #[default]
    Open,
    Refuse,
    Fail,
    /// Gives an answer that cannot be parsed.
    Unknown,
    /// The circuit breaker is open for this time.
    CircuitOpen(Duration),
}

/// A payment and its events, each with its cause.
struct StoredPayment {
    payment: Payment,
    events: Vec<(Event, String)>,
}

struct ReceivedNotification {
    id: NotificationId,
    received: StoredNotification,
    at: DateTime<Utc>,
    times: u32,
    outcome: Option<NotificationOutcome>,
}

pub struct FakePayments {
    /// How the gateway answers a request for a page.
    pub gateway: Mutex<GatewayBehavior>,
    /// What the gateway answers to a request for a status.
    pub gateway_report: Mutex<Option<GatewayReport>>,
    /// Notifies about every payment, and counts the subscriptions.
    pub notifier: watch::Sender<()>,
    pub max_subscriptions: Mutex<usize>,
    stored: Mutex<BTreeMap<PaymentId, StoredPayment>>,
    keys: Mutex<Vec<(UserId, IdempotencyKey, PaymentId)>>,
    notifications: Mutex<Vec<ReceivedNotification>>,
    codes_drawn: AtomicU64,
}

impl Default for FakePayments {
    fn default() -> Self {
        Self {
            gateway: Mutex::default(),
            gateway_report: Mutex::default(),
            notifier: watch::Sender::new(()),
            max_subscriptions: Mutex::new(usize::MAX),
            stored: Mutex::default(),
            keys: Mutex::default(),
            notifications: Mutex::default(),
            codes_drawn: AtomicU64::new(0),
        }
    }
}

impl FakePayments {
    pub fn count(&self) -> usize {
        self.stored.lock().unwrap().len()
    }

    pub fn notification_bodies(&self) -> Vec<String> {
        self.notifications.lock().unwrap().iter().map(|note| note.received.body.clone()).collect()
    }

    /// The gateway's report about a payment's first attempt.
    pub fn report(&self, id: &str, status: TransactionStatus) -> GatewayReport {
        let amount = self.payment(id.parse().unwrap()).unwrap().record().total;
        let transaction = Transaction {
            id: "t-1".to_owned(),
            status,
            payment_type: "qris".to_owned(),
            amount,
            fee: Money::ZERO,
            refunded: Money::ZERO,
        };
        let order = Some(id.to_owned());
        GatewayReport { order, transaction, currency: Money::CURRENCY.to_owned(), is_foreign: false }
    }

    /// Applies a gateway's report about a payment's first attempt, as another server does.
    pub fn set_status(&self, id: &str, status: TransactionStatus, now: DateTime<Utc>) {
        let report = self.report(id, status);
        let change: Change = Box::new(move |payment| payment.apply_report(&report, true, now));
        self.apply(id.parse().unwrap(), Cause::Check, &change).unwrap();
        self.notifier.send_replace(());
    }

    fn payment(&self, id: PaymentId) -> Option<Payment> {
        self.stored.lock().unwrap().get(&id).map(|entry| entry.payment.clone())
    }

    fn ordered_before(&self, buyer: UserId, key: &IdempotencyKey) -> Option<Payment> {
        let keys = self.keys.lock().unwrap();
        let (_, _, id) = keys.iter().find(|(owner, known, _)| *owner == buyer && known == key)?;
        self.payment(*id)
    }

    fn apply(&self, id: PaymentId, cause: Cause, change: &Change) -> Option<(Payment, ReportOutcome)> {
        let mut stored = self.stored.lock().unwrap();
        let entry = stored.get_mut(&id)?;
        let outcome = change(&mut entry.payment);
        let events = entry.payment.take_events();
        entry.events.extend(events.into_iter().map(|event| (event, cause.as_str().to_owned())));
        if let (Cause::Notification(notification), Some(result)) = (cause, NotificationOutcome::of(outcome)) {
            self.complete_notification(notification, result);
        }
        Some((entry.payment.clone(), outcome))
    }

    fn complete_notification(&self, id: NotificationId, outcome: NotificationOutcome) {
        let mut notifications = self.notifications.lock().unwrap();
        notifications.iter_mut().filter(|note| note.id == id).for_each(|note| note.outcome = Some(outcome));
    }

    /// All payments of a listing, the newest first, whatever its start.
    fn listed(&self, listing: &PaymentListing) -> Vec<Payment> {
        let is_wanted = |payment: &Payment| {
            let owner = match listing.audience {
                Audience::Buyer => payment.record().buyer,
                Audience::Seller => payment.seller(),
            };
            owner == listing.owner && listing.status.is_none_or(|status| payment.record().state.status() == status)
        };
        let stored = self.stored.lock().unwrap();
        let mut payments: Vec<_> =
            stored.values().map(|entry| &entry.payment).filter(|payment| is_wanted(payment)).cloned().collect();
        payments.sort_by_key(|payment| std::cmp::Reverse((payment.record().created_at, payment.record().id)));
        payments
    }
}

#[async_trait]
impl Payments for FakePorts {
    async fn place(&self, order: &Order, _by: Deadline) -> Result<PlaceOutcome, Error> {
        self.behave().await?;
        if let Some(key) = &order.key
            && let Some(before) = self.payments.ordered_before(order.buyer, key)
        {
            return Ok(PlaceOutcome::Repeated(before));
        }
        let mut products = self.products.products.lock().unwrap();
        let product = products.get(&order.product).ok_or(ErrorCode::OrderedProductNotFound)?;
        let mut payment = order.payment(product)?;
        products.insert(order.product, payment.record().product.clone());
        let events = payment.take_events().into_iter().map(|event| (event, Cause::Order.as_str().to_owned())).collect();
        let keys = order.key.iter().map(|key| (order.buyer, key.clone(), order.id));
        self.payments.keys.lock().unwrap().extend(keys);
        self.payments.stored.lock().unwrap().insert(order.id, StoredPayment { payment: payment.clone(), events });
        Ok(PlaceOutcome::Created(payment))
    }

    async fn ordered_before(
        &self,
        buyer: UserId,
        key: &IdempotencyKey,
        _by: Deadline,
    ) -> Result<Option<Payment>, Error> {
        self.behave().await?;
        Ok(self.payments.ordered_before(buyer, key))
    }

    async fn payment(&self, id: PaymentId, _by: Deadline) -> Result<Option<Payment>, Error> {
        self.behave().await?;
        Ok(self.payments.payment(id))
    }

    async fn change(
        &self,
        id: PaymentId,
        cause: Cause,
        change: Change,
        _now: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<Option<(Payment, ReportOutcome)>, Error> {
        self.behave().await?;
        Ok(self.payments.apply(id, cause, &change))
    }

    async fn claim_due(
        &self,
        _limit: u32,
        _now: DateTime<Utc>,
        _retry_at: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<Vec<Payment>, Error> {
        Ok(Vec::new())
    }

    async fn forget_keys(&self, _before: DateTime<Utc>, _by: Deadline) -> Result<usize, Error> {
        Ok(0)
    }
}

#[async_trait]
impl PaymentQueries for FakePorts {
    async fn payment(&self, id: PaymentId, by: Deadline) -> Result<Option<Payment>, Error> {
        Payments::payment(self, id, by).await
    }

    async fn timeline(&self, id: PaymentId, _by: Deadline) -> Result<Timeline, Error> {
        self.behave().await?;
        let stored = self.payments.stored.lock().unwrap();
        let notifications = self.payments.notifications.lock().unwrap();
        let own = notifications.iter().filter(|note| note.received.payment() == Some(id));
        Ok(Timeline {
            events: stored.get(&id).map(|entry| entry.events.clone()).unwrap_or_default(),
            notifications: own.map(ReceivedNotification::note).collect(),
            mails: Vec::new(),
        })
    }
}

#[async_trait]
impl PaymentLists for FakePorts {
    async fn list(&self, listing: &PaymentListing, _by: Deadline) -> Result<Vec<Payment>, Error> {
        use app::page::PageStart;

        self.behave().await?;
        let payments = self.payments.listed(listing);
        let skipped = match &listing.page.start {
            PageStart::Offset(offset) => usize::try_from(*offset).unwrap(),
            PageStart::After(last) => payments
                .iter()
                .position(|payment| (payment.record().created_at, payment.record().id) < (last.created_at, last.id))
                .unwrap_or(payments.len()),
        };
        Ok(payments.into_iter().skip(skipped).take(listing.page.limit as usize + 1).collect())
    }

    async fn count(&self, listing: &PaymentListing, _by: Deadline) -> Result<u64, Error> {
        Ok(self.payments.listed(listing).len() as u64)
    }
}

#[async_trait]
impl PaymentEvents for FakePorts {
    async fn events_after(&self, id: PaymentId, number: u32, _by: Deadline) -> Result<Vec<Event>, Error> {
        self.behave().await?;
        let stored = self.payments.stored.lock().unwrap();
        let events = stored.get(&id).map(|entry| entry.events.as_slice()).unwrap_or_default();
        Ok(events.iter().map(|(event, _)| event.clone()).filter(|event| event.number > number).collect())
    }

    async fn event_counts(&self, ids: &[PaymentId], _by: Deadline) -> Result<Vec<(PaymentId, u32)>, Error> {
        let events = |id: &PaymentId| Some((*id, self.payments.payment(*id)?.record().events));
        Ok(ids.iter().filter_map(events).collect())
    }
}

impl ReceivedNotification {
    fn note(&self) -> NotificationNote {
        NotificationNote {
            at: self.at,
            status: self.received.status.clone(),
            times: self.times,
            outcome: self.outcome.map(|outcome| outcome.as_str().to_owned()),
            body: self.received.body.clone(),
        }
    }
}

#[async_trait]
impl Notifications for FakePorts {
    async fn store(
        &self,
        received: &StoredNotification,
        now: DateTime<Utc>,
        _retry_at: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<StoreOutcome, Error> {
        self.behave().await?;
        let mut notifications = self.payments.notifications.lock().unwrap();
        if let Some(known) = notifications.iter_mut().find(|note| note.received.fingerprint == received.fingerprint) {
            known.times += 1;
            return Ok(StoreOutcome::Duplicate);
        }
        let is_ours = received.payment().is_some_and(|id| self.payments.payment(id).is_some());
        let id = NotificationId::generate();
        notifications.push(ReceivedNotification { id, received: received.clone(), at: now, times: 1, outcome: None });
        Ok(if is_ours { StoreOutcome::New(id) } else { StoreOutcome::UnknownOrder })
    }

    async fn claim(
        &self,
        _limit: u32,
        _now: DateTime<Utc>,
        _retry_at: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<Vec<PendingNotification>, Error> {
        Ok(Vec::new())
    }

    async fn complete(
        &self,
        id: NotificationId,
        outcome: NotificationOutcome,
        _now: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<(), Error> {
        self.payments.complete_notification(id, outcome);
        Ok(())
    }

    async fn postpone(&self, _id: NotificationId, _due: DateTime<Utc>, _by: Deadline) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl Gateway for FakePorts {
    async fn create_page(&self, invoice: &Invoice, _by: Deadline) -> Result<PaymentPage, GatewayError> {
        let behavior = *self.payments.gateway.lock().unwrap();
        match behavior {
            GatewayBehavior::Open => {
                let token = format!("page-of-{}", invoice.order);
                Ok(PaymentPage { url: format!("https://gateway.example/{token}"), token })
            }
            GatewayBehavior::Refuse => Err(GatewayError::Refused(crate::SECRET.into())),
            GatewayBehavior::Fail => Err(GatewayError::Failed(crate::SECRET.into())),
            GatewayBehavior::Unknown => Err(GatewayError::Unknown(crate::SECRET.into())),
            GatewayBehavior::CircuitOpen(time) => Err(GatewayError::CircuitOpen(time)),
        }
    }

    async fn fetch_status(&self, _subject: &Subject, _by: Deadline) -> Result<Option<GatewayReport>, GatewayError> {
        Ok(self.payments.gateway_report.lock().unwrap().clone())
    }

    async fn close_page(&self, _page: &PaymentPage, _by: Deadline) -> Result<(), GatewayError> {
        Ok(())
    }

    fn verify_signature(&self, signed: &Signed<'_>) -> bool {
        signed.signature == SIGNATURE
    }
}

impl PaymentCodes for FakePorts {
    fn draw(&self) -> PaymentCode {
        PaymentCode::of(self.payments.codes_drawn.fetch_add(1, Ordering::Relaxed))
    }
}

impl PaymentNotifier for FakePorts {
    fn notify(&self, _id: PaymentId) {
        self.payments.notifier.send_replace(());
    }

    fn subscribe(&self, _id: PaymentId) -> Option<Box<dyn Subscription>> {
        let has_place = self.payments.notifier.receiver_count() < *self.payments.max_subscriptions.lock().unwrap();
        has_place.then(|| Box::new(PollingSubscription(self.payments.notifier.subscribe())) as Box<dyn Subscription>)
    }
}

struct PollingSubscription(watch::Receiver<()>);

#[async_trait]
impl Subscription for PollingSubscription {
    async fn changed(&mut self, by: Deadline) {
        let _ = tokio::time::timeout_at(by.instant().into(), self.0.changed()).await;
    }
}
