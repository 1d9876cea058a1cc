//! Orders: their values, and the payment that an order makes of a product.

use crate::error::{Error, ErrorCode, Reason, ViolationCode, Violations};
use crate::money::Money;
use crate::payment::{Payment, PaymentId};
use crate::product::{Product, ProductId};
use crate::user::UserId;
use chrono::{DateTime, Utc};
use std::fmt;

/// The number of ordered pieces: 1 to 2,147,483,647.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i32);

impl Quantity {
    /// Reads a whole number.
    ///
    /// # Errors
    /// If the text is blank or zero (the Go system takes zero for absent), not a whole number, negative, or too large.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        let text = raw.trim();
        let count = match text {
            "" => return Err(Reason::empty()),
            text => text.parse::<i32>(),
        };
        match count {
            Ok(0) => Err(Reason::empty()),
            Ok(count) if count > 0 => Ok(Self(count)),
            _ => {
                let message = "{field} must be a whole number from 1 to 2147483647";
                Err(Reason::new(ViolationCode::InvalidNumber, message))
            }
        }
    }

    /// Returns `None` for zero or less.
    #[must_use]
    pub const fn restore(count: i32) -> Option<Self> {
        if count > 0 { Some(Self(count)) } else { None }
    }

    #[must_use]
    pub const fn count(self) -> i32 {
        self.0
    }
}

/// The key by which a repeated order is recognised: 1 to 255 visible ASCII characters
/// (draft-ietf-httpapi-idempotency-key-header).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    pub const MAX: usize = 255;

    /// Returns `None` for a blank text.
    ///
    /// # Errors
    /// If the key is too long or has other characters.
    pub fn parse(raw: &str) -> Result<Option<Self>, Reason> {
        let key = raw.trim();
        if key.is_empty() {
            return Ok(None);
        }
        if key.len() > Self::MAX {
            let message = format!("maximum length for {{field}} is {} characters", Self::MAX);
            return Err(Reason::new(ViolationCode::TooLong, message));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "{field} must be made of visible ASCII characters, without spaces";
            return Err(Reason::new(ViolationCode::InvalidCharacter, message));
        }
        Ok(Some(Self(key.to_owned())))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The payment's code for people: `GC-dddd-dddd-dddd`, each group from 1000 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PaymentCode([u16; 3]);

impl PaymentCode {
    pub const COUNT: u64 = 9_000 * 9_000 * 9_000;

    /// The code of a number modulo [`Self::COUNT`].
    #[must_use]
    pub fn of(number: u64) -> Self {
        let group = |number: u64| u16::try_from(1_000 + number % 9_000).unwrap_or(1_000);
        Self([group(number / (9_000 * 9_000)), group(number / 9_000), group(number)])
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut groups = text.strip_prefix("GC-")?.split('-');
        let mut group = || {
            let group = groups.next()?;
            let is_one = group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_digit()) && !group.starts_with('0');
            if is_one { group.parse().ok() } else { None }
        };
        let code = [group()?, group()?, group()?];
        groups.next().is_none().then_some(Self(code))
    }
}

impl fmt::Display for PaymentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third] = self.0;
        write!(f, "GC-{first}-{second}-{third}")
    }
}

/// The totals that the gateway accepts: whole rupiah within these bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmountLimits {
    pub min_total: Money,
    pub max_total: Money,
}

#[derive(Clone, Debug)]
pub struct Order {
    pub id: PaymentId,
    pub code: PaymentCode,
    pub buyer: UserId,
    pub product: ProductId,
    pub quantity: Quantity,
    /// Set if the buyer may repeat the order.
    pub key: Option<IdempotencyKey>,
    pub amount_limits: AmountLimits,
    pub expires_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

impl Order {
    /// Creates the payment for a product in its present version.
    ///
    /// # Errors
    /// [`ErrorCode::InsufficientStock`] if the stock is too small, [`ErrorCode::InvalidRequest`] if the gateway does not
    /// accept the total.
    pub fn payment(&self, product: &Product) -> Result<Payment, Error> {
        let left = product.details().stock.take(self.quantity.count()).ok_or(ErrorCode::InsufficientStock)?;
        let total = self.total(product.details().price.money())?;
        Ok(Payment::of(self, product.with_stock(left), total))
    }

    fn total(&self, price: Money) -> Result<Money, Error> {
        let AmountLimits { min_total, max_total } = self.amount_limits;
        let refused = |message: String| {
            let mut wrong = Violations::default();
            wrong.add("quantity", &Reason::new(ViolationCode::OutOfRange, message));
            wrong.into_error(ErrorCode::InvalidRequest)
        };
        let total = price.checked_mul(self.quantity.count().unsigned_abs()).filter(|total| *total <= max_total);
        let total =
            total.ok_or_else(|| refused(format!("the total must not be more than {max_total}; lower {{field}}")))?;
        if total < min_total {
            return Err(refused(format!("the total must be {min_total} or more; raise {{field}}")));
        }
        if !total.is_whole() {
            return Err(refused(format!(
                "the total of {total} cannot be paid: it must be whole rupiah; choose another {{field}}"
            )));
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quantity_is_one_or_more() {
        assert_eq!(Quantity::parse(" 3 ").unwrap().count(), 3);
        for (raw, code) in [
            ("", ViolationCode::Empty),
            ("0", ViolationCode::Empty),
            ("-1", ViolationCode::InvalidNumber),
            ("1.5", ViolationCode::InvalidNumber),
            ("1e3", ViolationCode::InvalidNumber),
            ("2147483648", ViolationCode::InvalidNumber),
        ] {
            assert_eq!(Quantity::parse(raw).unwrap_err().code(), code, "{raw:?}");
        }
    }

    #[test]
    fn a_key_is_visible_ascii() {
        assert_eq!(IdempotencyKey::parse(" ").unwrap(), None);
        assert_eq!(IdempotencyKey::parse("a-1").unwrap().unwrap().as_str(), "a-1");
        assert!(IdempotencyKey::parse(&"k".repeat(255)).is_ok());
        for raw in ["a b", "ä", "a\u{7f}", &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(raw).is_err(), "{raw:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn every_code_has_three_groups_and_reads_back(number in 0..PaymentCode::COUNT) {
            let code = PaymentCode::of(number);
            let text = code.to_string();
            prop_assert_eq!(text.len(), 17);
            prop_assert_eq!(PaymentCode::parse(&text), Some(code));
        }

        #[test]
        fn any_text_is_a_code_or_none(text in "(GC-)?[0-9-]{0,20}") {
            if let Some(code) = PaymentCode::parse(&text) {
                prop_assert_eq!(code.to_string(), text);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_order_is_read_or_refused(raw in prop_oneof![any::<String>(), "[+-]?[0-9]{0,12}", "[ -~]{0,260}"]) {
            if let Ok(quantity) = Quantity::parse(&raw) {
                prop_assert!(quantity.count() > 0);
            }
            if let Ok(Some(key)) = IdempotencyKey::parse(&raw) {
                prop_assert!(key.as_str().len() <= IdempotencyKey::MAX);
                prop_assert!(key.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            }
            if let Ok(id) = raw.parse::<ProductId>() {
                prop_assert_eq!(id.to_string().len(), 36);
            }
        }
    }
}
