//! The notifications of each payment type that Snap offers, and the shop's interpretation of them.
//!
//! The tables follow the documentation and reports from other shops (docs.midtrans.com, "HTTP(S) notification";
//! midtrans-php#113 and #121; SNAP-Woocommerce#85). A field that is `null` is absent.

use crate::client::bounded;
use crate::paying::{BuyerClient, KEY, TIME_LIMIT, assert_audited};
use fake_servers::midtrans::{Midtrans, OrderIdEcho};
use serde_json::Value;
use std::collections::BTreeMap;
use testkit::binary::Process;
use testkit::database::{DatabaseKind, TestDatabase};

/// The fields of an event that all payment types share.
const EVENTS: [(&str, &str); 12] = [
    ("authorize", r#"{"transaction_status":"authorize","status_code":"200"}"#),
    ("challenge", r#"{"transaction_status":"capture","status_code":"201","fraud_status":"challenge"}"#),
    ("capture", r#"{"transaction_status":"capture","status_code":"200"}"#),
    ("pending", r#"{"transaction_status":"pending","status_code":"201","expiry_time":"2026-11-22 11:00:00"}"#),
    (
        "settlement",
        r#"{"transaction_status":"settlement","status_code":"200","settlement_time":"2026-11-22 10:07:30"}"#,
    ),
    ("expire", r#"{"transaction_status":"expire","status_code":"407"}"#),
    ("cancel", r#"{"transaction_status":"cancel","status_code":"200"}"#),
    ("deny", r#"{"transaction_status":"deny","status_code":"202","fraud_status":"deny"}"#),
    ("failure", r#"{"transaction_status":"failure","status_code":"202"}"#),
    (
        "partial_refund",
        r#"{"transaction_status":"partial_refund","status_code":"200","refund_amount":"4000.00",
        "refunds":[{"refund_chargeback_id":1,"refund_amount":"4000.00","refund_key":"a","refund_method":"online"}]}"#,
    ),
    (
        "refund",
        r#"{"transaction_status":"refund","status_code":"200","refund_amount":"10000.00",
        "refunds":[{"refund_chargeback_id":1,"refund_amount":"4000.00","refund_key":"a","refund_method":"online"},
                   {"refund_chargeback_id":2,"refund_amount":"6000.00","refund_key":"b","bank_confirmed_at":"2026-11-23 09:00:00"}]}"#,
    ),
    ("chargeback", r#"{"transaction_status":"chargeback","status_code":"200"}"#),
];

/// The events of a transaction, and the status that buyer and seller see after each.
type Lifecycle = &'static [(&'static str, &'static str)];

const CARD: [Lifecycle; 9] = [
    &[("capture", "success"), ("settlement", "success"), ("partial_refund", "partial_refund"), ("refund", "refund")],
    &[("capture", "success"), ("settlement", "success"), ("chargeback", "chargeback")],
    &[("challenge", "pending"), ("capture", "success"), ("settlement", "success")],
    &[("challenge", "pending"), ("deny", "deny")],
    &[("authorize", "pending"), ("capture", "success"), ("cancel", "cancel")],
    // A step on the bank's page that nobody took, or that failed.
    &[("pending", "pending"), ("expire", "expire")],
    &[("pending", "pending"), ("cancel", "cancel")],
    &[("deny", "deny")],
    &[("pending", "pending"), ("failure", "failure")],
];

const OTHER: [Lifecycle; 5] = [
    &[("pending", "pending"), ("settlement", "success"), ("partial_refund", "partial_refund"), ("refund", "refund")],
    &[("pending", "pending"), ("settlement", "success"), ("chargeback", "chargeback")],
    &[("pending", "pending"), ("expire", "expire")],
    &[("pending", "pending"), ("cancel", "cancel")],
    &[("pending", "pending"), ("deny", "deny")],
];

/// A payment type and its peculiarities.
struct PaymentMethod {
    name: &'static str,
    /// `payment_type`.
    kind: &'static str,
    /// How its status answers name the order.
    order_id_echo: OrderIdEcho,
    /// Fields in addition to the shared ones.
    fields: &'static str,
    /// Fields that differ at some events.
    but: &'static [(&'static str, &'static str)],
}

use OrderIdEcho::{OrderId, TransactionId};

/// Shorthand, so that each payment type has one row.
const fn method(
    name: &'static str,
    kind: &'static str,
    order_id_echo: OrderIdEcho,
    fields: &'static str,
    but: &'static [(&'static str, &'static str)],
) -> PaymentMethod {
    PaymentMethod { name, kind, order_id_echo, fields, but }
}

/// Refunds without the list of single refunds, or with an amount as a number.
const BARE_REFUND: (&str, &str) = ("refund", r#"{"refund_amount":null,"refunds":null}"#);
const REFUND_AS_NUMBER: (&str, &str) = ("partial_refund", r#"{"refund_amount":4000.00,"refunds":null}"#);
/// The wallets that send the status in upper case.
const UPPER_CASE_PENDING: (&str, &str) = ("pending", r#"{"transaction_status":"PENDING","status_code":"200"}"#);
const EXPIRES_WITH_202: (&str, &str) = ("expire", r#"{"status_code":"202"}"#);
const EXPIRES_WITH_200: (&str, &str) = ("expire", r#"{"status_code":"200"}"#);
const CANCELS_WITH_202: (&str, &str) = ("cancel", r#"{"status_code":"202"}"#);

const PAYMENT_METHODS: [PaymentMethod; 23] = [
    method(
        "card with 3-D Secure",
        "credit_card",
        OrderId,
        r#"{"masked_card":"481111-1114","bank":"bni","eci":"05",
        "approval_code":"1424936374393","channel_response_code":"00","three_ds_version":"2"}"#,
        &[CANCELS_WITH_202],
    ),
    method(
        "card without it",
        "credit_card",
        OrderId,
        r#"{"masked_card":"521111-1117","bank":"mandiri","eci":null,
        "card_type":"debit","acquiring_bank":"mandiri","on_us":false}"#,
        &[EXPIRES_WITH_202],
    ),
    method(
        "GoPay",
        "gopay",
        OrderId,
        r#"{"pop_id":"7e0b1f3e","transaction_time":null}"#,
        &[EXPIRES_WITH_202, BARE_REFUND],
    ),
    method(
        "QRIS",
        "qris",
        OrderId,
        r#"{"transaction_type":"off-us","issuer":"dana","acquirer":"gopay",
        "merchant_cross_reference_id":"b2f0"}"#,
        &[EXPIRES_WITH_200],
    ),
    method(
        "ShopeePay",
        "shopeepay",
        OrderId,
        r#"{"shopeepay_reference_number":"001","reference_id":"002"}"#,
        &[UPPER_CASE_PENDING],
    ),
    method("DANA", "dana", TransactionId, r#"{"fraud_status":null}"#, &[UPPER_CASE_PENDING, REFUND_AS_NUMBER]),
    method(
        "BCA",
        "bank_transfer",
        OrderId,
        r#"{"va_numbers":[{"bank":"bca","va_number":"33333333333"}],
        "payment_amounts":[{"paid_at":"2026-11-22 10:07:30","amount":"10000.00"}]}"#,
        &[CANCELS_WITH_202],
    ),
    method(
        "BNI",
        "bank_transfer",
        OrderId,
        r#"{"va_numbers":[{"bank":"bni","va_number":"9888333333"}],"payment_amounts":[]}"#,
        &[],
    ),
    method(
        "BRI",
        "bank_transfer",
        OrderId,
        r#"{"va_numbers":[{"bank":"bri","va_number":"78011333333"}]}"#,
        &[EXPIRES_WITH_202],
    ),
    method(
        "CIMB",
        "bank_transfer",
        OrderId,
        r#"{"va_numbers":[{"bank":"cimb","va_number":"230599333"}],"new_field":{"a":[1]}}"#,
        &[],
    ),
    method("Permata", "bank_transfer", OrderId, r#"{"permata_va_number":"8562000087926752","va_numbers":null}"#, &[]),
    method(
        "BSI",
        "bank_transfer",
        TransactionId,
        r#"{"va_numbers":[{"bank":"bsi","va_number":"20203314732052930"}]}"#,
        &[],
    ),
    method(
        "Danamon",
        "bank_transfer",
        TransactionId,
        r#"{"va_numbers":[{"bank":"danamon","va_number":"8922333"}]}"#,
        &[],
    ),
    method(
        "Seabank",
        "bank_transfer",
        TransactionId,
        r#"{"va_numbers":[{"bank":"seabank","va_number":"112233"}]}"#,
        &[],
    ),
    method(
        "Saqu",
        "bank_transfer",
        TransactionId,
        r#"{"va_numbers":[{"bank":"saqu","va_number":"112244"}],"merchant_id":null}"#,
        &[],
    ),
    method("Mandiri bill", "echannel", OrderId, r#"{"bill_key":"856000879267","biller_code":"70012"}"#, &[]),
    method(
        "Indomaret",
        "cstore",
        OrderId,
        r#"{"store":"indomaret","payment_code":"85620000879267","fraud_status":null}"#,
        &[("deny", r#"{"fraud_status":null}"#)],
    ),
    method(
        "Alfamart",
        "cstore",
        OrderId,
        r#"{"store":"alfamart","payment_code":"8562000087926752"}"#,
        &[EXPIRES_WITH_202],
    ),
    method("Akulaku", "akulaku", OrderId, r#"{"currency":null}"#, &[EXPIRES_WITH_202]),
    method("Kredivo", "kredivo", OrderId, "{}", &[REFUND_AS_NUMBER]),
    method("OVO", "ovo", OrderId, r#"{"fraud_status":null}"#, &[BARE_REFUND]),
    method(
        "one with a fee on the payer",
        "qris",
        OrderId,
        r#"{"gross_amount":"10071.00","metadata":{"extra_info":{"gross_amount_info":
        {"original_amount":"10000","gross_amount":"10071","customer_imposed_payment_fee":"71"}}}}"#,
        &[BARE_REFUND],
    ),
    method("one that is new", "paylater_of_tomorrow", OrderId, r#"{"fraud_status":"accept"}"#, &[]),
];

/// The fields of a payment type at an event.
fn status_fields(method: &PaymentMethod, event: &str) -> Value {
    let fields = |text: &str| serde_json::from_str::<BTreeMap<String, Value>>(text).unwrap();
    let of = |rows: &[(&str, &str)]| rows.iter().find(|(name, _)| *name == event).map(|(_, text)| fields(text));
    let mut status_fields = fields(r#"{"fraud_status":"accept"}"#);
    status_fields.extend(fields(method.fields));
    // A denial has a fraud status, if the payment type has any.
    let has_verdict = !status_fields["fraud_status"].is_null();
    status_fields.extend(of(&EVENTS).unwrap().into_iter().filter(|(name, _)| name != "fraud_status" || has_verdict));
    status_fields.extend(of(method.but).unwrap_or_default());
    serde_json::to_value(status_fields).unwrap()
}

/// Each payment type goes through each of its lifecycles, by notifications that status answers confirm.
pub(crate) fn every_way_to_pay_is_understood_from_its_first_word_to_its_last() -> Result<(), String> {
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let gateway = Midtrans::start(KEY);
    let url = gateway.url();
    let settings = [
        ("database.url", database.url()),
        ("payment.gateway", "midtrans"),
        ("midtrans.snap_url", &url),
        ("midtrans.api_url", &url),
        ("midtrans.server_key", KEY),
        ("midtrans.merchant_id", fake_servers::midtrans::MERCHANT),
    ];
    bounded(TIME_LIMIT, async {
        let mut process = Process::serve(&settings);
        let addresses = process.addresses();
        let client = BuyerClient::begin(addresses, "", 1_000).await;
        let webhook = format!("http://{}/payments/midtrans/webhook", addresses.rest);
        for method in &PAYMENT_METHODS {
            let lifecycles = if method.kind == "credit_card" { &CARD[..] } else { &OTHER[..] };
            for lifecycle in lifecycles {
                let id = client.order().await.unwrap()["id"].as_str().unwrap().to_owned();
                gateway.choose(&id, method.kind);
                gateway.set_order_id_echo(&id, method.order_id_echo.clone());
                for (event, status) in *lifecycle {
                    gateway.override_fields(&id, &status_fields(method, event));
                    let sent = gateway.notification(&id);
                    assert_eq!(gateway.post_to(&webhook, &sent).await, Some(200), "{}: {event}: {sent}", method.name);
                    assert_eq!(client.status(&id).await, *status, "{}: {event}: {sent}", method.name);
                }
            }
        }
        let odd = database.texts("SELECT contradiction AS value FROM payments WHERE contradiction IS NOT NULL");
        assert_eq!(odd, [] as [String; 0]);
        process.signal("TERM");
        process.wait(TIME_LIMIT);
        assert_audited(database.url(), "file://images", None);
    })
}
