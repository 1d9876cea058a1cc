//! The payment gateway's notifications (docs.midtrans.com, "HTTP(S) notification"): the gateway's way in, and no resource of
//! ours.

use crate::body::raw;
use crate::call::Call;
use crate::envelope::{Answer, Done};
use crate::error::{EdgeError, Refusal};
use crate::refusals::{Responses, edge_refusals_and, refusals};
use crate::server::resource;
use actix_web::HttpRequest;
use actix_web::web::{Data, Payload, ServiceConfig};
use domain::app::App;
use domain::error::ErrorCode;
use domain::payment::NotificationForm;
use serde_json::{Map, Value};
use utoipa::IntoResponses;

/// The largest notification, in bytes.
const LARGEST: usize = 64 << 10;
/// The field that holds the signature, which is not kept.
const SIGNATURE: &str = "signature_key";
/// What stands in its place.
const VEIL: &str = "***";

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/payments/midtrans/webhook", "POST").post(notify));
}

/// Why a notification was not taken. Which status it is decides how often the gateway sends it again.
struct NotifyRefusals;

impl IntoResponses for NotifyRefusals {
    fn responses() -> Responses {
        let own = refusals(&[ErrorCode::InvalidRequest, ErrorCode::SignatureInvalid, ErrorCode::NotifiedOrderNotFound]);
        edge_refusals_and(own, &[EdgeError::MalformedNotification, EdgeError::BodyTooLarge, EdgeError::BodyTimeout])
    }
}

/// Takes a notification of Midtrans.
///
/// It is kept before it is answered, and believed only as far as Midtrans confirms it when asked. The same one may come any
/// number of times, and in any order with others.
#[utoipa::path(
    post,
    path = "/payments/midtrans/webhook",
    operation_id = "receive_notification",
    tag = "payments",
    request_body(
        content = Object,
        content_type = "application/json",
        description = "The notification, as Midtrans describes it; fields that are not known here are ignored",
        example = json!({
            "order_id": "0198c5f1-0a4e-7c1d-9f00-2b6a5d1e4c3b",
            "transaction_id": "513f1f01-c9da-474c-9fc9-d5c64364b709",
            "transaction_status": "settlement",
            "fraud_status": "accept",
            "status_code": "200",
            "gross_amount": "2500000.00",
            "currency": "IDR",
            "signature_key": "…",
        }),
    ),
    responses(
        (
            status = 200,
            description = "The notification is kept",
            body = Done,
            example = json!({ "meta": { "success": true, "message": "payment status updated" } }),
        ),
        NotifyRefusals,
    )
)]
pub(crate) async fn notify(
    app: Data<App>,
    call: Call,
    request: HttpRequest,
    payload: Payload,
) -> Result<Answer<Done>, Refusal> {
    let admitted = call.admit(&app.receive_notification)?;
    let body = raw(&request, payload.into_inner(), LARGEST).await?;
    let notification = read(&body).ok_or(EdgeError::MalformedNotification)?;
    admitted.run(notification).await?;
    Ok(Answer::done("payment status updated"))
}

/// Reads a notification; unknown fields are ignored, and a number is as good as the text of it.
fn read(body: &[u8]) -> Option<NotificationForm> {
    let text = std::str::from_utf8(body).ok()?;
    let fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    let field = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let refunds = fields.get("refunds").and_then(Value::as_array);
    let is_confirmed = |refund: &Value| refund.get("bank_confirmed_at").is_some_and(|at| !at.is_null());
    Some(NotificationForm {
        order_id: field("order_id"),
        transaction_id: field("transaction_id"),
        transaction_status: field("transaction_status"),
        fraud_status: field("fraud_status"),
        status_code: field("status_code"),
        gross_amount: field("gross_amount"),
        signature_key: field(SIGNATURE),
        refund_amount: field("refund_amount"),
        bank_confirmed: refunds.is_some_and(|refunds| refunds.iter().any(is_confirmed)),
        body: without_signature(text, fields.get(SIGNATURE)),
    })
}

/// The text as it came, but for the signature.
fn without_signature(text: &str, signature: Option<&Value>) -> String {
    match signature {
        Some(Value::String(signature)) if !signature.is_empty() => text.replace(signature, VEIL),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_read_with_whatever_else_is_in_it() {
        let body = br#"{"order_id":"o","transaction_status":"settlement","gross_amount":10000.00,"status_code":200,
            "signature_key":"abc","new":{"a":[1]},"refunds":[{"bank_confirmed_at":"2026-01-01"}]}"#;
        let form = read(body).unwrap();
        assert_eq!((&*form.order_id, &*form.gross_amount, &*form.status_code), ("o", "10000.00", "200"));
        assert!(form.bank_confirmed);
        assert!(form.body.contains("\"***\"") && !form.body.contains("abc"), "{}", form.body);
    }

    #[test]
    fn what_is_no_object_is_no_notification() {
        for body in [&b""[..], b"[]", b"null", b"{", b"\xff", b"\"text\""] {
            assert!(read(body).is_none(), "{body:?}");
        }
    }
}
