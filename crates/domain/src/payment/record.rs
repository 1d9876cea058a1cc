//! What is known of a payment: the parts that storage keeps, and what the gateway tells of it.

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
    /// What the gateway's own script opens the page by.
    pub token: String,
    pub url: String,
}

/// What has become of the pieces that a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Reservation {
    Held,
    Sold,
    Released {
        /// How many pieces of the product there are to be reserved anew.
        on_shelf: i32,
    },
}

impl Reservation {
    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// One attempt to pay, as far as the gateway has told of it when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub id: String,
    pub status: TransactionStatus,
    /// How it is paid, such as `credit_card` or `qris`; one of the gateway's words.
    pub payment_type: String,
    /// What the gateway says it is for, without the payer's fee.
    pub amount: Money,
    /// What the payer pays on top of that for this way of paying, where the merchant has the gateway ask payers for it. It is
    /// not the shop's.
    pub fee: Money,
    /// How much was given back, of the amount and the fee together.
    pub refunded: Money,
}

impl Transaction {
    #[must_use]
    pub fn gross(&self) -> Money {
        self.amount.checked_add(self.fee).unwrap_or(Money::MAX)
    }

    /// Whether money came in by it, even if it went back since.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        state_of([self.status], None).is_paid()
    }
}

/// What the gateway answered when it was asked about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayReport {
    /// The order that it is about; none where the answer does not tell, as those about some ways to pay
    /// ([`asking`](super::asking)).
    pub order: Option<String>,
    pub transaction: Transaction,
    /// Of which currency (ISO 4217).
    pub currency: String,
    /// Whether it is said to be another merchant's than ours.
    pub is_foreign: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    News,
    /// It was known, or older than what is known.
    Known,
    /// It is about another order, amount, currency or merchant, which was not known: a person has to look at it.
    Contradicts,
    /// The same has contradicted the payment before.
    ContradictsStill,
    /// It may be older than what is known; the gateway is to be asked again.
    AskAgain,
}

/// All that storage keeps of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRecord {
    pub id: PaymentId,
    pub code: PaymentCode,
    pub buyer: UserId,
    pub quantity: Quantity,
    pub total: Money,
    /// The product as it was ordered; its stock is what was left then.
    pub product: Product,
    pub state: State,
    /// The latest that the gateway told of it and that did not fit.
    pub contradiction: Option<Contradiction>,
    /// As what it was closed here, without the gateway's word.
    pub closed: Option<State>,
    /// Where the payer pays, once that is known.
    pub page: Option<PaymentPage>,
    pub reservation: Reservation,
    pub transactions: Vec<Transaction>,
    pub expires_at: DateTime<Utc>,
    /// When the gateway is to be asked about it next; never where nothing more can come of it.
    pub next_check: Option<DateTime<Utc>>,
    /// How often in a row the gateway has answered nothing new; of an order without a page, how often it was asked.
    pub checks: u32,
    pub events: u32,
    pub version: Version,
    pub created_at: DateTime<Utc>,
    /// When the gateway had made a page for it.
    pub opened_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}
