//! The payment: what was ordered at which price, its state, and the reservation of its pieces.
//!
//! Only the methods of [`Payment`] change it. Each method returns [`Event`]s through [`Payment::take_events`], which storage
//! writes with the change: they are the payment's timeline and the source of its mails.

use crate::id::uuid_id;
use crate::money::Money;
use crate::payment::attention::{Attention, Contradiction, Resolution, ResolutionError, objection};
use crate::payment::record::{
    GatewayReport, PaymentPage, PaymentRecord, ReportOutcome, Reservation, Transaction, supersede,
};
use crate::payment::status::{State, TransactionStatus, next_state};
use crate::payment::{Event, EventKind, Order};
use crate::product::{Product, ProductId};
use crate::user::UserId;
use crate::version::Version;
use chrono::{DateTime, Utc};

mod schedule;

pub use schedule::GRACE;
use schedule::{CHECK_FOR, CLOSE_UNKNOWN_AFTER, FIRST_CHECK};

uuid_id! {
    /// Identifies a payment, here and as the order at the gateway: a UUID, version 7 for payments made here, any version for
    /// those that came from the Go system.
    PaymentId
}

/// The payment method with which the payer may try again on the same page after an expiry.
const CARD: &str = "credit_card";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    record: PaymentRecord,
    news: Vec<Event>,
}

