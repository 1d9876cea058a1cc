//! A payment for the tests of this crate.

use chrono::{DateTime, TimeDelta, Utc};
use domain::actor::{Actor, Identity};
use domain::money::Money;
use domain::payment::{AmountLimits, Order, Payment, PaymentCode, PaymentId, PaymentPage, Quantity};
use domain::product::{Description, Details, Picture, Price, Product, ProductName, Stock};
use domain::user::{Role, UserId};

/// An ordered payment for two pieces at 10,000 each, without a page, that can be paid for an hour.
pub(super) fn ordered(start: DateTime<Utc>) -> Payment {
    let seller = Actor::User(Identity { id: UserId::generate(), role: Role::Seller }).seller().unwrap();
    let details = Details {
        name: ProductName::parse("Teapot").unwrap(),
        description: Description::parse("Of clay").unwrap(),
        price: Price::parse("10000").unwrap(),
        stock: Stock::parse("5").unwrap(),
        picture: Picture::None,
    };
    let product = Product::offer(seller, details, start);
    let order = Order {
        id: PaymentId::generate(),
        code: PaymentCode::of(0),
        buyer: UserId::generate(),
        product: product.id(),
        quantity: Quantity::parse("2").unwrap(),
        key: None,
        amount_limits: AmountLimits { min_total: Money::ZERO, max_total: Money::MAX },
        expires_at: start + TimeDelta::minutes(60),
        now: start,
    };
    order.payment(&product).unwrap()
}

pub(super) fn opened() -> Payment {
    let start = "2026-11-24T00:00:00Z".parse().unwrap();
    let mut payment = ordered(start);
    payment.open(PaymentPage { token: "t".to_owned(), url: "https://example.com/t".to_owned() }, start);
    payment.take_events();
    payment
}
