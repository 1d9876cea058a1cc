//! Advice on amounts that people write in another spelling than the one that is accepted.
//!
//! Indonesians separate thousands by points (`Rp 425.000`, which the shop's own mails write too), others by commas. Parsed
//! as a decimal number, `425.000` would be 425 rupiah, a thousandth of the meant amount. Such a text is therefore refused
//! with the spelling of its possible meanings.

use super::{Money, typed_minor_units};

/// The longest text that is examined, in bytes: the largest amount with a currency and separators.
const MAX: usize = 40;
/// The number of digits between two separators of thousands.
const GROUP: usize = 3;
const DECIMALS: usize = 2;

/// Returns what is wrong with an amount and its right spelling, with `{field}` in the place of the field's name. Returns
/// `None` if the text cannot mean a positive amount.
pub(crate) fn advice(raw: &str) -> Option<String> {
    let (text, is_rupiah) = without_currency(raw.trim());
    let written = Written::read(text)?;
    let thousands = written.in_thousands().filter(|text| is_payable(text));
    let decimals = written.with_decimals().filter(|text| is_payable(text));
    // Next to the currency, the shop's own mails write a point between thousands.
    let is_as_in_mails = is_rupiah && written.separators == ['.'] && thousands.is_some();
    let decimals = decimals.filter(|_| !is_as_in_mails);
    let wrong = match written.separators.as_slice() {
        [] => "has a currency",
        ['.'] if is_as_in_mails => "has separators between thousands",
        ['.'] if written.last().len() == GROUP => "has three decimals",
        ['.'] if written.last().len() > DECIMALS => "has more than two decimals",
        ['.'] => "has a currency",
        [','] => "has a comma",
        _ => "has separators between thousands",
    };
    Some(match (thousands, decimals) {
        (Some(thousands), Some(decimals)) => {
            format!("{{field}} {wrong}: write {thousands} for thousands, or {decimals}")
        }
        (Some(thousands), None) if written.separators == ['.'] && !is_as_in_mails => {
            format!("{{field}} {wrong}: write {thousands} for thousands, or two decimals at most")
        }
        (Some(only), None) | (None, Some(only)) => format!("{{field}} {wrong}: write {only}"),
        (None, None) => return None,
    })
}

fn is_payable(text: &str) -> bool {
    typed_minor_units(text).and_then(Money::from_minor).is_some_and(|money| money > Money::ZERO)
}

/// Removes a currency before or after the text and the dash that stands for no decimals. Also returns whether it removed
/// any.
fn without_currency(text: &str) -> (&str, bool) {
    let mut rest = text;
    for name in ["rp.", "rp", "idr"] {
        if let Some(head) = rest.get(..name.len())
            && head.eq_ignore_ascii_case(name)
        {
            rest = rest.get(name.len()..).unwrap_or_default().trim_start();
            break;
        }
    }
    for name in [",--", ",-", ".-", "idr", "rp"] {
        if let Some(at) = rest.len().checked_sub(name.len())
            && rest.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(name))
        {
            rest = rest.get(..at).unwrap_or_default().trim_end();
            break;
        }
    }
    (rest, rest.len() != text.len())
}

/// Groups of digits and the separators between them.
struct Written<'a> {
    groups: Vec<&'a str>,
    separators: Vec<char>,
}

impl<'a> Written<'a> {
    /// Parses digits with single separators between them.
    fn read(text: &'a str) -> Option<Self> {
        let is_separator =
            |c: char| matches!(c, '.' | ',' | ' ' | '\u{A0}' | '\u{202F}' | '\u{2009}' | '\'' | '\u{2019}' | '_');
        let groups: Vec<_> = text.split(is_separator).collect();
        let is_group = |group: &&str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
        let separators = text.chars().filter(|c| is_separator(*c)).collect();
        (text.len() <= MAX && groups.iter().all(is_group)).then_some(Self { groups, separators })
    }

    fn last(&self) -> &'a str {
        self.groups.last().copied().unwrap_or_default()
    }

    /// Returns the amount if every separator is one of thousands.
    fn in_thousands(&self) -> Option<String> {
        are_thousands(&self.groups, &self.separators).then(|| self.groups.concat())
    }

    /// Returns the amount if the last separator is the decimal one: a point or a comma that occurs only there.
    fn with_decimals(&self) -> Option<String> {
        let (separator, between) = self.separators.split_last()?;
        let (last, whole) = self.groups.split_last()?;
        let is_whole = whole.len() == 1 || are_thousands(whole, between);
        if !matches!(separator, '.' | ',') || between.contains(separator) || !is_whole {
            return None;
        }
        let (decimals, beyond) = last.split_at_checked(DECIMALS).unwrap_or((last, ""));
        beyond.bytes().all(|byte| byte == b'0').then(|| format!("{}.{decimals}", whole.concat()))
    }
}

