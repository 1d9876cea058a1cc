//! Payments, as clients of either protocol see them.

use super::{Outcome, Product};
use async_trait::async_trait;

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its identifier.
    pub id: String,
    /// Which product was ordered.
    pub product_id: String,
    /// Who pays.
    pub user_id: String,
    /// What people call it.
    pub payment_code: String,
    /// How many pieces.
    pub quantity: i32,
    /// What they cost together.
    pub total_amount: String,
    /// How it stands.
    pub status: String,
    /// Where the buyer pays.
    pub payment_url: String,
    /// What the page is opened by.
    pub token: String,
    /// When it was ordered.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// The product as it was ordered, without an entity tag.
    pub product: Product,
    /// Whether it is paid and there are no pieces for it.
    pub needs_attention: bool,
}

/// What a list of payments is asked for.
#[derive(Clone, Debug, Default)]
pub struct PaymentQuery {
    /// How they stand; empty for any.
    pub status: String,
    /// How many at most.
    pub limit: Option<i32>,
    /// Where the piece begins; empty for the first.
    pub cursor: String,
}

/// A piece of a list of payments.
#[derive(Clone, Debug)]
pub struct Payments {
    /// The payments.
    pub items: Vec<Payment>,
    /// How many there are in all; gRPC does not tell.
    pub total: Option<u64>,
    /// Where the next piece begins.
    pub next: Option<String>,
}

/// Something that happened to a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// What kind of thing.
    pub kind: String,
    /// What happened.
    pub text: String,
}

/// A change of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Its number.
    pub number: u32,
    /// What the status is from then on.
    pub status: String,
    /// Whether there are no pieces for it.
    pub needs_attention: bool,
}

/// A payment that is being watched.
#[async_trait]
pub trait StatusChanges: Send {
    /// The next change; none when the shop has ended the watch.
    async fn next(&mut self) -> Option<StatusChange>;
}

/// What a shop does with payments. It is a part of [`ShopClient`](super::ShopClient).
#[async_trait]
pub trait PaymentClient: Send + Sync {
    /// The same shop, asked with this key on each order.
    fn with_idempotency_key(&self, key: &str) -> Box<dyn super::ShopClient>;

    /// Orders a product.
    async fn order(&self, product: &str, quantity: i32) -> Outcome<Payment>;

    /// Shows a payment.
    async fn payment(&self, id: &str) -> Outcome<Payment>;

    /// Shows a piece of a list of payments.
    async fn payments(&self, query: &PaymentQuery) -> Outcome<Payments>;

    /// Tells a payment's story.
    async fn timeline(&self, id: &str) -> Outcome<Vec<TimelineEntry>>;

    /// Watches a payment, from behind the change of this number on; zero for none.
    async fn watch(&self, id: &str, after: u32) -> Outcome<Box<dyn StatusChanges>>;
}
