//! A running shop: the real use cases on a real database, beside a gateway that knows the truth about its payments.

use crate::Step;
use crate::crash_point::{CrashPoint, Crashing, FakeMailServer};
use crate::doubles::{Codes, ManualClock, Quiet};
use crate::gateway::FakeGateway;
use crate::support::{offer, seller, soon};
use app::clock::{Clock, Deadline};
use app::context::{Command, Context, RequestId};
use app::entity_tag::EntityTags;
use app::page::{PageRequest, PageStart};
use app::payment::{
    Audience, Checkout, ManualResolutions, NotificationForm, OrderForm, OutboxWorker, PaymentListing, PaymentLists,
    PaymentPresenter, PaymentQueries, ReceiveNotification, Reconciler, WebhookWorker,
};
use app::pipeline::UseCase;
use app::product::{ProductImages, ProductQueries, Products};
use app::worker::Worker;
use chrono::{DateTime, TimeDelta, Utc};
use domain::actor::{Actor, Identity, Seller};
use domain::error::ErrorCode;
use domain::money::Money;
use domain::payment::status::state_of;
use domain::payment::{
    AmountLimits, Attention, ManualResolution, Payment, PaymentId, Reservation, Resolution, State, Status,
};
use domain::product::{Changes, Product, Stock};
use domain::user::{Role, UserId};
use persistence::Database;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) struct World {
    database: Arc<Database>,
    clock: Arc<ManualClock>,
    gateway: Arc<FakeGateway>,
    mail_server: Arc<FakeMailServer>,
    crash_point: Arc<CrashPoint>,
    checkout: Checkout,
    receive: ReceiveNotification,
    reconciler: Reconciler,
    outbox_worker: OutboxWorker,
    buyer: UserId,
    seller: Seller,
    product: Product,
    pieces: AtomicI64,
    answered: Mutex<BTreeMap<PaymentId, i32>>,
    crashes: AtomicI64,
    /// After how many steps of the next call the server dies; negative for never.
    crash_after: AtomicI64,
}

const PIECES: i32 = 6;

impl World {
    /// A shop whose history begins later than the `before` others in the database.
    pub(crate) async fn new(database: &Arc<Database>, before: i64) -> Self {
        let start = "2027-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(4 * before);
        let clock = Arc::new(ManualClock(Mutex::new(start)));
        let (gateway, mail_server, crash_point) =
            (Arc::new(FakeGateway::default()), Arc::new(FakeMailServer::default()), Arc::new(CrashPoint::default()));
        crash_point.set(-1);
        let payments = Crashing::new(database, &crash_point);
        let gateway_port = Crashing::new(&gateway, &crash_point);
        let images = ProductImages {
            inspector: Arc::new(Quiet),
            store: Arc::new(Quiet),
            ledger: database.clone(),
            clock: clock.clone(),
        };
        let checkout = Checkout {
            payments: payments.clone(),
            users: database.clone(),
            gateway: gateway_port.clone(),
            codes: Arc::new(Codes),
            presenter: Arc::new(PaymentPresenter { images: Arc::new(images) }),
            notifier: Arc::new(Quiet),
            clock: clock.clone(),
            amount_limits: AmountLimits { min_total: Money::from_whole(1).unwrap(), max_total: Money::MAX },
            expiry: TimeDelta::hours(1),
        };
        let webhook_worker = Arc::new(WebhookWorker {
            notifications: payments.clone(),
            payments: payments.clone(),
            gateway: gateway_port.clone(),
            notifier: Arc::new(Quiet),
            clock: clock.clone(),
            observer: Arc::new(Quiet),
        });
        let reconciler = Reconciler {
            payments: payments.clone(),
            users: database.clone(),
            gateway: gateway_port,
            leases: database.clone(),
            notifier: Arc::new(Quiet),
            clock: clock.clone(),
            observer: Arc::new(Quiet),
            holder: "the only one".to_owned(),
        };
        let mailer = Crashing::new(&mail_server, &crash_point);
        let outbox_worker =
            OutboxWorker::new(payments, mailer, clock.clone(), Arc::new(Quiet), |_| std::future::pending());
        // Each history has a seller of its own, whose payments are this history's.
        let seller = seller(database, &format!("seller{}@example.com", start.timestamp())).await;
        let buyer = crate::support::seller(database, "buyer@example.com").await.id();
        let product = offer(seller, "Teapot", "10000", start).with_stock(Stock::restore(PIECES).unwrap());
        Products::add(&**database, &product, soon()).await.unwrap();
        Self {
            database: Arc::clone(database),
            clock,
            gateway,
            mail_server,
            crash_point,
            checkout,
            receive: ReceiveNotification { worker: webhook_worker, require_signature: true },
            reconciler,
            outbox_worker,
            buyer,
            seller,
            product,
            pieces: AtomicI64::new(PIECES.into()),
            answered: Mutex::default(),
            crashes: AtomicI64::new(0),
            crash_after: AtomicI64::new(-1),
        }
    }

