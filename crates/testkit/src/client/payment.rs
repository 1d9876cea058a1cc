//! Payments as clients send and receive them.

use super::{Outcome, Product};
use async_trait::async_trait;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: String,
    pub product_id: String,
    pub user_id: String,
    pub payment_code: String,
    pub quantity: i32,
    pub total_amount: String,
    pub status: String,
    pub payment_url: String,
    /// Opens the payment page.
    pub token: String,
    pub created_at: String,
    pub updated_at: String,
    /// The product at the time of the order, without an entity tag.
    pub product: Product,
    /// Whether it is paid although the stock does not suffice.
    pub needs_attention: bool,
}

#[derive(Clone, Debug, Default)]
pub struct PaymentQuery {
    /// Empty for any status.
    pub status: String,
    pub limit: Option<i32>,
    /// Empty for the first page.
    pub cursor: String,
}

#[derive(Clone, Debug)]
pub struct Payments {
    pub items: Vec<Payment>,
    /// The number of payments in the whole list; `None` over gRPC.
    pub total: Option<u64>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    pub kind: String,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The number of the payment's event.
    pub number: u32,
    pub status: String,
    /// Whether the stock does not suffice.
    pub needs_attention: bool,
}

/// The stream of a payment's status changes.
#[async_trait]
pub trait StatusChanges: Send {
    /// The next change; `None` when the server has ended the stream.
    async fn next(&mut self) -> Option<StatusChange>;
}

/// The calls about payments, a part of [`ShopClient`](super::ShopClient).
#[async_trait]
pub trait PaymentClient: Send + Sync {
    /// The same client, which sends this key with each order.
    fn with_idempotency_key(&self, key: &str) -> Box<dyn super::ShopClient>;

    async fn order(&self, product: &str, quantity: i32) -> Outcome<Payment>;

    async fn payment(&self, id: &str) -> Outcome<Payment>;

    async fn payments(&self, query: &PaymentQuery) -> Outcome<Payments>;

    async fn timeline(&self, id: &str) -> Outcome<Vec<TimelineEntry>>;

    /// Streams the status changes after the event with this number; 0 for all.
    async fn watch(&self, id: &str, after: u32) -> Outcome<Box<dyn StatusChanges>>;
}
