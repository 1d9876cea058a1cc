//! Money as an integer of minor units: no amount is ever rounded.

use crate::error::{Reason, ViolationCode};
use std::fmt;

pub(crate) mod spelling;

const MINOR: i64 = 100;
const DECIMALS: usize = 2;

/// An amount of Indonesian rupiah, exact to the hundredth: 0 to [`Money::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// The currency of all amounts (ISO 4217).
    pub const CURRENCY: &'static str = "IDR";
    pub const ZERO: Self = Self(0);
    /// The largest amount, 9,999,999,999,999.99: a `DECIMAL(15,2)` and a double, which clients may parse it into, hold it
    /// exactly.
    pub const MAX: Self = Self(999_999_999_999_999);

    /// Returns `None` for a negative or too large amount.
    #[must_use]
    pub const fn from_minor(minor: i64) -> Option<Self> {
        if minor >= 0 && minor <= Self::MAX.0 { Some(Self(minor)) } else { None }
    }

    /// The amount in hundredths.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// Returns `None` for a too large amount.
    #[must_use]
    pub fn from_whole(whole: u64) -> Option<Self> {
        i64::try_from(whole).ok()?.checked_mul(MINOR).and_then(Self::from_minor)
    }

    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0 % MINOR == 0
    }

    /// The amount in whole rupiah, without its decimals.
    #[must_use]
    pub const fn whole(self) -> i64 {
        self.0 / MINOR
    }

    /// Parses a decimal number that a person typed: at most two decimals, no exponent, no separators between digits.
    ///
    /// # Errors
    /// If the text is not a number, negative, or too large. The message proposes the right spelling if the text has a likely
    /// meaning (`425.000`, `Rp 425.000`).
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        typed_minor_units(raw).and_then(Self::from_minor).ok_or_else(|| {
            let message = spelling::advice(raw).unwrap_or_else(|| {
                "{field} must be an amount such as 1000 or 10.50, at most 9999999999999.99".to_owned()
            });
            Reason::new(ViolationCode::InvalidNumber, message)
        })
    }

    /// Parses a decimal number that a machine wrote, such as the payment gateway: zeros after the second decimal are
    /// allowed.
    #[must_use]
    pub fn read(raw: &str) -> Option<Self> {
        minor_units(raw).and_then(Self::from_minor)
    }

    /// Returns `None` if the sum is too large.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::from_minor)
    }

    /// Returns `None` if the difference is negative.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).and_then(Self::from_minor)
    }

    /// Returns `None` if the product is too large.
    #[must_use]
    pub fn checked_mul(self, times: u32) -> Option<Self> {
        self.0.checked_mul(i64::from(times)).and_then(Self::from_minor)
    }
}

/// Parses a signed decimal number with at most two decimals into hundredths. A third decimal is refused even if it is zero:
/// it is more often the end of a thousand than a decimal.
pub(crate) fn typed_minor_units(raw: &str) -> Option<i64> {
    let decimals = raw.trim().split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if decimals > DECIMALS { None } else { minor_units(raw) }
}

/// Parses a signed decimal number into hundredths.
fn minor_units(raw: &str) -> Option<i64> {
    let text = raw.trim();
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DECIMALS {
        return None;
    }
    let hundredths: i64 = format!("{fraction:0<DECIMALS$}").parse().ok()?;
    let minor = whole.parse::<i64>().ok()?.checked_mul(MINOR)?.checked_add(hundredths)?;
    Some(if is_negative { -minor } else { minor })
}

impl fmt::Display for Money {
    /// The shortest decimal number: no trailing zeros, no exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / MINOR, self.0 % MINOR);
        match fraction {
            0 => write!(f, "{whole}"),
            fraction if fraction % 10 == 0 => write!(f, "{whole}.{}", fraction / 10),
            fraction => write!(f, "{whole}.{fraction:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_amount_reads_and_prints_as_people_write_it() {
        for (raw, printed) in [
            ("1000000", "1000000"),
            ("10.50", "10.5"),
            ("10.5", "10.5"),
            ("0.07", "0.07"),
            (" 19.99 ", "19.99"),
            ("007", "7"),
            ("-0", "0"),
            ("9999999999999.99", "9999999999999.99"),
        ] {
            assert_eq!(Money::parse(raw).unwrap().to_string(), printed, "{raw}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for raw in [
            "",
            " ",
            "abc",
            "1e3",
            "1,000",
            "0.001",
            "-1",
            "+1",
            ".5",
            "5.",
            ".",
            "-",
            "1 0",
            "0x10",
            "١",
            "NaN",
            "1.-5",
            "425.000",
            "10.50000",
            "0.000",
            "Rp 425.000",
        ] {
            assert_eq!(Money::parse(raw).unwrap_err().code(), ViolationCode::InvalidNumber, "{raw:?}");
        }
        assert!(Money::parse("10000000000000").is_err());
        assert!(Money::parse("99999999999999999999999999").is_err());
    }

    #[test]
    fn what_a_machine_wrote_may_have_zeros_behind() {
        assert_eq!(Money::read("10000.000"), Money::from_whole(10_000));
        assert_eq!(Money::read("10000.00"), Money::from_whole(10_000));
        for raw in ["10000.001", "-1", "10,000", "1e4", "10000000000000.00", ""] {
            assert_eq!(Money::read(raw), None, "{raw:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn what_is_printed_reads_back(minor in 0..=Money::MAX.minor()) {
            let money = Money::from_minor(minor).unwrap();
            prop_assert_eq!(Money::parse(&money.to_string()).unwrap(), money);
        }

        #[test]
        fn any_text_is_read_or_refused_but_never_misread(raw in "-?[0-9]{0,16}(\\.[0-9]{0,4})?(e[0-9])?") {
            prop_assert!(Money::parse(&raw).is_err() || Money::parse(&raw).ok() == Money::read(&raw));
            if let Some(money) = Money::read(&raw) {
                let printed = money.to_string();
                let canonical = |text: &str| {
                    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
                    let whole = whole.trim_start_matches(['-', '0']).to_owned();
                    (whole, fraction.trim_end_matches('0').to_owned())
                };
                prop_assert_eq!(canonical(&raw), canonical(&printed));
            }
        }

        #[test]
        fn what_is_added_can_be_taken_away(a in 0..=Money::MAX.minor(), b in 0..=Money::MAX.minor()) {
            let (a, b) = (Money::from_minor(a).unwrap(), Money::from_minor(b).unwrap());
            if let Some(sum) = a.checked_add(b) {
                prop_assert_eq!(sum.checked_sub(b), Some(a));
            } else {
                prop_assert!(i128::from(a.minor()) + i128::from(b.minor()) > i128::from(Money::MAX.minor()));
            }
        }

        #[test]
        fn a_multiple_is_exact_or_refused(minor in 0..=Money::MAX.minor(), times: u32) {
            let exact = i128::from(minor) * i128::from(times);
            let multiple = Money::from_minor(minor).unwrap().checked_mul(times);
            prop_assert_eq!(multiple.map(|money| i128::from(money.minor())), (exact <= i128::from(Money::MAX.minor())).then_some(exact));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_text_makes_a_panic(raw in any::<String>()) {
            let _ = (Money::parse(&raw), Money::read(&raw));
        }
    }
}
