//! Parses the status of a transaction ("GET Status").

use super::client::{Answer, text_of};
use domain::money::Money;
use domain::payment::{GatewayReport, Transaction, TransactionStatus};
use serde_json::Value;

/// The longest transaction id, in characters; Midtrans' have 36.
const MAX_ID: usize = 64;
/// The longest name of a payment method, in characters.
const MAX_TYPE: usize = 64;

/// Whether a text can be a transaction id and is safe in a path.
pub(super) fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte);
    text.len() <= MAX_ID && text.bytes().all(is_plain) && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Parses an answer; the error says what is wrong with it.
pub(super) fn read(answer: &Answer, merchant: Option<&str>) -> Result<GatewayReport, &'static str> {
    // Answers for some payment methods lack it; the server key gives access to the merchant's own transactions only.
    let told = answer.text("merchant_id");
    let is_foreign = merchant.zip(told).is_some_and(|(merchant, told)| merchant != told);
    let fraud = answer.text("fraud_status").unwrap_or_default();
    let status = answer.text("transaction_status").ok_or("the answer has no transaction_status")?;
    let status = TransactionStatus::read(&status, &fraud).ok_or("the transaction_status is none that is known")?;
    let id = answer.text("transaction_id").ok_or("the answer has no transaction_id")?;
    if !is_id(&id) {
        return Err("the transaction_id is none");
    }
    let gross = answer.text("gross_amount").ok_or("the answer has no gross_amount")?;
    let gross = Money::read(&gross).ok_or("the gross_amount is none")?;
    let (amount, fee) = parts(answer, gross).unwrap_or((gross, Money::ZERO));
    let payment_type = answer.text("payment_type").unwrap_or_default().chars().take(MAX_TYPE).collect();
    let order = answer.text("order_id").ok_or("the answer has no order_id")?;
    Ok(GatewayReport {
        // For some payment methods (DANA, the virtual accounts of BSI, Danamon, Seabank, Saqu) the transaction id stands in
        // the place of the order id (midtrans-php#121).
        order: (order != id).then_some(order),
        transaction: Transaction { id, status, payment_type, amount, fee, refunded: refunded(answer, status, gross)? },
        // Some answers lack it: Midtrans has one currency.
        currency: answer.text("currency").unwrap_or_else(|| Money::CURRENCY.to_owned()),
        is_foreign,
    })
}

/// Splits an amount into the order's part and the payer's fee for the payment method (midtrans-php#118); `None` if the
/// answer has no parts or they do not add up.
fn parts(answer: &Answer, gross: Money) -> Option<(Money, Money)> {
    let metadata = answer.fields.as_ref()?.get("metadata")?;
    let told = metadata.get("extra_info")?.get("gross_amount_info")?;
    let amount = |name| Money::read(&text_of(told.get(name)?)?);
    let (original, fee) = (amount("original_amount")?, amount("customer_imposed_payment_fee")?);
    let adds_up = amount("gross_amount")? == gross && original.checked_add(fee) == Some(gross);
    adds_up.then_some((original, fee))
}

