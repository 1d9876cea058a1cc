//! The payment gateway's notifications (docs.midtrans.com, "HTTP(S) notification"): an interface of
//! the gateway, not a resource of the shop.

use crate::body::{raw, unmarked};
use crate::envelope::{Answer, Done};
use crate::error::{ApiError, HttpError};
use crate::extract::Call;
use crate::openapi::error_responses::{ErrorsOf, Responses, with_http_errors};
use crate::server::resource;
use actix_web::HttpRequest;
use actix_web::web::{Data, Payload, ServiceConfig};
use app::App;
use app::payment::{NotificationForm, ReceiveNotification};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use utoipa::{IntoResponses, ToSchema};

/// The largest notification, in bytes.
const LARGEST: usize = 64 << 10;
/// The field that holds the signature, which is not kept.
const SIGNATURE: &str = "signature_key";
/// What stands in its place.
const REDACTED: &str = r#""***""#;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/payments/midtrans/webhook", "POST").post(notify));
}

/// Why a notification was not taken. Which status it is decides how often the gateway sends it again.
struct NotifyRefusals;

impl IntoResponses for NotifyRefusals {
    fn responses() -> Responses {
        let own = ErrorsOf::<ReceiveNotification>::responses();
        with_http_errors(own, &[HttpError::MalformedNotification, HttpError::BodyTooLarge, HttpError::BodyTimeout])
    }
}

/// A notification, as Midtrans describes it; more fields are kept as they are. The signature covers `order_id`, `status_code`
/// and `gross_amount`.
#[derive(ToSchema)]
#[schema(as = Notification)]
#[expect(dead_code, reason = "it is only described: what is signed is read as it is written")]
struct NotificationBody {
    /// The payment's identifier, as it was given to Midtrans.
    #[schema(pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    order_id: String,
    /// Midtrans' name for the attempt to pay.
    #[schema(required = false)]
    transaction_id: String,
    /// How it stands.
    #[schema(pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    transaction_status: String,
    /// What Midtrans' fraud detection says of it.
    #[schema(required = false)]
    fraud_status: String,
    /// Midtrans' code, as a string or a number.
    #[schema(pattern = "^[0-9]{3}$")]
    status_code: String,
    /// The amount with two decimals, as a string or a number.
    #[schema(pattern = "^[0-9]{1,15}\\.[0-9]{2}$")]
    gross_amount: String,
    /// SHA-512 of `order_id`, `status_code`, `gross_amount` and the server key, in hexadecimal digits.
    #[schema(pattern = "^[0-9A-Fa-f]{128}$")]
    signature_key: String,
}

/// Takes a notification of Midtrans.
///
/// It is kept before it is answered, and believed only as far as Midtrans confirms it when asked. The same one may come any
/// number of times, and in any order with others. What the dashboard sends to try out the address is taken, and nothing is done
/// about it.
#[utoipa::path(
    post,
    path = "/payments/midtrans/webhook",
    operation_id = "receive_notification",
    summary = "Receive a notification",
    tag = "payments",
    request_body(
        content = NotificationBody,
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
) -> Result<Answer<Done>, ApiError> {
    let admitted = call.admit(&app.commands.receive_notification)?;
    let body = raw(&request, payload.into_inner(), LARGEST).await?;
    let notification = read(&body).ok_or(HttpError::MalformedNotification)?;
    call.run(admitted, notification).await?;
    Ok(Answer::done("payment status updated"))
}

/// The members of a notification as they are written, in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

