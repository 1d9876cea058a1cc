//! The payment: what was ordered at which price, how its payment stands, and what has become of its pieces.
//!
//! A [`Payment`] changes by its methods alone. Each of them tells what happened as [`Event`]s, which are stored with the
//! change: they are the payment's story, and what buyers and sellers are told of.

use crate::id::uuid_id;
use crate::money::Money;
use crate::payment::status::{State, TransactionStatus, next_state};
use crate::payment::{Event, EventKind, Order, PaymentCode, Quantity};
use crate::product::{Product, ProductId};
use crate::user::UserId;
use crate::version::Version;
use chrono::{DateTime, TimeDelta, Utc};

uuid_id! {
    /// Identifies a payment, here and as the order at the gateway: a UUID, version 7 for payments made here, any version for
    /// those that came from the Go system.
    PaymentId
}

/// The way of paying after whose expiry the payer may try again on the same page.
const CARD: &str = "credit_card";

/// How long after the page has closed pieces stay reserved: a payer may be at the bank's own page just then.
pub const GRACE: TimeDelta = TimeDelta::minutes(10);
/// How long after [`GRACE`] a payment of which the gateway knows nothing is given up.
const SILENCE: TimeDelta = TimeDelta::minutes(10);
/// How long after its reservation has ended the gateway is still asked about a payment.
const ASK_UNTIL: TimeDelta = TimeDelta::hours(24);
/// How long a page that could not be had is asked for again.
const OPEN_UNTIL: TimeDelta = TimeDelta::minutes(15);

/// Where the payer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentPage {
    /// What the gateway's own script opens the page by.
    pub token: String,
    /// The page's address.
    pub url: String,
}

/// What has become of the pieces that a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// They are kept for the payer.
    Held,
    /// They are the payer's.
    Sold,
    /// They have been given back.
    Released {
        /// How many pieces of the product there are to be reserved anew.
        on_shelf: i32,
    },
}

impl Reservation {
    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Sold => "sold",
            Self::Released { .. } => "released",
        }
    }
}

/// One attempt to pay, as far as the gateway has told of it when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The gateway's name for it.
    pub id: String,
    /// How it stands.
    pub status: TransactionStatus,
    /// How it is paid, such as `credit_card` or `qris`; one of the gateway's words.
    pub payment_type: String,
    /// What the gateway says it is for.
    pub amount: Money,
    /// How much of it was given back.
    pub refunded: Money,
}

/// What the gateway answered when it was asked about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The order.
    pub order: String,
    /// What it says of one transaction.
    pub transaction: Transaction,
    /// Of which currency (ISO 4217).
    pub currency: String,
}

/// What came of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learnt {
    /// It was news.
    News,
    /// It was known, or older than what is known.
    Known,
    /// It is about another order, amount or currency.
    Contradicts,
    /// It may be older than what is known; the gateway is to be asked again.
    AskAgain,
}

/// All that storage keeps of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRecord {
    /// Identifies it.
    pub id: PaymentId,
    /// What people call it.
    pub code: PaymentCode,
    /// Who pays.
    pub buyer: UserId,
    /// How many pieces.
    pub quantity: Quantity,
    /// What they cost together.
    pub total: Money,
    /// The product as it was ordered; its stock is what was left then.
    pub product: Product,
    /// How it stands.
    pub state: State,
    /// Whether it is paid and there are no pieces for it.
    pub needs_attention: bool,
    /// As what it was closed here, without the gateway's word.
    pub closed: Option<State>,
    /// Where the payer pays, once that is known.
    pub page: Option<PaymentPage>,
    /// What has become of the pieces.
    pub reservation: Reservation,
    /// The attempts to pay.
    pub transactions: Vec<Transaction>,
    /// Until when the payer may pay.
    pub expires_at: DateTime<Utc>,
    /// When the gateway is to be asked about it next; never where nothing more can come of it.
    pub next_check: Option<DateTime<Utc>>,
    /// How often in a row the gateway has answered nothing new; of an order without a page, how often it was asked.
    pub checks: u32,
    /// How many events there are.
    pub events: u32,
    /// How often it has been changed.
    pub version: Version,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When the gateway had made a page for it.
    pub opened_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// An order and its payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    record: PaymentRecord,
    news: Vec<Event>,
}

impl Payment {
    /// A payment for an order of a product, whose stock is what is left of it.
    pub(super) fn of(order: &Order, product: Product, total: Money) -> Self {
        let now = order.now;
        let record = PaymentRecord {
            id: order.id,
            code: order.code,
            buyer: order.buyer,
            quantity: order.quantity,
            total,
            product,
            state: State::Pending,
            needs_attention: false,
            closed: None,
            page: None,
            reservation: Reservation::Held,
            transactions: Vec::new(),
            expires_at: order.expires_at,
            next_check: Some(now + TimeDelta::seconds(30)),
            checks: 0,
            events: 0,
            version: Version::FIRST,
            created_at: now,
            opened_at: None,
            updated_at: now,
        };
        let mut payment = Self { record, news: Vec::new() };
        payment.tell(EventKind::Ordered, now);
        payment
    }

