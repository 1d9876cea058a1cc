//! The world of a history: the real use cases on a real database, with a fake gateway and a fake mail server.

use crate::Step;
use crate::crash::{CrashCounter, Crashable, FakeMailServer};
use crate::doubles::{Codes, ManualClock, NoOp};
use crate::gateway::FakeGateway;
use crate::support::{offer, seller, soon};
use app::clock::{Clock, Deadline};
use app::context::{Context, RequestId};
use app::entity_tag::Tags;
use app::page::{PageRequest, Start};
use app::payment::{
    Audience, Checkout, NotificationForm, OrderForm, OutboxWorker, PaymentListing, PaymentPresenter, PaymentQueries,
    ReceiveNotification, Reconciler, Rulings, WebhookWorker,
};
use app::pipeline::UseCase;
use app::product::{ProductImages, ProductQueries, Products};
use chrono::{DateTime, TimeDelta, Utc};
use domain::actor::{Actor, Identity, Seller};
use domain::error::ErrorCode;
use domain::money::Money;
use domain::payment::status::state_of;
use domain::payment::{AmountLimits, Attention, Payment, PaymentId, Reservation, Resolution, Ruling, State, Status};
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
    crash: Arc<CrashCounter>,
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
    /// The number of steps after which the next work crashes; negative for no crash.
    next_crash: AtomicI64,
}

const PIECES: i32 = 6;

impl World {
    /// A world that starts after the `before` earlier histories in the database.
    pub(crate) async fn new(database: &Arc<Database>, before: i64) -> Self {
        let start = "2027-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(4 * before);
        let clock = Arc::new(ManualClock(Mutex::new(start)));
        let (gateway, mail_server, crash) =
            (Arc::new(FakeGateway::default()), Arc::new(FakeMailServer::default()), Arc::new(CrashCounter::default()));
        crash.set(-1);
        let payments = Crashable::new(database, &crash);
        let crashable_gateway = Crashable::new(&gateway, &crash);
        let images = ProductImages {
            inspector: Arc::new(NoOp),
            store: Arc::new(NoOp),
            ledger: database.clone(),
            clock: clock.clone(),
        };
        let checkout = Checkout {
            payments: payments.clone(),
            users: database.clone(),
            gateway: crashable_gateway.clone(),
            codes: Arc::new(Codes),
            presenter: Arc::new(PaymentPresenter { images: Arc::new(images) }),
            notifier: Arc::new(NoOp),
            clock: clock.clone(),
            amount_limits: AmountLimits { min_total: Money::from_whole(1).unwrap(), max_total: Money::MAX },
            expiry: TimeDelta::hours(1),
        };
        let webhook_worker = Arc::new(WebhookWorker {
            notifications: payments.clone(),
            payments: payments.clone(),
            gateway: crashable_gateway.clone(),
            notifier: Arc::new(NoOp),
            clock: clock.clone(),
            observer: Arc::new(NoOp),
        });
        let reconciler = Reconciler {
            payments: payments.clone(),
            users: database.clone(),
            gateway: crashable_gateway,
            leases: database.clone(),
            notifier: Arc::new(NoOp),
            clock: clock.clone(),
            observer: Arc::new(NoOp),
            holder: "the only one".to_owned(),
        };
        let mailer = Crashable::new(&mail_server, &crash);
        let outbox_worker = OutboxWorker::new(payments, mailer, clock.clone(), Arc::new(NoOp));
        // Each history has its own seller, whose payments are this history's.
        let seller = seller(database, &format!("seller{}@example.com", start.timestamp())).await;
        let buyer = crate::support::seller(database, "buyer@example.com").await.id();
        let product = offer(seller, "Teapot", "10000", start).with_stock(Stock::restore(PIECES).unwrap());
        Products::add(&**database, &product, soon()).await.unwrap();
        Self {
            database: Arc::clone(database),
            clock,
            gateway,
            mail_server,
            crash,
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
            next_crash: AtomicI64::new(-1),
        }
    }

    fn context(&self) -> Context {
        Context {
            actor: Actor::User(Identity { id: self.buyer, role: Role::Buyer }),
            client: app::client::ClientAddress::new([127, 0, 0, 1].into()),
            request_id: RequestId::accept(None),
            deadline: soon(),
        }
    }