impl<'a> Members<'a> {
    fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a RawValue> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| *value)
    }

    /// The value of a field. Of two alike the last one counts.
    fn value(&self, name: &str) -> Option<(&'a RawValue, Value)> {
        let written = self.named(name).next_back()?;
        Some((written, serde_json::from_str(written.get()).ok()?))
    }

    /// The text of a field; empty where it is anything else. A text that holds NUL is none: not every database can keep it.
    fn text(&self, name: &str) -> String {
        match self.value(name) {
            Some((_, Value::String(text))) if !text.contains('\0') => text,
            _ => String::new(),
        }
    }

    /// The same for a field in which a number is as good. It stays as it is written, zeros and all, because that is what the
    /// signature covers.
    fn text_or_number(&self, name: &str) -> String {
        match self.value(name) {
            Some((written, Value::Number(_))) => written.get().to_owned(),
            _ => self.text(name),
        }
    }

    /// The single refunds that it lists.
    fn refunds(&self) -> Vec<Value> {
        let refunds = self.named("refunds").next_back().and_then(|refunds| serde_json::from_str(refunds.get()).ok());
        refunds.unwrap_or_default()
    }

    /// Whether one of the refunds that it lists is confirmed.
    fn is_bank_confirmed(&self) -> bool {
        self.refunds().iter().any(|refund| refund.get("bank_confirmed_at").is_some_and(|at| !at.is_null()))
    }

    /// How much was given back: the amount that it tells, or else those that it lists.
    fn refunded(&self) -> String {
        let told = self.text_or_number("refund_amount");
        if !told.is_empty() {
            return told;
        }
        let refunds = self.refunds();
        let listed = refunds.iter().filter_map(|refund| refund.get("refund_amount"));
        listed
            .map(|amount| amount.as_str().map_or_else(|| amount.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join("+")
    }
}

/// What a body holds: the gateway's dashboard may send a notification as a text within JSON.
fn unwrapped(body: &str) -> Option<Cow<'_, str>> {
    if body.trim_start().starts_with('"') { serde_json::from_str(body).ok().map(Cow::Owned) } else { Some(body.into()) }
}

/// Reads a notification; unknown fields are ignored. What names something is a text and nothing else: a number in its place is
/// as good as nothing, and told as missing.
fn read(body: &[u8]) -> Option<NotificationForm> {
    let text = &*unwrapped(std::str::from_utf8(unmarked(body)).ok()?)?;
    let members: Members<'_> = serde_json::from_str(text).ok()?;
    Some(NotificationForm {
        order_id: members.text("order_id"),
        transaction_id: members.text("transaction_id"),
        transaction_status: members.text("transaction_status"),
        fraud_status: members.text("fraud_status"),
        status_code: members.text_or_number("status_code"),
        gross_amount: members.text_or_number("gross_amount"),
        signature_key: members.text(SIGNATURE),
        refund_amount: members.refunded(),
        bank_confirmed: members.is_bank_confirmed(),
        body: without_signature(text, &members),
    })
}