    /// Rebuilds a payment from storage, without checking it again.
    #[must_use]
    pub const fn restore(record: PaymentRecord) -> Self {
        Self { record, news: Vec::new() }
    }

    /// What storage keeps of it.
    #[must_use]
    pub const fn record(&self) -> &PaymentRecord {
        &self.record
    }

    /// What has happened since it was read.
    #[must_use]
    pub fn news(&self) -> &[Event] {
        &self.news
    }

    /// What has happened since it was read, once it has been stored.
    pub fn take_news(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.news)
    }

    /// Until when its pieces stay reserved if nobody pays.
    #[must_use]
    pub fn hold_until(&self) -> DateTime<Utc> {
        self.record.expires_at + GRACE
    }

    /// Which product it is for.
    #[must_use]
    pub const fn product(&self) -> ProductId {
        self.record.product.id()
    }

    /// Who sells.
    #[must_use]
    pub const fn seller(&self) -> UserId {
        self.record.product.seller()
    }

    /// Whether it waits for its page: it was ordered, and what the gateway answered to that is not known.
    #[must_use]
    pub fn is_half_made(&self) -> bool {
        let record = &self.record;
        record.opened_at.is_none() && record.state == State::Pending && record.transactions.is_empty()
    }

    /// Whether the gateway is to be asked for a page, should it know nothing of the order.
    #[must_use]
    pub fn may_be_opened(&self, now: DateTime<Utc>) -> bool {
        self.is_half_made() && now < self.record.created_at + OPEN_UNTIL && now < self.record.expires_at
    }

    /// Takes note of the page on which it can be paid.
    pub fn open(&mut self, page: PaymentPage, now: DateTime<Utc>) {
        if self.record.opened_at.is_some() {
            return;
        }
        self.record.page = Some(page);
        self.record.opened_at = Some(now);
        self.record.checks = 0;
        if self.record.state == State::Pending {
            self.tell(EventKind::Opened, now);
        }
        self.plan_check(now);
        self.touch(now);
    }

    /// Gives up a payment that cannot be begun, and gives its pieces back.
    pub fn fail(&mut self, now: DateTime<Utc>) {
        if self.is_half_made() {
            self.close(State::Failure, now);
        }
    }

    /// Gives up a payment of which the gateway knows nothing when its time is over, or has told nothing new for a day, and
    /// gives its pieces back; tells whether it did.
    pub fn expire(&mut self, now: DateTime<Utc>) -> bool {
        let record = &self.record;
        let patience = if record.transactions.is_empty() { SILENCE } else { ASK_UNTIL };
        let is_over = now >= self.hold_until() + patience;
        let may_expire = is_over && record.closed.is_none() && record.state == State::Pending;
        if may_expire {
            self.close(State::Expire, now);
        }
        may_expire
    }

    fn close(&mut self, closed: State, now: DateTime<Utc>) {
        self.record.closed = Some(closed);
        self.settle(now);
        self.plan_check(now);
        self.touch(now);
    }

    /// Takes note of what the gateway has answered. `is_fresh` tells that nothing has become known since it was asked.
    pub fn learn(&mut self, report: &Report, is_fresh: bool, now: DateTime<Utc>) -> Learnt {
        let Report { order, transaction, currency } = report;
        let is_ours = *order == self.record.id.to_string() && currency == Money::CURRENCY;
        if !is_ours || transaction.amount != self.record.total {
            return Learnt::Contradicts;
        }
        let refunded = self.refunded();
        let learnt = match self.record.transactions.iter_mut().find(|known| known.id == transaction.id) {
            None => {
                self.record.transactions.push(transaction.clone());
                Learnt::News
            }
            Some(known) => supersede(known, transaction, is_fresh),
        };
        if learnt == Learnt::News {
            let in_all = self.refunded();
            if in_all > refunded {
                self.tell(EventKind::Refunded { in_all }, now);
            }
            self.record.checks = 0;
            self.settle(now);
            self.plan_check(now);
            self.touch(now);
        }
        learnt
    }

    /// How much of the money was given back.
    #[must_use]
    pub fn refunded(&self) -> Money {
        let each = self.record.transactions.iter().map(|transaction| transaction.refunded);
        each.fold(Money::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(Money::MAX))
    }

    /// Lets time pass: gives back what was reserved for longer than it may be, and plans when the gateway is to be asked
    /// next. `was_answered` tells that it answered all that it was asked: one that is away has not said that nobody paid.
    pub fn checked(&mut self, was_answered: bool, now: DateTime<Utc>) {
        let counts = was_answered || self.is_half_made();
        self.record.checks = if counts { self.record.checks.saturating_add(1) } else { 0 };
        if now >= self.hold_until() && !self.record.state.is_paid() {
            self.release(now);
        }
        self.plan_check(now);
        self.touch(now);
    }

    /// Draws the consequences of what is known now.
    fn settle(&mut self, now: DateTime<Utc>) {
        let from = self.record.state;
        let known: Vec<_> = self.record.transactions.iter().map(|transaction| transaction.status).collect();
        let to = next_state(from, &known, self.record.closed);
        if from != to {
            self.record.state = to;
            self.tell(EventKind::Moved { from, to }, now);
        }
        match (to, self.record.reservation) {
            (State::Success | State::PartialRefund, _) => self.sell(now),
            // Money that came and went, for pieces that are still there.
            (State::Refund | State::Chargeback, Reservation::Held) => self.sell(now),
            (State::Refund | State::Chargeback, _) => self.record.needs_attention = false,
            (State::Deny | State::Expire, Reservation::Held) if self.may_be_tried_again(to, now) => {}
            (State::Deny | State::Expire | State::Cancel | State::Failure, _) => self.release(now),
            (State::Pending | State::Review, _) => {}
        }
    }

    /// Whether the payer may pay on the same page after all.
    fn may_be_tried_again(&self, state: State, now: DateTime<Utc>) -> bool {
        let mut tried = self.record.transactions.iter();
        let is_retried = match state {
            State::Deny => true,
            State::Expire => tried.all(|tried| tried.status != TransactionStatus::Expire || tried.payment_type == CARD),
            _ => false,
        };
        is_retried && self.record.closed.is_none() && now < self.hold_until()
    }

    fn sell(&mut self, now: DateTime<Utc>) {
        match self.record.reservation {
            Reservation::Sold => {}
            Reservation::Held => {
                self.record.reservation = Reservation::Sold;
                self.tell(EventKind::Sold, now);
            }
            Reservation::Released { on_shelf } if on_shelf >= self.record.quantity.count() => {
                self.record.reservation = Reservation::Sold;
                self.record.needs_attention = false;
                self.tell(EventKind::ReservedAgain, now);
                self.tell(EventKind::Sold, now);
            }
            Reservation::Released { .. } if self.record.needs_attention => {}
            Reservation::Released { .. } => {
                self.record.needs_attention = true;
                self.tell(EventKind::Unfulfilled, now);
            }
        }
    }

    fn release(&mut self, now: DateTime<Utc>) {
        self.record.needs_attention = false;
        if !matches!(self.record.reservation, Reservation::Released { .. }) {
            self.record.reservation = Reservation::Released { on_shelf: 0 };
            self.tell(EventKind::Released, now);
        }
    }

    /// Plans when to ask the gateway next: after 5, 15 and 60 minutes, when the reservation ends, then hourly for a day; at once
    /// and then ever later for a page.
    fn plan_check(&mut self, now: DateTime<Utc>) {
        let record = &self.record;
        let open_attempt = record.transactions.iter().any(|transaction| transaction.status.is_open());
        let is_over = record.state.is_paid() || matches!(record.state, State::Cancel | State::Failure);
        let is_held = record.reservation == Reservation::Held;
        let next = if is_over && !open_attempt || now >= self.hold_until() + ASK_UNTIL {
            None
        } else if self.is_half_made() && now < record.created_at + OPEN_UNTIL {
            Some(now + TimeDelta::seconds(15 << record.checks.min(4)))
        } else if matches!(record.state, State::Deny | State::Expire) && !open_attempt && !is_held {
            // The payer may have begun another attempt since, of which nobody has told yet.
            (record.checks == 0).then(|| now + TimeDelta::minutes(5))
        } else {
            let planned = [5, 15, 60].map(|minutes| record.created_at + TimeDelta::minutes(minutes));
            let ends = [self.hold_until(), self.hold_until() + SILENCE];
            let next = planned.into_iter().chain(ends).filter(|at| *at > now).min();
            Some(next.unwrap_or(now + TimeDelta::hours(1)))
        };
        self.record.next_check = next;
    }

    fn tell(&mut self, kind: EventKind, at: DateTime<Utc>) {
        self.record.events = self.record.events.saturating_add(1);
        self.news.push(Event { number: self.record.events, at, kind });
    }

    fn touch(&mut self, now: DateTime<Utc>) {
        self.record.version = self.record.version.next();
        if !self.news.is_empty() {
            self.record.updated_at = now;
        }
    }
}

/// Replaces what is known of a transaction by what is newer.
fn supersede(known: &mut Transaction, told: &Transaction, is_fresh: bool) -> Learnt {
    let gives_back_more = told.status == known.status && told.refunded > known.refunded;
    if told.status > known.status || gives_back_more {
        let refunded = told.refunded.max(known.refunded);
        *known = Transaction { refunded, ..told.clone() };
        return Learnt::News;
    }
    // A settlement that comes behind a refusal is a bank's change of mind, or was overtaken by the refusal.
    let changes_its_mind = known.status == TransactionStatus::Deny
        && matches!(told.status, TransactionStatus::Capture | TransactionStatus::Settlement);
    match (changes_its_mind, is_fresh) {
        (true, true) => {
            *known = told.clone();
            Learnt::News
        }
        (true, false) => Learnt::AskAgain,
        (false, _) => Learnt::Known,
    }
}

#[cfg(test)]
mod tests;
