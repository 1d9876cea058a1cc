//! The values of a product's fields, which must be returned unchanged.

use crate::scenarios::user::assert_fields;
use domain::error::ErrorCode;
use testkit::client::{Query, change, teapot};
use testkit::member::seller;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

const NO_PRICE: &str = "price is empty or invalid";

/// Includes values that a double, or a SQLite column of that type, would change.
pub async fn a_price_comes_back_exactly(world: &World) {
    let seller = seller(world).await;
    for (price, shown) in [
        ("9999999999999.99", "9999999999999.99"),
        ("9007199254740.93", "9007199254740.93"),
        ("0.01", "0.01"),
        ("0.10", "0.1"),
        ("0.3", "0.3"),
        ("4.35", "4.35"),
        ("10.50", "10.5"),
        ("1000000", "1000000"),
        ("007", "7"),
        (" 19.99 ", "19.99"),
    ] {
        let made = seller.client.create(&teapot().price(price)).await.unwrap();
        assert_eq!(made.price, shown, "{price:?}");
        assert_eq!(world.client().product(&made.id).await.unwrap(), made);
        assert_eq!(world.other_client().product(&made.id).await.unwrap(), made);
        let listed = world.client().products(&Query::default().costing(price, price)).await.unwrap();
        assert!(listed.items.contains(&made.listed()), "{price:?} is at least and at most {price:?}");
    }
}

pub async fn what_is_no_price_is_refused(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let no_prices = [
        "1e3",
        "0.001",
        "12.3456",
        "0.000",
        "-425.000",
        "10000000000000",
        "99999999999999999999999999",
        "NaN",
        "Infinity",
        "+1",
        ".5",
        "5.",
        "0x10",
        "1 0",
        "١",
        "Rp",
        "0",
        "-0",
        "0.00",
        "-5",
        "-0.01",
    ];
    for price in no_prices {
        let offered = assert_fields(seller.client.create(&teapot().price(price)).await, &[("price", NO_PRICE)]);
        assert_eq!(offered.message, NO_PRICE, "{price:?}");
        assert_fields(seller.client.update(&made.id, &teapot().price(price)).await, &[("price", NO_PRICE)]);
    }
    assert_eq!(world.client().products(&Query::default()).await.unwrap().items, [made.listed()]);
}

/// As people in Indonesia and the shop's own mails write it.
pub async fn a_price_in_another_spelling_is_told_the_right_one(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    for (price, message) in [
        ("425.000", "price has three decimals: write 425000 for thousands, or 425.00"),
        ("10.000", "price has three decimals: write 10000 for thousands, or 10.00"),
        ("10.50000", "price has more than two decimals: write 10.50"),
        ("Rp 425.000", "price has separators between thousands: write 425000"),
        ("Rp425000", "price has a currency: write 425000"),
        ("425,000", "price has a comma: write 425000 for thousands, or 425.00"),
        ("1.250.000", "price has separators between thousands: write 1250000"),
        ("1,250,000.50", "price has separators between thousands: write 1250000.50"),
        ("1.000,00", "price has separators between thousands: write 1000.00"),
    ] {
        let offered = assert_fields(seller.client.create(&teapot().price(price)).await, &[("price", message)]);
        assert_eq!((offered.code, offered.message.as_str()), (ErrorCode::InvalidRequest, message), "{price:?}");
        assert_fields(seller.client.update(&made.id, &teapot().price(price)).await, &[("price", message)]);
    }
    let outcome = world.client().products(&Query::default().costing("10.000", "1.250.000")).await;
    let min = "min_price has three decimals: write 10000 for thousands, or 10.00";
    let max = "max_price has separators between thousands: write 1250000";
    assert_fields(outcome, &[("min_price", min), ("max_price", max)]);
    for (price, shown) in [("12.5", "12.5"), ("12.50", "12.5"), ("425000", "425000")] {
        assert_eq!(seller.client.update(&made.id, &change().price(price)).await.unwrap().price, shown);
    }
}

pub async fn a_text_in_any_script_is_kept_to_the_last_character(world: &World) {
    let seller = seller(world).await;
    let (longest_name, longest_description) = ("😀".repeat(255), "ß".repeat(5_000));
    for (name, description) in [
        ("Teekanne «Müller» №5", "Zeile eins\r\n\tZeile zwei"),
        ("艾達的茶壺", "一升。\n不滴水。"),
        ("Robert'); DROP TABLE products;--", "\"\\%_' <script>alert(1)</script>"),
        ("\u{200F}קומקום!\u{200E}", "\u{061C}نص، می\u{200C}خواهم"),
        (&longest_name, &longest_description),
    ] {
        let form = teapot().name(format!(" {name} ")).description(format!("\n{description} "));
        let made = seller.client.create(&form).await.unwrap();
        assert_eq!((made.name.as_str(), made.description.as_str()), (name, description));
        assert_eq!(world.client().product(&made.id).await.unwrap(), made);
        assert_eq!(world.other_client().product(&made.id).await.unwrap(), made);
    }
}

pub async fn a_text_that_is_too_long_is_refused(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    for (form, field, most) in
        [(teapot().name("é".repeat(256)), "name", 255), (teapot().description("é".repeat(5_001)), "description", 5_000)]
    {
        let message = format!("maximum length for field {field} is {most} characters");
        assert_fields(seller.client.create(&form).await, &[(field, &message)]);
        assert_fields(seller.client.update(&made.id, &form).await, &[(field, &message)]);
    }
}

pub async fn a_text_that_acts_on_the_text_around_it_is_refused(world: &World) {
    let seller = seller(world).await;
    let name = [("name", "field name contains control characters")];
    for text in ["Tea\npot", "Tea\0pot", "\u{1b}[2J", "Tea \u{202e}top", "A\u{2028}b", "A\u{2066}b", "\u{85}"] {
        let form = teapot().name(format!("A{text}B"));
        assert_fields(seller.client.create(&form).await, &name);
    }
    let description = [("description", "field description contains control characters")];
    for text in ["\0", "\u{7}", "\u{1b}[2J", "\u{7f}"] {
        let form = teapot().description(format!("A{text}B"));
        assert_fields(seller.client.create(&form).await, &description);
    }
    for text in ["\u{200B}", "\u{200E}\u{200F}", "\u{3164} \u{2800}", "\u{FEFF}\u{00AD}"] {
        assert_fields(seller.client.create(&teapot().name(text)).await, &[("name", "name is empty")]);
        let outcome = seller.client.create(&teapot().description(text)).await;
        assert_fields(outcome, &[("description", "description is empty")]);
    }
    assert!(world.client().products(&Query::default()).await.unwrap().items.is_empty());
}
