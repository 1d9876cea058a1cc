//! What Midtrans knows of a transaction ("GET Status").

use super::client::{Answer, text_of};
use domain::money::Money;
use domain::payment::{Report, Transaction, TransactionStatus};
use serde_json::Value;

/// The longest name of a transaction, in characters; Midtrans' have 36.
const MAX_ID: usize = 64;
/// The longest name of a way to pay, in characters.
const MAX_TYPE: usize = 64;

/// Whether a text can be a name of a transaction, and is safe in a path.
pub(super) fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte);
    text.len() <= MAX_ID && text.bytes().all(is_plain) && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Reads an answer; what is wrong with it where it cannot be understood or is about another merchant.
pub(super) fn read(answer: &Answer, merchant: Option<&str>) -> Result<Report, &'static str> {
    // Not every way to pay has it in its answers, and what our key opens is ours.
    let told = answer.text("merchant_id");
    if let (Some(merchant), Some(told)) = (merchant, told)
        && merchant != told
    {
        return Err("the answer is about another merchant's transaction");
    }
    let fraud = answer.text("fraud_status").unwrap_or_default();
    let status = answer.text("transaction_status").ok_or("the answer has no transaction_status")?;
    let status = TransactionStatus::read(&status, &fraud).ok_or("the transaction_status is none that is known")?;
    let id = answer.text("transaction_id").ok_or("the answer has no transaction_id")?;
    if !is_id(&id) {
        return Err("the transaction_id is none");
    }
    let amount = answer.text("gross_amount").ok_or("the answer has no gross_amount")?;
    let amount = Money::read(&amount).ok_or("the gross_amount is none")?;
    let payment_type = answer.text("payment_type").unwrap_or_default().chars().take(MAX_TYPE).collect();
    Ok(Report {
        order: answer.text("order_id").ok_or("the answer has no order_id")?,
        transaction: Transaction { id, status, payment_type, amount, refunded: refunded(answer, status, amount)? },
        // Left out in some answers: Midtrans knows one currency.
        currency: answer.text("currency").unwrap_or_else(|| Money::CURRENCY.to_owned()),
    })
}

/// How much was given back: what the answer says, or what its single refunds come to, or else all where all was given back.
fn refunded(answer: &Answer, status: TransactionStatus, amount: Money) -> Result<Money, &'static str> {
    if let Some(told) = answer.text("refund_amount") {
        return Money::read(&told).ok_or("the refund_amount is none");
    }
    match status {
        TransactionStatus::Refund => Ok(amount),
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
            refunded: Money::ZERO,
        };
        assert_eq!(report, Report { order: "o-1".to_owned(), transaction, currency: "IDR".to_owned() });
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
            json!({ "merchant_id": "G000000000" }),
        ] {
            assert!(read(&answer(&changes), Some("G141532850")).is_err(), "{changes}");
        }
        assert!(read(&answer(&json!({ "merchant_id": "G000000000" })), None).is_ok());
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
