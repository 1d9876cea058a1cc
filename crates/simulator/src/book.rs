//! The simulator's orders and their transitions (docs.midtrans.com, "Transaction status cycle").

use crate::{Action, OrderPage};
use app::payment::Invoice;
use chrono::{DateTime, Utc};
use domain::money::Money;
use domain::payment::{GatewayReport, PaymentId, Transaction, TransactionStatus};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The payment type of a successful attempt, as the gateway names it.
const PAYMENT_TYPE: &str = "qris";
/// The payment type of a denied attempt, after which the payer may try again.
const REFUSED_TYPE: &str = "credit_card";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) payment_type: String,
    pub(super) at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) order: String,
    pub(super) token: String,
    name: String,
    quantity: i32,
    /// In hundredths.
    total: i64,
    payer_name: String,
    expires_at: DateTime<Utc>,
    is_closed: bool,
    pub(super) attempts: Vec<Attempt>,
}

impl Attempt {
    /// The journal holds only statuses that this program has written.
    pub(super) fn status(&self) -> TransactionStatus {
        TransactionStatus::restore(&self.status).unwrap_or(TransactionStatus::Failure)
    }
}

impl Order {
    pub(super) fn new(invoice: &Invoice) -> Self {
        Self {
            order: invoice.order.to_string(),
            // Random, so that nobody can guess it.
            token: Uuid::new_v4().to_string(),
            name: invoice.name.clone(),
            quantity: invoice.quantity.count(),
            total: invoice.total.minor(),
            payer_name: invoice.payer_name.clone(),
            expires_at: invoice.expires_at,
            is_closed: false,
            attempts: Vec::new(),
        }
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Whether there has been an attempt to pay.
    pub(super) fn is_begun(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Whether the order can no longer be paid.
    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.is_closed || now >= self.expires_at
    }

    fn total(&self) -> Money {
        Money::from_minor(self.total).unwrap_or(Money::ZERO)
    }

    pub(super) fn latest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The amount in the gateway's format.
    pub(super) fn gross_amount(&self) -> String {
        format!("{}.{:02}", self.total / 100, self.total % 100)
    }

    fn actions(&self, now: DateTime<Utc>) -> Vec<Action> {
        let can_be_paid = !self.is_over(now);
        match self.latest().map(Attempt::status) {
            None | Some(TransactionStatus::Deny) if can_be_paid => {
                vec![Action::Pay, Action::Deny, Action::Cancel, Action::Expire]
            }
            Some(TransactionStatus::Settlement) => vec![Action::Refund],
            _ => Vec::new(),
        }
    }

    /// Carries out an action. Returns whether it was possible.
    pub(super) fn act(&mut self, action: Action, now: DateTime<Utc>) -> bool {
        if !self.actions(now).contains(&action) {
            return false;
        }
        let (status, payment_type) = match action {
            Action::Pay => (TransactionStatus::Settlement, PAYMENT_TYPE),
            Action::Deny => (TransactionStatus::Deny, REFUSED_TYPE),
            Action::Cancel => (TransactionStatus::Cancel, PAYMENT_TYPE),
            Action::Expire => (TransactionStatus::Expire, PAYMENT_TYPE),
            Action::Refund => (TransactionStatus::Refund, PAYMENT_TYPE),
        };
        let status_text = status.as_str().to_owned();
        match self.attempts.last_mut() {
            Some(paid) if action == Action::Refund => paid.status = status_text,
            _ => self.attempts.push(Attempt {
                id: Uuid::new_v4().to_string(),
                status: status_text,
                payment_type: payment_type.to_owned(),
                at: now,
            }),
        }
        // After a denied attempt the payer may try again on the same page.
        self.is_closed |= status != TransactionStatus::Deny;
        true
    }

    pub(super) fn page(&self, now: DateTime<Utc>) -> Option<OrderPage> {
        Some(OrderPage {
            token: self.token.clone(),
            order: self.order.parse::<PaymentId>().ok()?,
            name: self.name.clone(),
            quantity: self.quantity,
            total: self.total(),
            payer_name: self.payer_name.clone(),
            status: self.latest().map(Attempt::status),
            expires_at: self.expires_at,
            actions: self.actions(now),
        })
    }

    /// The answer to a question about the status of an attempt.
    pub(super) fn report(&self, attempt: &Attempt) -> GatewayReport {
        let status = attempt.status();
        GatewayReport {
            order: Some(self.order.clone()),
            currency: Money::CURRENCY.to_owned(),
            is_foreign: false,
            transaction: Transaction {
                id: attempt.id.clone(),
                status,
                payment_type: attempt.payment_type.clone(),
                amount: self.total(),
                fee: Money::ZERO,
                refunded: if status == TransactionStatus::Refund { self.total() } else { Money::ZERO },
            },
        }
    }
}
