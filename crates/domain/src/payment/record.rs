//! The stored fields of a payment, and the gateway's reports.

use crate::money::Money;
use crate::payment::attention::Contradiction;
use crate::payment::status::{State, TransactionStatus, state_of};
use crate::payment::{PaymentCode, PaymentId, Quantity};
use crate::product::Product;
use crate::user::UserId;
use crate::version::Version;
use chrono::{DateTime, Utc};
use strum::IntoStaticStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentPage {
    /// The token with which the gateway's script opens the page.
    pub token: String,
    pub url: String,
}

/// The state of the pieces that a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Reservation {
    Held,
    Sold,
    Released {
        /// The product's present stock, from which pieces can be reserved again.
        on_shelf: i32,
    },
}

impl Reservation {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// One attempt to pay, as the gateway reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub id: String,
    pub status: TransactionStatus,
    /// The gateway's name of the payment method, such as `credit_card` or `qris`.
    pub payment_type: String,
    /// The amount without the payer's fee.
    pub amount: Money,
    /// The fee for the payment method, if the merchant passes it on to payers. It does not belong to the shop.
    pub fee: Money,
    /// The refunded part of amount and fee together.
    pub refunded: Money,
}

impl Transaction {
    #[must_use]
    pub fn gross(&self) -> Money {
        self.amount.checked_add(self.fee).unwrap_or(Money::MAX)
    }

    /// Whether money arrived, even if it was refunded since.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        state_of([self.status], None).is_paid()
    }
}

/// The gateway's answer about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayReport {
    /// The order id in the answer; `None` if the answer has none, which is so for some payment methods (see
    /// `app::payment::asking`).
    pub order: Option<String>,
    pub transaction: Transaction,
    /// Of which currency (ISO 4217).
    pub currency: String,
    /// Whether the answer names another merchant.
    pub is_foreign: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    News,
    /// It is known already, or older than the known state.
    Known,
    /// It names another order, amount, currency or merchant, for the first time: an operator has to look at it.
    Contradicts,
    /// The same contradiction is known already.
    ContradictsStill,
    /// It may be older than the known state; ask the gateway again.
    AskAgain,
}

/// Replaces a known transaction by a newer report of it.
pub(super) fn supersede(known: &mut Transaction, told: &Transaction, is_fresh: bool) -> ReportOutcome {
    let gives_back_more = told.status == known.status && told.refunded > known.refunded;
    if told.status > known.status || gives_back_more {
        let refunded = told.refunded.max(known.refunded);
        *known = Transaction { refunded, ..told.clone() };
        return ReportOutcome::News;
    }
    // A settlement after a denial is a bank's change of mind, or an older report that the denial overtook.
    let changes_its_mind = known.status == TransactionStatus::Deny
        && matches!(told.status, TransactionStatus::Capture | TransactionStatus::Settlement);
    match (changes_its_mind, is_fresh) {
        (true, true) => {
            *known = told.clone();
            ReportOutcome::News
        }
        (true, false) => ReportOutcome::AskAgain,
        (false, _) => ReportOutcome::Known,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRecord {
    pub id: PaymentId,
    pub code: PaymentCode,
    pub buyer: UserId,
    pub quantity: Quantity,
    pub total: Money,
    /// The product at the time of the order; its stock is what the order left.
    pub product: Product,
    pub state: State,
    /// The latest report that did not match.
    pub contradiction: Option<Contradiction>,
    /// The state with which the shop closed it without a report of the gateway.
    pub closed: Option<State>,
    /// Set once the gateway has made the page.
    pub page: Option<PaymentPage>,
    pub reservation: Reservation,
    pub transactions: Vec<Transaction>,
    pub expires_at: DateTime<Utc>,
    /// When the gateway is asked next; `None` if nothing can change any more.
    pub next_check: Option<DateTime<Utc>>,
    /// How often in a row the gateway answered nothing new; for an order without a page, how often it was asked.
    pub checks: u32,
    pub events: u32,
    pub version: Version,
    pub created_at: DateTime<Utc>,
    /// When the page was recorded.
    pub opened_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}
