//! The payment gateway, as a port: Midtrans, or the simulator.
#![warn(missing_docs)]

use crate::clock::Deadline;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::BoxError;
use domain::money::Money;
use domain::payment::{GatewayReport, PaymentId, PaymentPage, Quantity, TransactionStatus};
use std::time::Duration;

/// What the gateway is told of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// The payment.
    pub order: PaymentId,
    /// What identifies the product there.
    pub item: String,
    /// What it is called.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// How many pieces.
    pub quantity: Quantity,
    /// What they cost together, in whole rupiah.
    pub total: Money,
    /// What the payer is called.
    pub payer_name: String,
    /// The payer's e-mail address.
    pub payer_email: String,
    /// From when on it can be paid.
    pub begins_at: DateTime<Utc>,
    /// Until when it can be paid.
    pub expires_at: DateTime<Utc>,
}

/// What an answer is wanted about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The order, of which the gateway tells the latest transaction.
    Order(PaymentId),
    /// One transaction, by the gateway's name for it.
    Transaction(String),
}

/// Why the gateway has not done what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It will not; nothing was made.
    #[error("the gateway refused: {0}")]
    Refused(#[source] BoxError),
    /// It cannot be reached, or said that it failed; nobody was given a page.
    #[error("the gateway failed: {0}")]
    Failed(#[source] BoxError),
    /// It gave no answer that can be understood, in time; nobody knows what it has done.
    #[error("the gateway's answer is not known: {0}")]
    Unknown(#[source] BoxError),
    /// It has failed so often that it is not asked for a while.
    #[error("the gateway is not asked for another {} s", .0.as_secs_f64().ceil())]
    CircuitOpen(Duration),
    /// The order has been paid for, or is being paid for.
    #[error("the gateway has a transaction for this order already")]
    Taken,
}

/// What of a notification its signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The order.
    pub order: &'a str,
    /// The gateway's code.
    pub status_code: &'a str,
    /// The amount, as it was sent.
    pub gross_amount: &'a str,
    /// The signature.
    pub signature: &'a str,
}

/// A payment gateway. Every method ends before `by`.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Makes a page on which an order can be paid. May be repeated until somebody has begun to pay there: then the page made
    /// last is the only one.
    async fn create_page(&self, invoice: &Invoice, by: Deadline) -> Result<PaymentPage, GatewayError>;

    /// What it knows of an order or a transaction; none where that is nothing, as of an order for which nobody has yet begun
    /// to pay.
    async fn fetch_status(&self, subject: &Subject, by: Deadline) -> Result<Option<GatewayReport>, GatewayError>;

    /// Closes a page on which nobody has begun to pay.
    async fn close_page(&self, page: &PaymentPage, by: Deadline) -> Result<(), GatewayError>;

    /// Whether a notification is the gateway's: its signature is right, compared in constant time.
    fn verify_signature(&self, signed: &Signed<'_>) -> bool;
}

/// What a payer does on a page that simulates paying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskButton {
    /// Pays.
    Pay,
    /// Tries to pay and is refused; may try again.
    Deny,
    /// Calls it off.
    Cancel,
    /// Lets the time run out.
    Expire,
    /// Has all of the money given back, as a merchant would.
    Refund,
}

impl DeskButton {
    /// Every button there is.
    pub const ALL: [Self; 5] = [Self::Pay, Self::Deny, Self::Cancel, Self::Expire, Self::Refund];

    /// The button's name in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Deny => "deny",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::Refund => "refund",
        }
    }

    /// Finds a button by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|button| button.as_str() == name)
    }
}

/// What a page that simulates paying shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskPage {
    /// What it is opened by.
    pub token: String,
    /// The payment.
    pub order: PaymentId,
    /// What was ordered.
    pub name: String,
    /// How many pieces.
    pub quantity: i32,
    /// What they cost together.
    pub total: Money,
    /// What the payer is called.
    pub payer_name: String,
    /// How the latest attempt to pay stands.
    pub status: Option<TransactionStatus>,
    /// Until when it can be paid.
    pub expires_at: DateTime<Utc>,
    /// What can be done now.
    pub buttons: Vec<DeskButton>,
}

/// Why a button did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskRefusal {
    /// There is no such page.
    NoPage,
    /// That cannot be done now.
    NotNow,
}

/// A gateway's own page, where the gateway is a simulated one.
pub trait PaymentDesk: Send + Sync {
    /// What a page shows; none where there is no such page.
    fn page(&self, token: &str) -> Option<DeskPage>;

    /// Does something on a page.
    ///
    /// # Errors
    /// Why that was not done.
    fn press(&self, token: &str, button: DeskButton) -> Result<DeskPage, DeskRefusal>;
}
