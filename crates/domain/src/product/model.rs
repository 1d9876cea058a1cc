//! The product and the values that it is made of.

use crate::actor::Seller;
use crate::error::{Error, ErrorCode, Reason, ViolationCode};
use crate::id::uuid_id;
use crate::money::spelling::advice;
use crate::money::{Money, typed_minor_units};
use crate::product::{ImageKey, ImageUrl};
use crate::text::{line, paragraphs};
use crate::user::UserId;
use crate::version::Version;
use chrono::{DateTime, Utc};

uuid_id! {
    /// Identifies a product: a UUID, version 7 for products made here, any version for those that came from the Go system.
    ProductId
}

/// 1 to 255 characters, at least one of them visible, without control or direction-changing characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductName(String);

impl ProductName {
    pub const MAX: usize = 255;

    /// Trims white space around the name.
    ///
    /// # Errors
    /// If the name is blank, too long, or has a control or direction-changing character.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        line(raw, Self::MAX).map(Self)
    }

    /// Rebuilds a name from storage, without checking it again.
    #[must_use]
    pub const fn restore(name: String) -> Self {
        Self(name)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key for sorting and searching: the name in lower case, at most [`Self::MAX`] characters.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase().chars().take(Self::MAX).collect()
    }
}

/// 1 to 5,000 characters, possibly in several lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    pub const MAX: usize = 5_000;

    /// Trims white space around the description.
    ///
    /// # Errors
    /// If the description is blank, too long, or has control characters other than tabs and line breaks.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        paragraphs(raw, Self::MAX).map(Self)
    }

    /// Rebuilds a description from storage, without checking it again.
    #[must_use]
    pub const fn restore(description: String) -> Self {
        Self(description)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The price of one piece, greater than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(Money);

impl Price {
    /// Parses an amount as [`Money::parse`] does.
    ///
    /// # Errors
    /// If the text is blank, not an amount, or not greater than zero. The message is the Go system's, except where a right
    /// spelling can be proposed.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        let invalid = |code| Reason::new(code, "{field} is empty or invalid");
        if raw.trim().is_empty() {
            return Err(invalid(ViolationCode::Empty));
        }
        match typed_minor_units(raw) {
            Some(minor) if minor <= 0 => Err(invalid(ViolationCode::NotPositive)),
            minor => minor.and_then(Money::from_minor).map(Self).ok_or_else(|| match advice(raw) {
                Some(advice) => Reason::new(ViolationCode::InvalidNumber, advice),
                None => invalid(ViolationCode::InvalidNumber),
            }),
        }
    }

    /// Rebuilds a price from storage; returns `None` for an invalid amount.
    #[must_use]
    pub fn restore(minor: i64) -> Option<Self> {
        Money::from_minor(minor).map(Self)
    }

    #[must_use]
    pub const fn money(self) -> Money {
        self.0
    }
}

/// The number of pieces for sale: 0 to 2,147,483,647.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stock(i32);

impl Stock {
    /// Reads a whole number.
    ///
    /// # Errors
    /// If the text is blank, not a whole number, negative, or too large.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        let text = raw.trim();
        if text.is_empty() {
            return Err(Reason::empty());
        }
        match text.parse::<i32>() {
            Ok(count) if count >= 0 => Ok(Self(count)),
            Ok(_) => Err(Reason::new(ViolationCode::Negative, "product stock cannot be negative")),
            Err(_) => {
                let message = "{field} must be a whole number from 0 to 2147483647";
                Err(Reason::new(ViolationCode::InvalidNumber, message))
            }
        }
    }

    /// Returns `None` for a negative count.
    #[must_use]
    pub const fn restore(count: i32) -> Option<Self> {
        if count >= 0 { Some(Self(count)) } else { None }
    }

    #[must_use]
    pub const fn count(self) -> i32 {
        self.0
    }

    /// Returns what is left after these pieces are taken, or `None` if the stock is too small.
    #[must_use]
    pub fn take(self, pieces: i32) -> Option<Self> {
        self.0.checked_sub(pieces).and_then(Self::restore)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    None,
    Stored(ImageKey),
    External(ImageUrl),
}

