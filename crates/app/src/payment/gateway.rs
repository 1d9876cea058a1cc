//! The payment gateway, as a port: Midtrans, or the simulator.
#![warn(missing_docs)]

use crate::clock::Deadline;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::BoxError;
use domain::money::Money;
use domain::payment::{GatewayReport, PaymentId, PaymentPage, Quantity};
use std::time::Duration;

/// An order as the gateway gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// The payment's id, which is the order id at the gateway.
    pub order: PaymentId,
    /// The product's id.
    pub item: String,
    /// The product's name.
    pub name: String,
    /// The price of one piece.
    pub price: Money,
    /// How many pieces.
    pub quantity: Quantity,
    /// The total in whole rupiah.
    pub total: Money,
    /// The payer's name.
    pub payer_name: String,
    /// The payer's e-mail address.
    pub payer_email: String,
    /// The start of the time in which it can be paid.
    pub begins_at: DateTime<Utc>,
    /// The end of the time in which it can be paid.
    pub expires_at: DateTime<Utc>,
}

/// The subject of a question to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An order: the gateway answers with its latest transaction.
    Order(PaymentId),
    /// A transaction, by the gateway's id.
    Transaction(String),
}

/// The errors of the gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It refuses the request; nothing was made.
    #[error("the gateway refused: {0}")]
    Refused(#[source] BoxError),
    /// It is unavailable or reported a failure; no page was made.
    #[error("the gateway failed: {0}")]
    Failed(#[source] BoxError),
    /// It gave no valid answer in time; whether it did the work is unknown.
    #[error("the gateway's answer is not known: {0}")]
    Unknown(#[source] BoxError),
    /// The circuit breaker is open for this time.
    #[error("the gateway is not asked for another {} s", .0.as_secs_f64().ceil())]
    CircuitOpen(Duration),
    /// The order has a transaction already.
    #[error("the gateway has a transaction for this order already")]
    Taken,
}

/// The fields of a notification that its signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The order.
    pub order: &'a str,
    /// The gateway's status code.
    pub status_code: &'a str,
    /// The amount as it was sent.
    pub gross_amount: &'a str,
    /// The signature.
    pub signature: &'a str,
}

/// A payment gateway. Every method returns before `by`, with the errors of [`GatewayError`].
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Makes the payment page of an order. May be repeated until a payer has chosen a payment method, also after
    /// [`GatewayError::Unknown`]: the latest page replaces the earlier ones. After that it returns [`GatewayError::Taken`].
    async fn create_page(&self, invoice: &Invoice, by: Deadline) -> Result<PaymentPage, GatewayError>;

    /// Returns the gateway's report on an order or a transaction; `None` if it does not know it, for example an order for
    /// which nobody has chosen a payment method. May be repeated.
    async fn fetch_status(&self, subject: &Subject, by: Deadline) -> Result<Option<GatewayReport>, GatewayError>;

    /// Closes an unused page. May be repeated: closing a closed page succeeds.
    async fn close_page(&self, page: &PaymentPage, by: Deadline) -> Result<(), GatewayError>;

    /// Whether the signature is valid. Implementations must compare in constant time.
    fn verify_signature(&self, signed: &Signed<'_>) -> bool;
}
