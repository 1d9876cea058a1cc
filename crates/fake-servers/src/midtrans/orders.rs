//! The gateway's orders and the published rules for them.

use super::fields;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

pub(super) struct Refund {
    pub(super) amount: u64,
    pub(super) is_confirmed: bool,
}

/// An attempt to pay.
pub(super) struct Transaction {
    pub(super) id: String,
    pub(super) payment_type: String,
    pub(super) status: String,
    pub(super) fraud: String,
    pub(super) refunds: Vec<Refund>,
}

impl Transaction {
    pub(super) fn set(&mut self, status: &str, fraud: &str) {
        status.clone_into(&mut self.status);
        fraud.clone_into(&mut self.fraud);
    }

    pub(super) fn confirm_refunds(&mut self) {
        for refund in &mut self.refunds {
            refund.is_confirmed = true;
        }
    }

    pub(super) fn refunded(&self) -> u64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }
}

/// Which id status answers give as the order's, and what a request by the order's id finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OrderIdEcho {
    /// The order's id, which finds the latest transaction.
    #[default]
    OrderId,
    /// The transaction's id (DANA, virtual accounts of BSI, Danamon, Seabank, Saqu); the order's id finds
    /// the latest transaction.
    TransactionId,
    /// The transaction's id; the order's id finds nothing.
    TransactionIdOnly,
}

pub(super) struct Order {
    pub(super) id: String,
    pub(super) gross: u64,
    /// What payers pay on top of `gross`.
    pub(super) fee: u64,
    pub(super) order_id_echo: OrderIdEcho,
    pub(super) token: Option<String>,
    pub(super) transactions: Vec<Transaction>,
    /// Fields that replace those of answers and notifications.
    pub(super) changes: Map<String, Value>,
}

impl Order {
    pub(super) fn begin(&mut self, payment_type: &str) -> &mut Transaction {
        self.transactions.push(Transaction {
            id: Uuid::now_v7().to_string(),
            payment_type: payment_type.to_owned(),
            status: "pending".to_owned(),
            fraud: "accept".to_owned(),
            refunds: Vec::new(),
        });
        self.last()
    }

    /// The open transaction of this payment type, or a new one.
    pub(super) fn attempt(&mut self, payment_type: &str) -> &mut Transaction {
        let is_open = |last: &Transaction| last.status == "pending" && last.payment_type == payment_type;
        if self.transactions.last().is_some_and(is_open) { self.last() } else { self.begin(payment_type) }
    }

    pub(super) fn last(&mut self) -> &mut Transaction {
        self.transactions.last_mut().expect("somebody has begun to pay for the order")
    }

    pub(super) fn refund(&mut self, amount: u64) {
        let gross = self.gross + self.fee;
        let last = self.last();
        last.refunds.push(Refund { amount, is_confirmed: false });
        let refunded = last.refunded();
        assert!(refunded <= gross, "more is given back than was paid");
        last.set(if refunded == gross { "refund" } else { "partial_refund" }, "accept");
    }
}

pub(super) struct Orders {
    orders: HashMap<String, Order>,
    /// The tokens of closed pages.
    closed: HashSet<String>,
    /// The HTTP status of the answer about an unknown transaction.
    pub(super) unknown_status: u16,
}

impl Default for Orders {
    fn default() -> Self {
        Self { orders: HashMap::new(), closed: HashSet::new(), unknown_status: 404 }
    }
}

/// HTTP status and body.
pub(super) type Answer = (u16, Value);

fn refusal(status: u16, message: &str) -> Answer {
    (status, json!({ "error_messages": [message] }))
}

impl Orders {
    pub(super) fn order(&mut self, id: &str) -> &mut Order {
        self.orders.get_mut(id).unwrap_or_else(|| panic!("no page was made for {id}"))
    }

