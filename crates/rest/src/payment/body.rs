//! The bodies of payments.

use crate::body::{number, text};
use crate::product::{ProductBody, example as product, time};
use crate::shapes;
use app::payment::{OrderForm, PaymentChange, PaymentView, TimelineEntry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a buyer orders. Fields that are not listed are ignored.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = Order, example = json!({ "product_id": "0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b", "quantity": 2 }))]
pub(crate) struct OrderBody {
    /// The product's identifier.
    #[schema(example = "0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b", format = Uuid, required)]
    #[serde(default, deserialize_with = "text")]
    product_id: String,
    #[schema(schema_with = shapes::quantity, required)]
    #[serde(default, deserialize_with = "number")]
    quantity: String,
}

impl OrderBody {
    /// The order under the key that came beside it.
    pub(super) fn under(self, idempotency_key: String) -> OrderForm {
        OrderForm { product_id: self.product_id, quantity: self.quantity, idempotency_key }
    }
}

/// A payment, as its buyer or the product's seller sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
pub(crate) struct PaymentBody {
    /// The payment's identifier, also as the order at the payment gateway.
    #[schema(format = Uuid)]
    id: String,
    /// Which product was ordered.
    #[schema(format = Uuid)]
    product_id: String,
    /// Who pays: an account's identifier.
    #[schema(format = Uuid)]
    user_id: String,
    /// What people call it.
    #[schema(pattern = "^GC-[1-9][0-9]{3}-[1-9][0-9]{3}-[1-9][0-9]{3}$")]
    payment_code: String,
    /// How many pieces.
    quantity: i32,
    /// What they cost together, as a decimal number without zeros at its end.
    total_amount: String,
    /// How it stands: `pending`, `success`, `deny`, `cancel`, `expire`, `failure`, `refund`, `partial_refund` or `chargeback`.
    status: &'static str,
    /// Where the buyer pays; empty for the seller.
    payment_url: String,
    /// What the gateway's own script opens that page by; empty for the seller.
    token: String,
    /// When it was ordered, in UTC.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed, in UTC.
    #[schema(format = DateTime)]
    updated_at: String,
    /// The product as it was ordered; its stock is what was left then.
    product: ProductBody,
    /// Whether it waits for somebody of the shop: it is paid and there are no pieces left for it, or the gateway tells what does
    /// not fit the order. Only there when that is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    needs_attention: bool,
}

impl From<PaymentView> for PaymentBody {
    fn from(payment: PaymentView) -> Self {
        Self {
            id: payment.id.to_string(),
            product_id: payment.product_id.to_string(),
            user_id: payment.buyer.to_string(),
            payment_code: payment.code,
            quantity: payment.quantity,
            total_amount: payment.total.to_string(),
            status: payment.status.as_str(),
            payment_url: payment.payment_url,
            token: payment.token,
            created_at: time(payment.created_at),
            updated_at: time(payment.updated_at),
            product: payment.product.into(),
            needs_attention: payment.needs_attention,
        }
    }
}

/// Something that happened to a payment, or was received or sent for it.
#[derive(Serialize, ToSchema)]
#[schema(as = TimelineLine)]
pub(crate) struct LineBody {
    /// When, in UTC.
    #[schema(format = DateTime)]
    at: String,
    /// What kind of thing: `ordered`, `opened`, `status`, `sold`, `released`, `reserved_again`, `unfulfilled`, `refunded`,
    /// `fee_paid`, `contradicted`, `explained`, `resolved`, `notification` or `mail`.
    kind: &'static str,
    /// What happened, for people.
    text: String,
}

impl From<TimelineEntry> for LineBody {
    fn from(line: TimelineEntry) -> Self {
        Self { at: time(line.at), kind: line.kind, text: line.text }
    }
}

/// A change of a payment, as the data of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = PaymentChange)]
pub(crate) struct ChangeBody {
    /// The payment's identifier.
    #[schema(format = Uuid)]
    id: String,
    /// The change's number, which grows; it is the event's identifier too.
    number: u32,
    /// What the status is from then on.
    status: &'static str,
    /// Whether it waits for somebody of the shop: it is paid and there are no pieces left for it, or the gateway tells what does
    /// not fit the order.
    needs_attention: bool,
    /// When, in UTC.
    #[schema(format = DateTime)]
    at: String,
}

impl From<&PaymentChange> for ChangeBody {
    fn from(change: &PaymentChange) -> Self {
        Self {
            id: change.id.to_string(),
            number: change.number,
            status: change.status.as_str(),
            needs_attention: change.needs_attention,
            at: time(change.at),
        }
    }
}

/// A payment for the description.
pub(super) fn example() -> serde_json::Value {
    serde_json::json!({
        "id": "0198c5f1-0a4e-7c1d-9f00-2b6a5d1e4c3b",
        "product_id": "0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b",
        "user_id": "0198c5f0-2c3d-7b3a-8e00-5d1e4c3b2b6a",
        "payment_code": "GC-4711-1234-9876",
        "quantity": 2,
        "total_amount": "2500000",
        "status": "pending",
        "payment_url": "https://app.sandbox.midtrans.com/snap/v3/redirection/66e4fa55-fdac-4ef9-91b5-733b97d1b862",
        "token": "66e4fa55-fdac-4ef9-91b5-733b97d1b862",
        "created_at": "2026-01-31T09:27:10.100200Z",
        "updated_at": "2026-01-31T09:27:10.400500Z",
        "product": product(),
    })
}
