//! The fields of a transaction in answers and notifications, as Midtrans documents them.

use super::MERCHANT;
use super::orders::{Order, Transaction};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

/// The only payment type that may be denied after the payment and retried after it has expired.
pub(super) const CARD: &str = "credit_card";

const BEGUN_AT: &str = "2026-11-22 10:05:00";
const PAID_AT: &str = "2026-11-22 10:07:30";
const EXPIRES_AT: &str = "2026-11-22 11:00:00";

/// All fields with a message and a signature.
pub(super) fn of(order: &Order, transaction: &Transaction, message: &str, key: &str) -> Value {
    let mut fields = Map::new();
    let mut add = |value: Value| fields.extend(value.as_object().unwrap().clone());
    add(json!({
        "transaction_time": BEGUN_AT,
        "transaction_status": spelling(transaction),
        "transaction_id": transaction.id,
        "status_message": message,
        "status_code": status_code(transaction),
        "payment_type": payment_type(&transaction.payment_type),
        "order_id": order.id,
        "merchant_id": MERCHANT,
        "gross_amount": amount(order.gross + order.fee),
        "fraud_status": transaction.fraud,
        "currency": "IDR",
    }));
    add(of_type(transaction));
    if order.fee > 0 {
        let (original, gross, fee) =
            (order.gross.to_string(), (order.gross + order.fee).to_string(), order.fee.to_string());
        let parts = json!({ "original_amount": original, "gross_amount": gross, "customer_imposed_payment_fee": fee });
        add(json!({ "metadata": { "extra_info": { "gross_amount_info": parts } } }));
    }
    if is_paid(&transaction.status) && transaction.payment_type != CARD || transaction.status == "settlement" {
        add(json!({ "settlement_time": PAID_AT }));
    }
    if transaction.status == "pending" {
        add(json!({ "expiry_time": EXPIRES_AT }));
    }
    if !transaction.refunds.is_empty() {
        add(refunds(transaction));
    }
    add(Value::Object(order.changes.clone()));
    let signed = ["order_id", "status_code", "gross_amount"].map(|name| fields.get(name).and_then(Value::as_str));
    let signature = sign(&signed.map(Option::unwrap_or_default), key);
    fields.insert("signature_key".to_owned(), json!(signature));
    fields.retain(|_, value| !value.is_null());
    Value::Object(fields)
}

fn sign(parts: &[&str; 3], key: &str) -> String {
    let digest = Sha512::digest(format!("{}{}{}{key}", parts[0], parts[1], parts[2]));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn amount(rupiah: u64) -> String {
    format!("{rupiah}.00")
}

fn is_paid(status: &str) -> bool {
    matches!(status, "settlement" | "refund" | "partial_refund" | "chargeback")
}

/// Two of the wallets send the status in upper case.
fn is_upper_case(transaction: &Transaction) -> bool {
    transaction.status == "pending" && matches!(transaction.payment_type.as_str(), "dana" | "shopeepay")
}

fn spelling(transaction: &Transaction) -> String {
    if is_upper_case(transaction) { transaction.status.to_uppercase() } else { transaction.status.clone() }
}

fn status_code(transaction: &Transaction) -> &'static str {
    match (transaction.status.as_str(), transaction.fraud.as_str()) {
        ("pending" | "authorize", _) if !is_upper_case(transaction) => "201",
        ("capture", "challenge") => "201",
        ("deny" | "failure", _) => "202",
        ("expire", _) => "407",
        _ => "200",
    }
}

fn payment_type(chosen: &str) -> &str {
    match chosen {
        "permata" => "bank_transfer",
        "indomaret" | "alfamart" => "cstore",
        other => other,
    }
}

/// The fields of single payment types. Indomaret has no fraud status.
fn of_type(transaction: &Transaction) -> Value {
    match transaction.payment_type.as_str() {
        CARD => json!({
            "masked_card": "481111-1114",
            "eci": "05",
            "bank": "bni",
            "card_type": "credit",
            "approval_code": "1424936374393",
            "channel_response_code": "00",
            "channel_response_message": "Approved",
        }),
        "bank_transfer" => json!({
            "va_numbers": [{ "va_number": "333333333333", "bank": "bca" }],
            "payment_amounts": [],
        }),
        "permata" => json!({ "permata_va_number": "8562000087926752" }),
        "qris" => json!({ "transaction_type": "off-us", "issuer": "gopay", "acquirer": "gopay" }),
        "indomaret" => json!({ "payment_code": "85620000879267", "store": "indomaret", "fraud_status": null }),
        "alfamart" => json!({ "payment_code": "8562000087926752", "store": "alfamart" }),
        _ => json!({}),
    }
}

fn refunds(transaction: &Transaction) -> Value {
    let each = transaction.refunds.iter().enumerate().map(|(index, refund)| {
        let mut fields = json!({
            "refund_chargeback_id": index + 1,
            "refund_amount": amount(refund.amount),
            "created_at": PAID_AT,
            "reason": "returned",
            "refund_key": format!("{}-{}", transaction.id, index + 1),
            "refund_method": "online",
        });
        if refund.is_confirmed {
            fields.as_object_mut().unwrap().insert("bank_confirmed_at".to_owned(), json!(PAID_AT));
        }
        fields
    });
    json!({ "refund_amount": amount(transaction.refunded()), "refunds": each.collect::<Vec<_>>() })
}
