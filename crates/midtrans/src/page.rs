//! Payment pages (Snap): the request for a page, and its answer.

use super::HOME;
use super::client::Answer;
use app::payment::Invoice;
use chrono::{DateTime, FixedOffset, Utc};
use domain::payment::PaymentPage;
use serde_json::{Value, json};
use url::Url;

/// The longest name or id of an item, in characters.
const MAX_ITEM: usize = 50;
/// The longest name and e-mail address of a payer, and custom text, in characters.
const MAX_TEXT: usize = 255;
/// The longest token, in characters; Midtrans' have 36.
const MAX_TOKEN: usize = 255;
/// The longest page URL, in characters; Midtrans' have 75.
const MAX_URL: usize = 2_048;
/// The offset of Jakarta's time zone, which Midtrans uses.
const JAKARTA_SECONDS: i32 = 7 * 60 * 60;

pub(super) fn request(invoice: &Invoice, version: &str) -> Value {
    let first_name = cut(&invoice.payer_name, MAX_TEXT);
    let payer = if is_plain_email(&invoice.payer_email) {
        json!({ "first_name": first_name, "email": invoice.payer_email })
    } else {
        json!({ "first_name": first_name })
    };
    // Rounded down: the page must not stay open longer than the payment.
    let minutes = (invoice.expires_at - invoice.begins_at).num_minutes().max(1);
    json!({
        "transaction_details": {
            "order_id": invoice.order.to_string(),
            "gross_amount": invoice.total.whole(),
        },
        "item_details": [item(invoice)],
        "customer_details": payer,
        "credit_card": { "secure": true },
        // Without a start time the expiry counts from when the payer chooses a payment method.
        "expiry": { "start_time": start_time(invoice.begins_at), "unit": "minute", "duration": minutes },
        "custom_field1": cut(version, MAX_TEXT),
    })
}