impl Picture {
    #[must_use]
    pub const fn stored(&self) -> Option<&ImageKey> {
        match self {
            Self::Stored(key) => Some(key),
            Self::None | Self::External(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    pub name: ProductName,
    pub description: Description,
    pub price: Price,
    pub stock: Stock,
    pub picture: Picture,
}

/// The fields that a seller changes. Other fields keep their value, even if somebody else changes them at the same moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub name: Option<ProductName>,
    pub description: Option<Description>,
    pub price: Option<Price>,
    pub stock: Option<Stock>,
    pub picture: Option<Picture>,
}

impl Changes {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    id: ProductId,
    seller: UserId,
    details: Details,
    version: Version,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Product {
    #[must_use]
    pub fn offer(seller: Seller, details: Details, now: DateTime<Utc>) -> Self {
        Self::restore(ProductId::generate(), seller.id(), details, Version::FIRST, now, now)
    }

    /// Rebuilds a product from storage, which holds only products that [`Self::offer`] made.
    #[must_use]
    pub const fn restore(
        id: ProductId,
        seller: UserId,
        details: Details,
        version: Version,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
    ) -> Self {
        Self { id, seller, details, version, created_at, updated_at }
    }

    #[must_use]
    pub fn with_stock(&self, stock: Stock) -> Self {
        Self { details: Details { stock, ..self.details.clone() }, ..self.clone() }
    }

    /// Grants the right to change the product.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] if the product belongs to another seller.
    pub fn owned_by(self, seller: Seller) -> Result<Owned, Error> {
        if self.seller == seller.id() { Ok(Owned(self)) } else { Err(ErrorCode::Forbidden.into()) }
    }

    #[must_use]
    pub const fn id(&self) -> ProductId {
        self.id
    }

    #[must_use]
    pub const fn seller(&self) -> UserId {
        self.seller
    }

    /// The fields that the seller decides.
    #[must_use]
    pub const fn details(&self) -> &Details {
        &self.details
    }

    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    #[must_use]
    pub const fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    #[must_use]
    pub const fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }
}

/// The right to change a product, granted only to its owner.
#[derive(Clone, Debug)]
pub struct Owned(Product);

impl Owned {
    #[must_use]
    pub const fn product(&self) -> &Product {
        &self.0
    }

    #[must_use]
    pub fn into_product(self) -> Product {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Violation;
    use proptest::prelude::*;

    #[test]
    fn a_price_is_told_apart_from_garbage_and_from_nothing() {
        let code = |raw: &str| Price::parse(raw).map(|price| price.money().to_string()).map_err(|reason| reason.code());
        assert_eq!(code("10.50"), Ok("10.5".to_owned()));
        assert_eq!(code(" "), Err(ViolationCode::Empty));
        for garbage in ["abc", "1e3", "1,000", "0.001", "10000000000000", "425.000", "0.000"] {
            assert_eq!(code(garbage), Err(ViolationCode::InvalidNumber), "{garbage}");
        }
        for too_little in ["0", "-0", "0.00", "-5", "-0.01"] {
            assert_eq!(code(too_little), Err(ViolationCode::NotPositive), "{too_little}");
        }
        let told = |raw: &str| Violation::new("price", &Price::parse(raw).unwrap_err()).message().to_owned();
        for plain in ["", "abc", "0", "-5", "0.000", "-425.000"] {
            assert_eq!(told(plain), "price is empty or invalid", "{plain}");
        }
        assert_eq!(told("425.000"), "price has three decimals: write 425000 for thousands, or 425.00");
    }

    #[test]
    fn a_stock_is_a_whole_number_and_may_be_none() {
        let code = |raw: &str| Stock::parse(raw).map(Stock::count).map_err(|reason| reason.code());
        assert_eq!((code("0"), code(" 12 "), code("2147483647")), (Ok(0), Ok(12), Ok(i32::MAX)));
        assert_eq!((code(""), code("-1")), (Err(ViolationCode::Empty), Err(ViolationCode::Negative)));
        for garbage in ["1.5", "ten", "2147483648", "1e1"] {
            assert_eq!(code(garbage), Err(ViolationCode::InvalidNumber), "{garbage}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_text_is_read_or_refused(raw in "\\PC{0,300}") {
            if let Ok(name) = ProductName::parse(&raw) {
                prop_assert!((1..=ProductName::MAX).contains(&name.as_str().chars().count()));
                prop_assert!(name.key().chars().count() <= ProductName::MAX);
            }
            let _ = (Description::parse(&raw), Price::parse(&raw), Stock::parse(&raw));
        }
    }
}
