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

/// Where the payer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentPage {
    /// What the gateway's own script opens the page by.
    pub token: String,
    /// The page's address.
    pub url: String,
}

/// What has become of the pieces that a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
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
        self.into_str()
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
    /// What the gateway says it is for, without the payer's fee.
    pub amount: Money,
    /// What the payer pays on top of that for this way of paying, where the merchant has the gateway ask payers for it. It is
    /// not the shop's.
    pub fee: Money,
    /// How much was given back, of the amount and the fee together.
    pub refunded: Money,
}

impl Transaction {
    /// What the payer pays in all.
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
    /// What it says of one transaction.
    pub transaction: Transaction,
    /// Of which currency (ISO 4217).
    pub currency: String,
    /// Whether it is said to be another merchant's than ours.
    pub is_foreign: bool,
}

/// What came of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It was news.
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
    /// The latest that the gateway told of it and that did not fit.
    pub contradiction: Option<Contradiction>,
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
