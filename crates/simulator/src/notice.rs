//! The simulator's notifications: written, signed and repeated as Midtrans does (docs.midtrans.com, "HTTP(S)
//! notification").

use super::book::{Attempt, Order};
use chrono::{DateTime, FixedOffset, Utc};
use domain::payment::TransactionStatus;
use midtrans::signature;
use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;

/// The zone of the gateway's times, which its texts leave out: UTC+7.
const ZONE: i32 = 7 * 3600;
/// The merchant of all simulated payments.
const MERCHANT: &str = "G000000000";

/// The code that goes with a status.
const fn code_of(status: TransactionStatus) -> &'static str {
    match status {
        TransactionStatus::Authorize | TransactionStatus::Pending | TransactionStatus::Challenge => "201",
        TransactionStatus::Deny => "202",
        TransactionStatus::Expire => "407",
        _ => "200",
    }
}

fn local(at: DateTime<Utc>) -> String {
    let zone = FixedOffset::east_opt(ZONE);
    let format = "%Y-%m-%d %H:%M:%S";
    zone.map_or_else(|| at.format(format).to_string(), |zone| at.with_timezone(&zone).format(format).to_string())
}

/// Writes and signs the notification about an order's attempt.
pub(super) fn write(order: &Order, attempt: &Attempt, key: &SecretString, now: DateTime<Utc>) -> Value {
    let (status, gross_amount) = (attempt.status(), order.gross_amount());
    let code = code_of(status);
    let message = match status {
        TransactionStatus::Deny => "Deny by Bank [simulated] with code [05] and message [Do not honour]",
        _ => "midtrans payment notification",
    };
    let mut notice = json!({
        "transaction_time": local(attempt.at),
        "transaction_status": status.as_str(),
        "transaction_id": attempt.id,
        "status_message": message,
        "status_code": code,
        "signature_key": signature::sign(&order.order, code, &gross_amount, key),
        "payment_type": attempt.payment_type,
        "order_id": order.order,
        "merchant_id": MERCHANT,
        "gross_amount": gross_amount,
        "fraud_status": if status == TransactionStatus::Deny { "deny" } else { "accept" },
        "currency": "IDR",
    });
    let more = match status {
        TransactionStatus::Settlement => json!({
            "settlement_time": local(now),
            "transaction_type": "on-us",
            "issuer": "gopay",
            "acquirer": "gopay",
        }),
        TransactionStatus::Refund => json!({
            "settlement_time": local(attempt.at),
            "refund_amount": order.gross_amount(),
            "refunds": [{
                "refund_chargeback_id": 1,
                "refund_amount": order.gross_amount(),
                "created_at": local(now),
                "reason": "asked for on the simulator's page",
                "refund_key": format!("simulated-{}", attempt.id),
                "refund_method": "online",
                "bank_confirmed_at": local(now),
            }],
        }),
        _ => json!({}),
    };
    if let (Some(notice), Value::Object(more)) = (notice.as_object_mut(), more) {
        notice.extend(more);
    }
    notice
}

/// The number of repetitions that an answer leads to.
fn retries(answer: Option<StatusCode>) -> usize {
    match answer.map(|status| status.as_u16()) {
        Some(200..=299 | 301..=303) => 0,
        Some(500) => 1,
        Some(400 | 404) => 2,
        Some(503) => 4,
        _ => 5,
    }
}

/// Sends a notification until it is accepted or the pauses are used up.
pub(super) async fn send(client: &Client, url: &str, notice: &Value, pauses: &[Duration]) {
    let mut sent = 0;
    loop {
        let answer = client.post(url).json(notice).send().await;
        let status = answer.as_ref().ok().map(reqwest::Response::status);
        if status.is_some_and(|status| status.is_success()) {
            return;
        }
        let pause = pauses.get(sent).filter(|_| sent < retries(status));
        let Some(pause) = pause else {
            let status = status.map_or(0, |status| status.as_u16());
            tracing::warn!(status, "a simulated notification was not taken; the payment will be asked about");
            return;
        };
        tokio::time::sleep(*pause).await;
        sent += 1;
    }
}