    /// Creates a page. Until the payer has chosen a payment type, a new page may replace it.
    pub(super) fn create(&mut self, body: &Value) -> Answer {
        let (id, gross) = match check(body) {
            Ok(order) => order,
            Err(message) => return refusal(400, &message),
        };
        let order = self.orders.entry(id.clone()).or_insert_with(|| Order {
            id,
            gross,
            fee: 0,
            order_id_echo: OrderIdEcho::OrderId,
            token: None,
            transactions: Vec::new(),
            changes: Map::new(),
        });
        // All known wordings.
        match order.transactions.last().map(|last| last.status.as_str()) {
            None => {}
            Some("capture" | "settlement") => {
                return refusal(
                    400,
                    "transaction_details.order_id has been paid and utilized, please use another order_id",
                );
            }
            Some("pending") => return refusal(400, "transaction_details.order_id has already been taken"),
            Some(_) => return refusal(400, "transaction_details.order_id sudah digunakan"),
        }
        let token = Uuid::new_v4().to_string();
        let url = format!("https://app.sandbox.midtrans.com/snap/v3/redirection/{token}");
        order.gross = gross;
        order.token = Some(token.clone());
        (201, json!({ "token": token, "redirect_url": url }))
    }

    pub(super) fn cancel(&mut self, token: &str) -> Answer {
        if self.closed.contains(token) {
            return refusal(400, "token already canceled");
        }
        let order = self.orders.values_mut().find(|order| order.token.as_deref() == Some(token));
        let Some(order) = order else { return refusal(404, "token not found") };
        if !order.transactions.is_empty() {
            return refusal(400, "Transaction is on progress");
        }
        order.token = None;
        self.closed.insert(token.to_owned());
        (200, json!({ "canceled_at": "2026-11-22 10:06:00" }))
    }

    /// The status of a transaction, or of an order's latest transaction.
    pub(super) fn status(&self, id: &str, key: &str) -> Answer {
        let transactions = self
            .orders
            .values()
            .flat_map(|order| order.transactions.iter().map(move |transaction| (order, transaction)));
        let is_meant = |order: &Order, transaction: &Transaction| {
            transaction.id == id || order.id == id && order.order_id_echo != OrderIdEcho::TransactionIdOnly
        };
        let found = transactions.filter(|(order, transaction)| is_meant(order, transaction)).last();
        match found {
            Some((order, transaction)) => {
                let mut body = fields::of(order, transaction, "Success, transaction is found", key);
                if let Some(body) = body.as_object_mut().filter(|_| order.order_id_echo != OrderIdEcho::OrderId) {
                    body.insert("order_id".to_owned(), json!(transaction.id));
                }
                (200, body)
            }
            None => (
                self.unknown_status,
                json!({ "status_code": "404", "status_message": "Transaction doesn't exist.", "id": Uuid::new_v4().to_string() }),
            ),
        }
    }

    pub(super) fn notification(&mut self, order: &str, transaction: Option<&str>, key: &str) -> Value {
        let order = self.order(order);
        let is_meant = |known: &&Transaction| transaction.is_none_or(|id| id == known.id);
        let found = order.transactions.iter().rfind(is_meant).expect("somebody has begun to pay for the order");
        fields::of(order, found, "midtrans payment notification", key)
    }
}

/// The order's name and amount, or the error with which the gateway refuses the request.
fn check(body: &Value) -> Result<(String, u64), String> {
    let details = body.get("transaction_details").ok_or("transaction_details is required")?;
    let id = details.get("order_id").and_then(Value::as_str).ok_or("transaction_details.order_id is required")?;
    let is_id =
        !id.is_empty() && id.len() <= 50 && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_~.".contains(&c));
    if !is_id {
        return Err("transaction_details.order_id is invalid".to_owned());
    }
    let gross = details.get("gross_amount").and_then(Value::as_u64).filter(|gross| *gross > 0);
    let gross = gross.ok_or("transaction_details.gross_amount must be a whole number of 1 or more")?;
    if let Some(items) = body.get("item_details").and_then(Value::as_array) {
        let mut sum = 0;
        for item in items {
            let number = |name| item.get(name).and_then(Value::as_i64).ok_or(format!("item_details.{name} is invalid"));
            let length = |name| item.get(name).and_then(Value::as_str).map_or(0, |text| text.chars().count());
            if !(1..=50).contains(&length("name")) || length("id") > 50 {
                return Err("item_details.name too long or empty".to_owned());
            }
            sum += number("price")? * number("quantity")?;
        }
        if i64::try_from(gross) != Ok(sum) {
            return Err("transaction_details.gross_amount is not equal to the sum of item_details".to_owned());
        }
    }
    Ok((id.to_owned(), gross))
}
