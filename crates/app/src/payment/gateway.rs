//! The payment gateway, as a port: Midtrans, or the simulator.
#![warn(missing_docs)]

use crate::clock::Deadline;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::BoxError;
use domain::money::Money;
use domain::payment::{PaymentId, PaymentPage, Quantity, Report};
use std::fmt;
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
#[derive(Debug)]
pub enum GatewayError {
    /// It will not; nothing was made.
    Refused(BoxError),
    /// It cannot be reached, or said that it failed; nobody was given a page.
    Failed(BoxError),
    /// It gave no answer that can be understood, in time; nobody knows what it has done.
    Unknown(BoxError),
    /// It has failed so often that it is not asked for a while.
    CircuitOpen(Duration),
    /// The order has been paid for, or is being paid for.
    Taken,
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "the gateway refused: {reason}"),
            Self::Failed(reason) => write!(f, "the gateway failed: {reason}"),
            Self::Unknown(reason) => write!(f, "the gateway's answer is not known: {reason}"),
            Self::CircuitOpen(time) => {
                write!(f, "the gateway is not asked for another {} s", time.as_secs_f64().ceil())
            }
            Self::Taken => f.write_str("the gateway has a transaction for this order already"),
        }
    }
}

impl std::error::Error for GatewayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(reason) | Self::Failed(reason) | Self::Unknown(reason) => {
                Some(reason.as_ref() as &(dyn std::error::Error + 'static))
            }
            Self::CircuitOpen(_) | Self::Taken => None,
        }
    }
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
    async fn fetch_status(&self, subject: &Subject, by: Deadline) -> Result<Option<Report>, GatewayError>;

    /// Closes a page on which nobody has begun to pay.
    async fn close_page(&self, page: &PaymentPage, by: Deadline) -> Result<(), GatewayError>;

    /// Whether a notification is the gateway's: its signature is right, compared in constant time.
    fn verify_signature(&self, signed: &Signed<'_>) -> bool;
}