/// The text as it came, but for signatures, however they are written and wherever they stand.
fn without_signature(text: &str, members: &Members<'_>) -> String {
    let is_text = |written: &&str| written.starts_with('"') && written.len() > 2;
    let written = members.named(SIGNATURE).map(RawValue::get).filter(is_text);
    written.fold(text.to_owned(), |text, written| text.replace(written, REDACTED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn refunds_that_are_only_listed_tell_notifications_apart() {
        for (members, told) in [
            (r#""refund_amount":"1000.00","refunds":[{"refund_amount":"400.00"}]"#, "1000.00"),
            (r#""refunds":[{"refund_amount":"1000.00"}]"#, "1000.00"),
            (r#""refunds":[{"refund_amount":"1000.00"},{"refund_amount":500},{}]"#, "1000.00+500"),
            (r#""refunds":7"#, ""),
        ] {
            assert_eq!(read(format!("{{{members}}}").as_bytes()).unwrap().refund_amount, told);
        }
    }

    #[test]
    fn no_signature_is_kept_however_it_is_written() {
        for (signatures, kept) in [
            (r#""signature_key" : "abc""#, r#"{"a":"1","signature_key" : "***","b":"2"}"#),
            (r#""signature_key":"\u0061bc""#, r#"{"a":"1","signature_key":"***","b":"2"}"#),
            (r#""signature\u005fkey":"abc""#, r#"{"a":"1","signature\u005fkey":"***","b":"2"}"#),
            (
                r#""signature_key":"first","signature_key":"abc""#,
                r#"{"a":"1","signature_key":"***","signature_key":"***","b":"2"}"#,
            ),
        ] {
            let form = read(format!(r#"{{"a":"1",{signatures},"b":"2"}}"#).as_bytes()).unwrap();
            assert_eq!((form.signature_key.as_str(), form.body.as_str()), ("abc", kept));
        }
        let unsigned = r#"{"a":"","signature_key":""}"#;
        assert_eq!(read(unsigned.as_bytes()).unwrap().body, unsigned);
    }

    #[test]
    fn what_is_neither_text_nor_number_is_no_value() {
        for value in ["null", "true", "[]", "{}", r#""a\u0000b""#] {
            let body = format!(r#"{{"order_id":{value},"gross_amount":{value},"refunds":{value}}}"#);
            let form = read(body.as_bytes()).unwrap();
            assert_eq!((&*form.order_id, &*form.gross_amount, form.bank_confirmed), ("", "", false), "{value}");
        }
        let waiting = read(br#"{"refunds":[{"bank_confirmed_at":null},{},7]}"#).unwrap();
        assert!(!waiting.bank_confirmed);
    }

    #[test]
    fn a_name_is_a_text_and_no_number() {
        for value in ["7", "1.5", "1e3"] {
            let body = format!(r#"{{"order_id":{value},"transaction_id":{value},"transaction_status":{value}}}"#);
            let form = read(body.as_bytes()).unwrap();
            assert_eq!((&*form.order_id, &*form.transaction_id, &*form.transaction_status), ("", "", ""), "{value}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_notification() {
        let form = read("\u{feff}{\"order_id\":\"o\"}".as_bytes()).unwrap();
        assert_eq!((&*form.order_id, &*form.body), ("o", r#"{"order_id":"o"}"#));
    }

    #[test]
    fn a_notification_within_a_text_is_unwrapped_once() {
        let plain = r#"{"order_id":"o","signature_key":"abc","a":"\\ ü"}"#;
        let wrapped = Value::from(plain).to_string();
        for body in [wrapped.clone(), format!(" \n{wrapped} ")] {
            let form = read(body.as_bytes()).unwrap();
            assert_eq!((form.order_id.as_str(), form.signature_key.as_str()), ("o", "abc"));
            assert_eq!(form.body, plain.replace("abc", "***"));
        }
        assert!(read(Value::from(wrapped).to_string().as_bytes()).is_none(), "twice is once too often");
    }

    #[test]
    fn what_is_no_object_is_no_notification() {
        for body in [
            &b""[..],
            b"\xef\xbb\xbf",
            b"\xef\xbb\xbf\xef\xbb\xbf{}",
            b"{\xef\xbb\xbf}",
            b"[]",
            b"null",
            b"{",
            b"\xff",
            b"\"text\"",
            b"\"{}",
            b"\"[]\"",
            b"\"\"",
        ] {
            assert!(read(body).is_none(), "{body:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_body_is_a_notification_or_none(
            text in any::<String>(), bytes in any::<Vec<u8>>(), at in 0..120_usize, byte: u8,
            value in "-?(0|[1-9][0-9]{0,399})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,9})?|\"[ -!#-\\[\\]-~]{0,40}\"|\\[\\]|null|\\{\\}",
        ) {
            let whole = format!(r#"{{"order_id":{value},"gross_amount":{value},"refunds":{value},"signature_key":"abc"}}"#);
            let mut damaged = whole.clone().into_bytes();
            let at = at % damaged.len();
            damaged[at] = byte;
            let _ = (read(text.as_bytes()), read(&bytes), read(&damaged));
            let form = read(whole.as_bytes()).unwrap();
            prop_assert!(!form.order_id.contains('\0') && form.body.contains("***"));
        }
    }
}