impl Payment {
    /// Creates the payment of an order. The product's stock is what the order leaves.
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
            contradiction: None,
            closed: None,
            page: None,
            reservation: Reservation::Held,
            transactions: Vec::new(),
            expires_at: order.expires_at,
            next_check: Some(now + FIRST_CHECK),
            checks: 0,
            events: 0,
            version: Version::FIRST,
            created_at: now,
            opened_at: None,
            updated_at: now,
        };
        let mut payment = Self { record, news: Vec::new() };
        payment.record_event(EventKind::Ordered, now);
        payment
    }

    /// Rebuilds a payment from storage, without checking it again.
    #[must_use]
    pub const fn restore(record: PaymentRecord) -> Self {
        Self { record, news: Vec::new() }
    }

    #[must_use]
    pub const fn record(&self) -> &PaymentRecord {
        &self.record
    }

    /// The events since the payment was read.
    #[must_use]
    pub fn news(&self) -> &[Event] {
        &self.news
    }

    /// Removes and returns the events since the payment was read; storage calls this after it wrote them.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.news)
    }

    #[must_use]
    pub const fn product(&self) -> ProductId {
        self.record.product.id()
    }

    #[must_use]
    pub const fn seller(&self) -> UserId {
        self.record.product.seller()
    }

    /// Returns why the payment waits for an operator, if so.
    #[must_use]
    pub fn attention(&self) -> Option<Attention> {
        if self.is_contradicted() {
            return Some(Attention::Contradicted);
        }
        self.is_unfulfilled().then_some(Attention::Unfulfilled)
    }

    /// Whether it is paid and has no pieces reserved.
    #[must_use]
    pub const fn is_unfulfilled(&self) -> bool {
        expects_pieces(self.record.state) && self.is_released()
    }

    /// Whether a contradiction is unresolved.
    fn is_contradicted(&self) -> bool {
        self.record.contradiction.as_ref().is_some_and(|contradiction| contradiction.is_open)
    }

    const fn is_released(&self) -> bool {
        matches!(self.record.reservation, Reservation::Released { .. })
    }

    /// Whether it waits for its page: it was ordered, and the gateway's answer is not known.
    #[must_use]
    pub fn is_awaiting_page(&self) -> bool {
        let record = &self.record;
        let has_no_report = record.transactions.is_empty() && record.contradiction.is_none();
        record.opened_at.is_none() && record.state == State::Pending && has_no_report
    }

    /// Records the page on which it can be paid.
    pub fn open(&mut self, page: PaymentPage, now: DateTime<Utc>) {
        if self.record.opened_at.is_some() {
            return;
        }
        self.record.page = Some(page);
        self.record.opened_at = Some(now);
        self.record.checks = 0;
        if self.record.state == State::Pending {
            self.record_event(EventKind::Opened, now);
        }
        self.plan_check(now);
        self.bump_version(now);
    }

    /// Closes a payment for which no page can be made, and releases its pieces.
    pub fn fail(&mut self, now: DateTime<Utc>) {
        if self.is_awaiting_page() {
            self.close(State::Failure, now);
        }
    }

    /// Closes an expired payment that the gateway does not know, or of which it reported nothing new for a day, and releases
    /// its pieces. Returns whether it did. A payment that waits for an operator stays open.
    pub fn expire(&mut self, now: DateTime<Utc>) -> bool {
        let record = &self.record;
        let close_after = if record.transactions.is_empty() { CLOSE_UNKNOWN_AFTER } else { CHECK_FOR };
        let is_over = now >= self.hold_until() + close_after;
        let is_open = record.closed.is_none() && record.state == State::Pending && !self.is_contradicted();
        let may_expire = is_over && is_open;
        if may_expire {
            self.close(State::Expire, now);
        }
        may_expire
    }

    fn close(&mut self, closed: State, now: DateTime<Utc>) {
        self.record.closed = Some(closed);
        self.recompute_status(now);
        self.plan_check(now);
        self.bump_version(now);
    }

    /// Applies a report of the gateway. `is_fresh` says that the payment has not changed since the gateway was asked.
    pub fn apply_report(&mut self, report: &GatewayReport, is_fresh: bool, now: DateTime<Utc>) -> ReportOutcome {
        let transaction = &report.transaction;
        if let Some(reason) = objection(report, &self.record) {
            return self.contradict(report, reason, now);
        }
        let (refunded, fee) = (self.refunded(), self.fee());
        let outcome = match self.record.transactions.iter_mut().find(|known| known.id == transaction.id) {
            None => {
                self.record.transactions.push(transaction.clone());
                ReportOutcome::News
            }
            Some(known) => supersede(known, transaction, is_fresh),
        };
        if outcome == ReportOutcome::News {
            self.explain(&transaction.id, now);
            for (before, total, kind) in [
                (fee, self.fee(), EventKind::FeePaid { in_all: self.fee() }),
                (refunded, self.refunded(), EventKind::Refunded { in_all: self.refunded() }),
            ] {
                if total > before {
                    self.record_event(kind, now);
                }
            }
            self.record.checks = 0;
            self.recompute_status(now);
            self.plan_check(now);
            self.bump_version(now);
        }
        outcome
    }

    /// Records a report that does not match, once however often it comes. It changes no state: an operator has to look at
    /// it.
    fn contradict(&mut self, report: &GatewayReport, reason: String, now: DateTime<Utc>) -> ReportOutcome {
        let told = Contradiction::of(report, reason);
        let together = match &self.record.contradiction {
            Some(known) if known.has_told(&told) => return ReportOutcome::ContradictsStill,
            Some(known) if known.is_open && known.transaction != told.transaction => {
                let together = known.and(told);
                // The description is full, and an operator has to look at it anyway.
                if together == *known {
                    return ReportOutcome::ContradictsStill;
                }
                together
            }
            _ => told,
        };
        self.record.contradiction = Some(together);
        self.record_event(EventKind::Contradicted { over: report.transaction.gross() }, now);
        self.plan_check(now);
        self.bump_version(now);
        ReportOutcome::Contradicts
    }

    /// Removes the contradiction of a transaction of which a matching report arrived.
    fn explain(&mut self, transaction: &str, now: DateTime<Utc>) {
        if self.record.contradiction.as_ref().is_none_or(|known| known.transaction != transaction) {
            return;
        }
        if self.is_contradicted() {
            self.record_event(EventKind::Explained, now);
        }
        self.record.contradiction = None;
    }

    /// Resolves a payment that waits for an operator, or that an operator resolved before.
    ///
    /// `Paid` sells its pieces, and reserves them again if they were released and stock is left; `Failed` releases them.
    /// Later reports of the gateway still count: money that arrives makes a failed payment paid, and refunds are recorded. A
    /// failed attempt does not undo the operator's `Paid`.
    ///
    /// # Errors
    /// If the payment cannot be resolved this way. The payment is then unchanged.
    pub fn resolve(&mut self, resolution: Resolution, now: DateTime<Utc>) -> Result<(), ResolutionError> {
        // An operator may change the resolution: only operators close a payment as paid.
        let was_settled = self.record.contradiction.is_some() || self.record.closed == Some(State::Success);
        match (self.attention(), self.record.reservation) {
            (None, _) if !was_settled => return Err(ResolutionError::NothingWaits),
            (Some(Attention::Unfulfilled), Reservation::Released { on_shelf })
                if resolution == Resolution::Paid && on_shelf < self.record.quantity.count() =>
            {
                return Err(ResolutionError::NoPieces);
            }
            _ => {}
        }
        let mut known = self.record.transactions.iter();
        let is_confirmed = known.clone().any(Transaction::is_paid);
        match resolution {
            Resolution::Failed if is_confirmed => return Err(ResolutionError::Paid),
            Resolution::Failed if known.any(|known| known.status == TransactionStatus::Challenge) => {
                return Err(ResolutionError::UnderReview);
            }
            // The gateway's confirmation needs no resolution beside it.
            Resolution::Paid if is_confirmed => {}
            Resolution::Paid | Resolution::Failed => self.record.closed = Some(resolution.state()),
        }
        if let Some(contradiction) = &mut self.record.contradiction {
            contradiction.is_open = false;
        }
        self.record_event(EventKind::Resolved(resolution), now);
        self.recompute_status(now);
        self.plan_check(now);
        self.bump_version(now);
        Ok(())
    }

    /// The refunded total, including refunded fees.
    #[must_use]
    pub fn refunded(&self) -> Money {
        sum(self.record.transactions.iter().map(|transaction| transaction.refunded))
    }

    /// The fees that the payer paid for the payment method on top of the total.
    #[must_use]
    pub fn fee(&self) -> Money {
        let paid = self.record.transactions.iter().filter(|transaction| transaction.is_paid());
        sum(paid.map(|transaction| transaction.fee))
    }

    /// Releases pieces whose reservation has ended, and plans the next check. `was_answered` says that the gateway answered
    /// every question: a gateway that is unavailable has not said that nobody paid.
    pub fn checked(&mut self, was_answered: bool, now: DateTime<Utc>) {
        let counts = was_answered || self.is_awaiting_page();
        self.record.checks = if counts { self.record.checks.saturating_add(1) } else { 0 };
        if now >= self.hold_until() && !self.record.state.is_paid() && !self.is_contradicted() {
            self.release(now);
        }
        self.plan_check(now);
        self.bump_version(now);
    }

    /// Recomputes the state and the reservation from the known transactions.
    fn recompute_status(&mut self, now: DateTime<Utc>) {
        let from = self.record.state;
        let known: Vec<_> = self.record.transactions.iter().map(|transaction| transaction.status).collect();
        let to = next_state(from, &known, self.record.closed);
        if from != to {
            self.record.state = to;
            self.record_event(EventKind::Moved { from, to }, now);
        }
        match (to, self.record.reservation) {
            (State::Success | State::PartialRefund, _) => self.sell(from, now),
            // The money was paid and refunded, and the pieces are still reserved.
            (State::Refund | State::Chargeback, Reservation::Held) => self.sell(from, now),
            (State::Refund | State::Chargeback, _) => {}
            (State::Deny | State::Expire, Reservation::Held) if self.may_be_tried_again(to, now) => {}
            // Money may have arrived in a way that only an operator can find out.
            (_, Reservation::Held) if self.is_contradicted() => {}
            (State::Deny | State::Expire | State::Cancel | State::Failure, _) => self.release(now),
            (State::Pending | State::Review, _) => {}
        }
    }

    /// Whether the payer may try again on the same page.
    fn may_be_tried_again(&self, state: State, now: DateTime<Utc>) -> bool {
        let mut tried = self.record.transactions.iter();
        let is_retried = match state {
            State::Deny => true,
            State::Expire => tried.all(|tried| tried.status != TransactionStatus::Expire || tried.payment_type == CARD),
            _ => false,
        };
        is_retried && self.record.closed.is_none() && now < self.hold_until()
    }

    fn sell(&mut self, from: State, now: DateTime<Utc>) {
        match self.record.reservation {
            Reservation::Sold => {}
            Reservation::Held => {
                self.record.reservation = Reservation::Sold;
                self.record_event(EventKind::Sold, now);
            }
            Reservation::Released { on_shelf } if on_shelf >= self.record.quantity.count() => {
                self.record.reservation = Reservation::Sold;
                self.record_event(EventKind::ReservedAgain, now);
                self.record_event(EventKind::Sold, now);
            }
            // `Unfulfilled` was recorded when the pieces were found missing.
            Reservation::Released { .. } if expects_pieces(from) => {}
            Reservation::Released { .. } => self.record_event(EventKind::Unfulfilled, now),
        }
    }

    fn release(&mut self, now: DateTime<Utc>) {
        if !self.is_released() {
            self.record.reservation = Reservation::Released { on_shelf: 0 };
            self.record_event(EventKind::Released, now);
        }
    }

    fn record_event(&mut self, kind: EventKind, at: DateTime<Utc>) {
        self.record.events = self.record.events.saturating_add(1);
        self.news.push(Event { number: self.record.events, at, kind });
    }

    fn bump_version(&mut self, now: DateTime<Utc>) {
        self.record.version = self.record.version.next();
        if !self.news.is_empty() {
            self.record.updated_at = now;
        }
    }
}

/// Whether a payment in this state is owed its pieces.
const fn expects_pieces(state: State) -> bool {
    matches!(state, State::Success | State::PartialRefund)
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    amounts.fold(Money::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(Money::MAX))
}

#[cfg(test)]
mod tests;