    /// Runs work; `None` if the server crashes meanwhile.
    async fn run_unless_crashed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.crash.set(self.next_crash.swap(-1, Ordering::Relaxed));
        let end = self.crash.run_until_crash(work).await;
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
            Step::Reconcile => drop(self.run_unless_crashed(self.reconciler.run()).await),
            Step::ReadInbox => drop(self.run_unless_crashed(self.receive.worker.run()).await),
            Step::SendMails => drop(self.run_unless_crashed(self.outbox_worker.run(std::future::pending)).await),
            Step::Break(fault, calls) => self.gateway.set_fault(fault, calls),
            Step::BreakMail(calls) => *self.mail_server.faults.lock().unwrap() = calls,
            Step::Crash(steps) => self.next_crash.store(steps, Ordering::Relaxed),
            Step::Refill(pieces) => self.refill(pieces).await,
            Step::Confuse(order, is) => drop(self.order(order).map(|order| self.gateway.confuse(&order, is))),
        }
        self.check_pieces().await;
    }

    /// The payer begins to pay, unless the shop does not know the page's address.
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
        let ordered = self.run_unless_crashed(self.checkout.execute(&self.context(), form)).await;
        if let Some(Ok(payment)) = ordered {
            assert_eq!(payment.status, Status::Pending, "a replay gives the first answer");
            let known = self.answered.lock().unwrap().insert(payment.id, payment.quantity);
            assert!(known.is_none() || key.is_some(), "an order without a key is another each time");
        }
    }

    async fn deliver(&self, notification: Option<NotificationForm>) {
        let Some(notification) = notification else { return };
        let answer = self.run_unless_crashed(self.receive.execute(&self.context(), notification.clone())).await;
        match answer {
            Some(Ok(())) => {}
            Some(Err(error)) => panic!("{error}: {notification:?}"),
            // The gateway got no answer and sends the notification again.
            None => drop(self.crash.run_until_crash(self.receive.execute(&self.context(), notification)).await),
        }
    }

    async fn forge(&self, notification: Option<NotificationForm>) {
        let Some(genuine) = notification else { return };
        let change = |change: fn(&mut NotificationForm)| {
            let mut forged = genuine.clone();
            change(&mut forged);
            forged
        };
        // The signature does not cover the status, so this notification passes as genuine.
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
        self.database.update(&owned, &changes, &Tags::None, self.clock.now(), soon()).await.unwrap();
        self.pieces.fetch_add(more.into(), Ordering::Relaxed);
    }

    async fn product(&self) -> Product {
        ProductQueries::product(&*self.database, self.product.id(), soon()).await.unwrap().unwrap()
    }

    async fn payments(&self) -> Vec<Payment> {
        let page = PageRequest { start: Start::Offset(0), offset: 0, limit: 1_000 };
        let listing = PaymentListing { owner: self.seller.id(), audience: Audience::Seller, status: None, page };
        PaymentQueries::list(&*self.database, &listing, soon()).await.unwrap()
    }

    /// The stock, the held pieces and the sold pieces add up to all pieces.
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

    /// Clears all faults, ends all attempts, and advances the clock until no work is left.
    pub(crate) async fn run_to_completion(&self) {
        self.next_crash.store(-1, Ordering::Relaxed);
        self.gateway.clear_fault();
        *self.mail_server.faults.lock().unwrap() = 0;
        self.gateway.end();
        while let Some(notification) = self.gateway.notification(0, true) {
            if !FakeGateway::may_be_lost(&notification) {
                self.deliver(Some(notification)).await;
            }
        }
        for _ in 0..200 {
            let mut done = self.receive.worker.run().await.unwrap() + self.reconciler.run().await.unwrap();
            done += self.outbox_worker.run(std::future::pending).await.unwrap();
            if done > 0 || self.resolve_contradiction().await {
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

    /// An operator resolves one contradicted payment; returns whether such a payment existed.
    async fn resolve_contradiction(&self) -> bool {
        let payments = self.payments().await;
        let waiting = payments.iter().find(|payment| payment.attention() == Some(Attention::Contradicted));
        let Some(id) = waiting.map(|payment| payment.record().id) else { return false };
        // The gateway's answer may have become consistent, and an operator does not see everything that the
        // gateway knows.
        let asked = self.reconciler.check_now(id).await.unwrap().unwrap();
        if asked.attention() != Some(Attention::Contradicted) {
            return true;
        }
        let is_paid = state_of(self.gateway.truth(&id.to_string()), None).is_paid();
        let resolution = if is_paid { Resolution::Paid } else { Resolution::Failed };
        let ruling = Ruling { resolution, operator: "ada".to_owned(), reason: "seen in the dashboard".to_owned() };
        if self.database.resolve(id, &ruling, self.clock.now(), soon()).await.unwrap().unwrap().is_err() {
            // Only the gateway can correct money that it has reported before.
            self.gateway.confuse(&id.to_string(), false);
            self.reconciler.check_now(id).await.unwrap();
        }
        true
    }

    /// Checks the shop's final state against the gateway's.
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
            if self.gateway.is_confused(&record.id.to_string()) {
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
        assert_eq!(sent, expected, "one letter for each change that is seen");
    }
}

/// Checks that the database's records are consistent.
pub(crate) async fn check_consistency(database: &Database) {
    let now = "2027-01-01T00:00:00Z".parse().unwrap();
    let findings = database.audit(now, Deadline::within(Duration::from_secs(60))).await.unwrap();
    let broken: Vec<_> = findings.into_iter().filter(|finding| finding.broken > 0).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