/// The single item of an order. The items must add up to the total, and Midtrans accepts whole rupiah only: if a piece does
/// not cost whole rupiah, all pieces are one item.
fn item(invoice: &Invoice) -> Value {
    let count = invoice.quantity.count();
    let adds_up = invoice.price.checked_mul(count.unsigned_abs()) == Some(invoice.total);
    let (price, quantity, name) = if invoice.price.is_whole() && adds_up {
        (invoice.price, count, invoice.name.clone())
    } else {
        (invoice.total, 1, format!("{count} x {}", invoice.name))
    };
    json!({
        "id": cut(&invoice.item, MAX_ITEM),
        "price": price.whole(),
        "quantity": quantity,
        // One of the cash payment methods rejects this character.
        "name": cut(&name.replace('|', "/"), MAX_ITEM),
    })
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

fn start_time(at: DateTime<Utc>) -> String {
    let format = "%Y-%m-%d %H:%M:%S +0700";
    match FixedOffset::east_opt(JAKARTA_SECONDS) {
        Some(jakarta) => at.with_timezone(&jakarta).format(format).to_string(),
        None => at.format("%Y-%m-%d %H:%M:%S +0000").to_string(),
    }
}

/// Whether every payment method accepts an e-mail address: several refuse the whole order otherwise.
fn is_plain_email(email: &str) -> bool {
    let is_lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_atom = |atom: &str| {
        !atom.is_empty() && atom.bytes().all(|byte| is_lower(byte) || b"!#$%&'*+/=?^_`{|}~-".contains(&byte))
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| is_lower(byte) || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    email.len() <= MAX_TEXT
        && email.split_once('@').is_some_and(|(local, domain)| {
            local.split('.').all(is_atom) && domain.contains('.') && domain.split('.').all(is_label)
        })
}

/// Parses the answer; the error says what is wrong with it.
pub(super) fn read(answer: &Answer, is_production: bool) -> Result<PaymentPage, &'static str> {
    let token = answer.text("token").ok_or("the answer has no token")?;
    let url = answer.text("redirect_url").ok_or("the answer has no redirect_url")?;
    if token.len() > MAX_TOKEN || url.len() > MAX_URL {
        return Err("the token or redirect_url is too long");
    }
    let parsed = Url::parse(&url).map_err(|_| "the redirect_url is no address")?;
    let is_midtrans = parsed.scheme() == "https" && parsed.host_str().is_some_and(|host| host.ends_with(HOME));
    if is_production && !is_midtrans {
        return Err("the redirect_url leads elsewhere");
    }
    if !matches!(parsed.scheme(), "https" | "http") {
        return Err("the redirect_url is no address of the web");
    }
    Ok(PaymentPage { token, url })
}

/// Whether the answer says that the order has a transaction.
pub(super) fn is_taken(answer: &Answer) -> bool {
    says(answer, &["already been taken", "paid and utilized", "sudah digunakan", "transaction is on progress"])
}

/// Whether the answer says that the page is closed already.
pub(super) fn is_closed(answer: &Answer) -> bool {
    says(answer, &["already canceled"])
}

fn says(answer: &Answer, phrases: &[&str]) -> bool {
    let said = answer.reasons().join("\n").to_lowercase();
    phrases.iter().any(|phrase| said.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use domain::money::Money;
    use domain::payment::{PaymentId, Quantity};
    use proptest::prelude::*;

    fn invoice(price: i64, count: i32, name: &str) -> Invoice {
        let (price, quantity) = (Money::from_minor(price).unwrap(), Quantity::restore(count).unwrap());
        let begins_at = "2026-11-22T03:00:00.5Z".parse().unwrap();
        Invoice {
            order: PaymentId::generate(),
            item: "0192f3c4-0000-7000-8000-000000000002".to_owned(),
            name: name.to_owned(),
            price,
            quantity,
            total: price.checked_mul(count.unsigned_abs()).unwrap(),
            payer_name: "Budi".to_owned(),
            payer_email: "budi@example.id".to_owned(),
            begins_at,
            expires_at: begins_at + TimeDelta::minutes(60),
        }
    }

    #[test]
    fn an_order_is_told_as_midtrans_wants_it() {
        let invoice = invoice(1_500_000, 2, "Teh | Kopi");
        let expected = json!({
            "transaction_details": { "order_id": invoice.order.to_string(), "gross_amount": 30_000 },
            "item_details": [{
                "id": "0192f3c4-0000-7000-8000-000000000002",
                "price": 15_000,
                "quantity": 2,
                "name": "Teh / Kopi",
            }],
            "customer_details": { "first_name": "Budi", "email": "budi@example.id" },
            "credit_card": { "secure": true },
            "expiry": { "start_time": "2026-11-22 10:00:00 +0700", "unit": "minute", "duration": 60 },
            "custom_field1": "0.1.0",
        });
        assert_eq!(request(&invoice, "0.1.0"), expected);
    }

    #[test]
    fn pieces_that_do_not_cost_whole_rupiah_are_one_item() {
        let told = request(&invoice(1_050, 4, "Kancing"), "0.1.0");
        assert_eq!(told["transaction_details"]["gross_amount"], 42);
        let item = &told["item_details"][0];
        assert_eq!((&item["price"], &item["quantity"], &item["name"]), (&json!(42), &json!(1), &json!("4 x Kancing")));
    }

    #[test]
    fn an_email_that_some_way_to_pay_would_refuse_is_left_out() {
        for email in ["budi@example.id", "b.u+di_1@mail-2.example.co.id", "o'neil@example.id"] {
            assert!(is_plain_email(email), "{email}");
        }
        let long = format!("{}@example.id", "b".repeat(250));
        for email in [
            "",
            "budi",
            "budi@",
            "@example.id",
            "Budi@example.id",
            "budi@localhost",
            "b..d@example.id",
            ".b@example.id",
            "\"b d\"@example.id",
            "büdi@example.id",
            "budi@-a.id",
            "budi@[127.0.0.1]",
            "a@b@example.id",
            &long,
        ] {
            assert!(!is_plain_email(email), "{email}");
            let told = request(&Invoice { payer_email: email.to_owned(), ..invoice(100, 1, "Teh") }, "0.1.0");
            assert_eq!(told["customer_details"], json!({ "first_name": "Budi" }));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn whatever_is_ordered_its_items_add_up(
            price in 1..100_000_i64, is_whole: bool, count in 1..1_000_i32, name in "(\\PC|\\||🫖){1,120}",
        ) {
            // Either one piece or a hundred of them cost whole rupiah.
            let (price, count) = if is_whole { (price * 100, count) } else { (price, count * 100) };
            let invoice = invoice(price, count, &name);
            let told = request(&invoice, "0.1.0");
            let item = &told["item_details"][0];
            let sum = item["price"].as_i64().unwrap() * item["quantity"].as_i64().unwrap();
            prop_assert_eq!(sum, told["transaction_details"]["gross_amount"].as_i64().unwrap());
            let name = item["name"].as_str().unwrap();
            prop_assert!(name.chars().count() <= 50 && !name.contains('|'));
        }
    }
}