/// Returns the refunded amount: that of the answer, or the sum of its refunds, or else the whole amount if the status is a
/// full refund.
fn refunded(answer: &Answer, status: TransactionStatus, gross: Money) -> Result<Money, &'static str> {
    if let Some(told) = answer.text("refund_amount") {
        return Money::read(&told).ok_or("the refund_amount is none");
    }
    match status {
        TransactionStatus::Refund => Ok(gross),
        TransactionStatus::PartialRefund => {
            let refunds = answer.fields.as_ref().and_then(|fields| fields.get("refunds")).and_then(Value::as_array);
            let each = refunds.into_iter().flatten().map(|refund| refund.get("refund_amount").and_then(text_of));
            let mut amounts = each.map(|told| Money::read(&told?));
            amounts.try_fold(Money::ZERO, |sum, amount| sum.checked_add(amount?)).ok_or("a refund_amount is none")
        }
        _ => Ok(Money::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn answer(changes: &Value) -> Answer {
        let mut body = json!({
            "status_code": "200",
            "transaction_id": "t-1",
            "order_id": "o-1",
            "payment_type": "qris",
            "gross_amount": "10000.00",
            "currency": "IDR",
            "transaction_status": "settlement",
            "fraud_status": "accept",
            "merchant_id": "G141532850",
        });
        let fields = body.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                fields.remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
        Answer { status: 200, fields: Some(fields.clone()) }
    }

    fn money(whole: u64) -> Money {
        Money::from_whole(whole).unwrap()
    }

    #[test]
    fn an_answer_is_read_whole() {
        let report = read(&answer(&json!({})), Some("G141532850")).unwrap();
        let transaction = Transaction {
            id: "t-1".to_owned(),
            status: TransactionStatus::Settlement,
            payment_type: "qris".to_owned(),
            amount: money(10_000),
            fee: Money::ZERO,
            refunded: Money::ZERO,
        };
        let order = Some("o-1".to_owned());
        assert_eq!(report, GatewayReport { order, transaction, currency: "IDR".to_owned(), is_foreign: false });
    }

    #[test]
    fn an_amount_may_be_a_text_or_a_number_in_any_spelling() {
        for amount in ["\"10000\"", "\"10000.000\"", "10000", "10000.00", "10000.000", "1e4", "1E+4", "1000000e-2"] {
            let amount: Value = serde_json::from_str(amount).unwrap();
            let report = read(&answer(&json!({ "gross_amount": amount })), None).unwrap();
            assert_eq!(report.transaction.amount, money(10_000), "{amount}");
        }
    }

    #[test]
    fn what_some_ways_to_pay_leave_out_is_not_missed() {
        for name in ["fraud_status", "merchant_id", "currency", "payment_type"] {
            let report = read(&answer(&json!({ name: null })), Some("G141532850")).unwrap();
            assert_eq!((report.currency.as_str(), report.transaction.amount), ("IDR", money(10_000)), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_no_report() {
        for changes in [
            json!({ "transaction_status": "paid" }),
            json!({ "transaction_status": null }),
            json!({ "transaction_id": null }),
            json!({ "transaction_id": "a/b" }),
            json!({ "order_id": "" }),
            json!({ "gross_amount": "10,000" }),
            json!({ "gross_amount": "10000.001" }),
            json!({ "gross_amount": null }),
            json!({ "gross_amount": true }),
            json!({ "refund_amount": "some" }),
        ] {
            assert!(read(&answer(&changes), Some("G141532850")).is_err(), "{changes}");
        }
    }

    #[test]
    fn an_answer_about_another_merchants_transaction_says_so() {
        let foreign = answer(&json!({ "merchant_id": "G000000000" }));
        assert!(read(&foreign, Some("G141532850")).unwrap().is_foreign);
        assert!(!read(&foreign, None).unwrap().is_foreign, "ours is not known");
    }

    #[test]
    fn a_transactions_name_in_the_place_of_the_orders_names_no_order() {
        assert_eq!(read(&answer(&json!({ "order_id": "t-1" })), None).unwrap().order, None);
        assert_eq!(read(&answer(&json!({ "order_id": "T-1" })), None).unwrap().order.as_deref(), Some("T-1"));
    }

    /// An answer with this amount and these parts.
    fn with_parts(gross: &Value, parts: &Value) -> Answer {
        answer(&json!({ "gross_amount": gross, "metadata": { "extra_info": { "gross_amount_info": parts } } }))
    }

    #[test]
    fn a_fee_that_the_payer_is_asked_for_is_told_apart_from_the_orders_amount() {
        let parts = |original: &str, gross: &str, fee: &str| {
            let parts = format!(
                r#"{{"original_amount":{original},"gross_amount":{gross},"customer_imposed_payment_fee":{fee}}}"#
            );
            serde_json::from_str(&parts).unwrap()
        };
        let texts: Value = parts(r#""10000""#, r#""10071""#, r#""71""#);
        for (gross, told) in [
            (json!("10071.00"), texts.clone()),
            (json!("10071"), texts.clone()),
            (json!(10_071), texts.clone()),
            (json!("10071.00"), parts(r#""10000.00""#, r#""10071.00""#, r#""71.00""#)),
            (json!("10071.00"), parts("10000", "10071.00", "71")),
        ] {
            let transaction = read(&with_parts(&gross, &told), None).unwrap().transaction;
            assert_eq!((transaction.amount, transaction.fee), (money(10_000), money(71)), "{gross} {told}");
            assert_eq!(transaction.gross(), money(10_071));
        }
        let free = read(&with_parts(&json!("10000.00"), &parts("10000", "10000", "0")), None).unwrap().transaction;
        assert_eq!((free.amount, free.fee), (money(10_000), Money::ZERO));
        // No amount goes through a double, which has no 0.1 and no odd number beyond 2^53.
        let large = parts("9999999999999.98", "9999999999999.99", "0.01");
        let large = read(&with_parts(&json!("9999999999999.99"), &large), None).unwrap().transaction;
        assert_eq!((large.amount.minor(), large.fee.minor()), (999_999_999_999_998, 1));
        // Parts that do not add up are ignored: the whole amount counts as the order's, and so contradicts it.
        for told in [
            parts("10000", "10071", "70"),
            parts("10000", "10072", "71"),
            parts("10071", "10071", "71"),
            parts("10142", "10071", "-71"),
            parts("10000", "10071", "null"),
            parts("10000", "10071", "true"),
            json!({ "original_amount": "10000", "gross_amount": "10071" }),
            json!(["10000"]),
            Value::Null,
        ] {
            let transaction = read(&with_parts(&json!("10071.00"), &told), None).unwrap().transaction;
            assert_eq!((transaction.amount, transaction.fee), (money(10_071), Money::ZERO), "{told}");
        }
    }

    #[test]
    fn what_was_given_back_counts_the_fee() {
        let parts =
            json!({ "original_amount": "10000", "gross_amount": "10071", "customer_imposed_payment_fee": "71" });
        for (changes, refunded) in [
            (json!({ "transaction_status": "refund" }), 10_071),
            (json!({ "transaction_status": "refund", "refund_amount": "10071.00" }), 10_071),
            (json!({ "transaction_status": "partial_refund", "refund_amount": "10000.00" }), 10_000),
        ] {
            let mut told = with_parts(&json!("10071.00"), &parts);
            told.fields.as_mut().unwrap().extend(changes.as_object().unwrap().clone());
            let transaction = read(&told, None).unwrap().transaction;
            assert_eq!((transaction.amount, transaction.refunded), (money(10_000), money(refunded)), "{changes}");
        }
    }

    #[test]
    fn what_was_given_back_is_told_in_one_way_or_another() {
        for (changes, refunded) in [
            (json!({ "transaction_status": "refund" }), 10_000),
            (json!({ "transaction_status": "refund", "refund_amount": "9000.00" }), 9_000),
            (json!({ "transaction_status": "partial_refund", "refund_amount": "1000.00" }), 1_000),
            (json!({ "transaction_status": "partial_refund" }), 0),
            (
                json!({
                    "transaction_status": "partial_refund",
                    "refunds": [{ "refund_amount": "1000.00" }, { "refund_amount": "500.00" }],
                }),
                1_500,
            ),
        ] {
            let report = read(&answer(&changes), None).unwrap();
            assert_eq!(report.transaction.refunded, money(refunded), "{changes}");
        }
        let broken = json!({ "transaction_status": "partial_refund", "refunds": [{ "refund_amount": "1000.00" }, {}] });
        assert!(read(&answer(&broken), None).is_err());
    }

    #[test]
    fn a_name_of_a_transaction_is_safe_in_a_path() {
        assert!(is_id("249fc620-6017-4540-af7c-5a1c25788f46"));
        for text in ["", ".", "..", "../x", "a b", "a/b", "a%2Fb", "ä", &"a".repeat(65)] {
            assert!(!is_id(text), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_answer_is_a_report_or_none(
            text in any::<String>(), number: f64, amount in "-?[0-9]{0,20}(\\.[0-9]{0,6})?(e[0-9]{1,9})?",
            name in "gross_amount|refund_amount|refunds|transaction_id|order_id|currency|merchant_id|fraud_status|payment_type",
        ) {
            let refunds = json!([{ "refund_amount": amount }, { "refund_amount": "9999999999999.99" }, text]);
            for value in [json!(text), json!(number), json!(amount), refunds] {
                for status in ["settlement", "partial_refund", &text] {
                    if let Ok(report) = read(&answer(&json!({ &name: value, "transaction_status": status })), None) {
                        prop_assert!(is_id(&report.transaction.id));
                        prop_assert!(report.transaction.payment_type.chars().count() <= MAX_TYPE);
                    }
                }
            }
        }
    }
}