/// Whether all groups have three digits, the first one to three without a leading zero, with the same separator throughout.
fn are_thousands(groups: &[&str], separators: &[char]) -> bool {
    let Some((first, others)) = groups.split_first() else { return false };
    (first.len() <= GROUP || others.is_empty())
        && !first.starts_with('0')
        && others.iter().all(|group| group.len() == GROUP)
        && separators.windows(2).all(|pair| matches!(pair, [one, other] if one == other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_write_is_told_the_right_way() {
        for (raw, told) in [
            ("425.000", "{field} has three decimals: write 425000 for thousands, or 425.00"),
            ("10.000", "{field} has three decimals: write 10000 for thousands, or 10.00"),
            ("10.500", "{field} has three decimals: write 10500 for thousands, or 10.50"),
            ("10.501", "{field} has three decimals: write 10501 for thousands, or two decimals at most"),
            ("1234.500", "{field} has three decimals: write 1234.50"),
            ("0.500", "{field} has three decimals: write 0.50"),
            ("10.50000", "{field} has more than two decimals: write 10.50"),
            ("10.0000", "{field} has more than two decimals: write 10.00"),
            ("425,000", "{field} has a comma: write 425000 for thousands, or 425.00"),
            ("425,50", "{field} has a comma: write 425.50"),
            ("425,5", "{field} has a comma: write 425.5"),
            (" Rp 425.000 ", "{field} has separators between thousands: write 425000"),
            ("Rp425000", "{field} has a currency: write 425000"),
            ("rp. 12.50", "{field} has a currency: write 12.50"),
            ("IDR 1.250.000", "{field} has separators between thousands: write 1250000"),
            ("425.000,-", "{field} has separators between thousands: write 425000"),
            ("425000 IDR", "{field} has a currency: write 425000"),
            ("1.250.000", "{field} has separators between thousands: write 1250000"),
            ("1,250,000.50", "{field} has separators between thousands: write 1250000.50"),
            ("1.250.000,5", "{field} has separators between thousands: write 1250000.5"),
            ("1 250 000", "{field} has separators between thousands: write 1250000"),
            ("1\u{A0}250", "{field} has separators between thousands: write 1250"),
        ] {
            assert_eq!(advice(raw).as_deref(), Some(told), "{raw:?}");
        }
    }

    #[test]
    fn where_nothing_can_be_meant_nothing_is_advised() {
        for raw in [
            "",
            "abc",
            "Rp",
            "1e3",
            "-425.000",
            "0.000",
            "0.001",
            "12.3456",
            "1.2.3",
            "1,2345,678",
            "1.250,000.5",
            "12.34.567",
            "1..5",
            "5.",
            ".5",
            "1.000.000.000.000.000",
            "99999999999999.000",
            "€ 5",
            "$1,000",
            "١٢٣.٠٠٠",
            &"1,".repeat(50),
        ] {
            assert_eq!(advice(raw), None, "{raw:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_advised_is_taken(raw in prop_oneof!["(Rp ?)?[0-9]{1,4}([., '][0-9]{1,5}){0,4}(,-)?", any::<String>()]) {
            if let Some(told) = advice(&raw) {
                let (_, written) = told.split_once("write ").unwrap();
                for word in written.split([' ', ',']).filter(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
                    prop_assert!(Money::parse(word).is_ok(), "{}: {}", raw, told);
                }
            }
        }

        #[test]
        fn grouped_thousands_are_known(whole in 1_000_u64..9_999_999_999_999, separator in "[., ']") {
            let digits = whole.to_string();
            let (head, tail) = digits.split_at((digits.len() - 1) % 3 + 1);
            let groups: Vec<_> = tail.as_bytes().chunks(3).map(|group| std::str::from_utf8(group).unwrap()).collect();
            let raw = format!("{head}{separator}{}", groups.join(&separator));
            prop_assert!(Money::parse(&raw).is_err());
            let told = advice(&raw).unwrap();
            prop_assert!(told.contains(&format!("write {digits}")), "{}: {}", raw, told);
        }
    }
}