    fn context(&self) -> Context<Command> {
        let buyer = Actor::User(Identity { id: self.buyer, role: Role::Buyer });
        let client = app::client::ClientAddress::new([127, 0, 0, 1].into());
        Context::new(buyer, client, RequestId::accept(None), soon())
    }

    /// Runs a call; `None` where the server dies during it.
    async fn alive<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.crash_point.set(self.crash_after.swap(-1, Ordering::Relaxed));
        let end = self.crash_point.run_until_crash(work).await;
        if end.is_none() {
            self.crashes.fetch_add(1, Ordering::Relaxed);
        }
        end
    }

    fn order(&self, index: usize) -> Option<String> {
        let orders = self.gateway.orders();
        index.checked_rem(orders.len()).map(|index| orders[index].clone())
    }

    pub(crate) async fn take(&self, step: &Step) {
        match *step {
            Step::Order { quantity, key } => self.buy(quantity, key).await,
            Step::Begin(order) => self.begin(order).await,
            Step::Transition(order, transition) => {
                if let Some(order) = self.order(order) {
                    self.gateway.transition(&order, transition);
                }
            }
            Step::Deliver(index) => self.deliver(self.gateway.notification(index, true)).await,
            Step::Repeat(index) => self.deliver(self.gateway.notification(index, false)).await,
            Step::Lose(index) => {
                let lost = self.gateway.notification(index, true);
                self.deliver(lost.filter(|lost| !FakeGateway::may_be_lost(lost))).await;
            }
            Step::Forge(index) => self.forge(self.gateway.notification(index, false)).await,
            Step::Pass(minutes) => self.pass(TimeDelta::minutes(minutes)),
            Step::Reconcile => drop(self.alive(self.reconciler.run()).await),
            Step::RunWebhookWorker => drop(self.alive(self.receive.worker.run()).await),
            Step::SendMails => drop(self.alive(self.outbox_worker.run()).await),
            Step::Break(fault, calls) => self.gateway.set_fault(fault, calls),
            Step::BreakMail(mails) => *self.mail_server.faults.lock().unwrap() = mails,
            Step::Crash(steps) => self.crash_after.store(steps, Ordering::Relaxed),
            Step::Refill(pieces) => self.refill(pieces).await,
            Step::SetWrongAmount(order, is) => {
                if let Some(order) = self.order(order) {
                    self.gateway.set_wrong_amount(&order, is);
                }
            }
        }
        self.check_pieces().await;
    }

    /// A payer begins to pay, which needs the page's address.
    async fn begin(&self, order: usize) {
        let Some(order) = self.order(order) else { return };
        let payments = self.payments().await;
        let payment = payments.iter().find(|payment| payment.record().id.to_string() == order);
        if payment.is_some_and(|payment| payment.record().page.is_some()) {
            self.gateway.begin(&order, self.clock.now());
        }
    }

    fn pass(&self, time: TimeDelta) {
        *self.clock.0.lock().unwrap() += time;
    }

    async fn buy(&self, quantity: i32, key: Option<u8>) {
        let form = OrderForm {
            product_id: self.product.id().to_string(),
            quantity: quantity.to_string(),
            idempotency_key: key.map(|key| format!("{}-{key}", self.product.id())).unwrap_or_default(),
        };
        let ordered = self.alive(self.checkout.execute(&self.context(), form)).await;
        if let Some(Ok(payment)) = ordered {
            assert_eq!(payment.status, Status::Pending, "a replay gives the first answer");
            let known = self.answered.lock().unwrap().insert(payment.id, payment.quantity);
            assert!(known.is_none() || key.is_some(), "an order without a key is another each time");
        }
    }

    async fn deliver(&self, notification: Option<NotificationForm>) {
        let Some(notification) = notification else { return };
        let answer = self.alive(self.receive.execute(&self.context(), notification.clone())).await;
        match answer {
            Some(Ok(())) => {}
            Some(Err(error)) => panic!("{error}: {notification:?}"),
            // The gateway gets no answer, and sends the notification again.
            None => drop(self.crash_point.run_until_crash(self.receive.execute(&self.context(), notification)).await),
        }
    }

    async fn forge(&self, notification: Option<NotificationForm>) {
        let Some(genuine) = notification else { return };
        let change = |change: fn(&mut NotificationForm)| {
            let mut forged = genuine.clone();
            change(&mut forged);
            forged
        };
        // The signature does not cover the status: a notification with another status is accepted.
        let lie = change(|form| form.transaction_status = "settlement".to_owned());
        let _ = self.receive.execute(&self.context(), lie).await;
        for forged in [
            change(|form| form.gross_amount = "1.00".to_owned()),
            change(|form| form.status_code = "299".to_owned()),
            change(|form| form.signature_key = "0".repeat(128)),
            change(|form| form.signature_key.clear()),
        ] {
            let refused = self.receive.execute(&self.context(), forged).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::SignatureInvalid);
        }
    }

    async fn refill(&self, more: i32) {
        let product = self.product().await;
        let stock = Stock::restore(product.details().stock.count() + more).unwrap();
        let owned = product.owned_by(self.seller).unwrap();
        let changes = Changes { stock: Some(stock), ..Changes::default() };
        self.database.update(&owned, &changes, &EntityTags::None, self.clock.now(), soon()).await.unwrap();
        self.pieces.fetch_add(more.into(), Ordering::Relaxed);
    }

    async fn product(&self) -> Product {
        ProductQueries::product(&*self.database, self.product.id(), soon()).await.unwrap().unwrap()
    }

    async fn payments(&self) -> Vec<Payment> {
        let page = PageRequest { start: PageStart::Offset(0), offset: 0, limit: 1_000 };
        let listing = PaymentListing { owner: self.seller.id(), audience: Audience::Seller, status: None, page };
        PaymentLists::list(&*self.database, &listing, soon()).await.unwrap()
    }

    /// Stock and reservations together have all pieces.
    async fn check_pieces(&self) {
        let stock = i64::from(self.product().await.details().stock.count());
        let taken: i64 = self
            .payments()
            .await
            .iter()
            .filter(|payment| matches!(payment.record().reservation, Reservation::Held | Reservation::Sold))
            .map(|payment| i64::from(payment.record().quantity.count()))
            .sum();
        assert_eq!(stock + taken, self.pieces.load(Ordering::Relaxed), "stock {stock}, taken {taken}");
    }

    /// Ends all failures and payments, and lets time pass until no work is left.
    pub(crate) async fn come_to_rest(&self) {
        self.crash_after.store(-1, Ordering::Relaxed);
        self.gateway.clear_fault();
        *self.mail_server.faults.lock().unwrap() = 0;
        self.gateway.close_all_orders();
        while let Some(notification) = self.gateway.notification(0, true) {
            if !FakeGateway::may_be_lost(&notification) {
                self.deliver(Some(notification)).await;
            }
        }
        for _ in 0..200 {
            let mut done = self.receive.worker.run().await.unwrap() + self.reconciler.run().await.unwrap();
            done += self.outbox_worker.run().await.unwrap();
            if done > 0 || self.settle().await {
                continue;
            }
            let waiting = self.payments().await.iter().filter_map(|payment| payment.record().next_check).min();
            let mails = self.database.backlog(self.clock.now(), soon()).await.unwrap();
            match waiting {
                Some(at) => self.pass((at - self.clock.now()).max(TimeDelta::seconds(1))),
                None if mails.mails + mails.notifications > 0 => self.pass(TimeDelta::minutes(10)),
                None => return,
            }
        }
        panic!("there is no end to it");
    }

    /// An operator resolves a contradicted payment. Returns whether one was found.
    async fn settle(&self) -> bool {
        let payments = self.payments().await;
        let waiting = payments.iter().find(|payment| payment.attention() == Some(Attention::Contradicted));
        let Some(id) = waiting.map(|payment| payment.record().id) else { return false };
        // The gateway may report something that fits by now, and an operator does not see all that it knows.
        let asked = self.reconciler.check_now(id).await.unwrap().unwrap();
        if asked.attention() != Some(Attention::Contradicted) {
            return true;
        }
        let is_paid = state_of(self.gateway.truth(&id.to_string()), None).is_paid();
        let resolution = if is_paid { Resolution::Paid } else { Resolution::Failed };
        let ruling =
            ManualResolution { resolution, operator: "ada".to_owned(), reason: "seen in the dashboard".to_owned() };
        if self.database.resolve(id, &ruling, self.clock.now(), soon()).await.unwrap().unwrap().is_err() {
            // Only the gateway can correct what it has reported about money.
            self.gateway.set_wrong_amount(&id.to_string(), false);
            self.reconciler.check_now(id).await.unwrap();
        }
        true
    }

    /// Checks the stored payments against the gateway's truth.
    pub(crate) async fn check(&self) {
        let payments = self.payments().await;
        let ids: BTreeSet<_> = payments.iter().map(|payment| payment.record().id).collect();
        for (id, _) in self.answered.lock().unwrap().iter() {
            assert!(ids.contains(id), "{id} was answered and is not there");
        }
        let mut expected = BTreeSet::new();
        for payment in &payments {
            let record = payment.record();
            let truth = self.gateway.truth(&record.id.to_string());
            let true_state = state_of(truth.iter().copied(), None);
            if self.gateway.has_wrong_amount(&record.id.to_string()) {
                assert_eq!(record.state.is_paid(), true_state.is_paid(), "{truth:?}: {record:#?}");
            } else if true_state.is_paid() || record.state.is_paid() {
                assert_eq!(record.state, true_state, "{truth:?}: {record:#?}");
            }
            assert!(!matches!(record.state, State::Pending | State::Review), "{truth:?}: {record:#?}");
            let timeline = PaymentQueries::timeline(&*self.database, record.id, soon()).await.unwrap();
            let mails = timeline.events.iter().flat_map(|(event, _)| {
                let recipients = app::payment::mail::recipients(event.kind);
                let status = event.kind.shown();
                recipients
                    .iter()
                    .filter_map(move |to| Some(format!("{}.{}-{}.{}", record.id, event.number, status?, to.as_str())))
            });
            expected.extend(mails);
        }
        let taken = self.mail_server.taken.lock().unwrap();
        let sent: BTreeSet<_> = taken.keys().cloned().collect();
        assert_eq!(sent, expected, "one mail for each change that is seen");
    }
}

/// Checks the invariants of the stored records.
pub(crate) async fn audit(database: &Database) {
    let now = "2027-01-01T00:00:00Z".parse().unwrap();
    let findings = database.audit(now, Deadline::within(Duration::from_secs(60))).await.unwrap();
    let broken: Vec<_> = findings.into_iter().filter(|finding| finding.broken > 0).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
