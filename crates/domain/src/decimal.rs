//! Decimal numbers and their canonical spelling.

/// The maximum number of digits before the point, and of zeros directly after it: more than any amount or count needs.
const MOST_PLACES: i64 = 40;
/// The maximum number of significant digits.
const MOST_DIGITS: usize = 80;

/// Returns the canonical spelling of a JSON number (RFC 8259 §6): without an exponent and without insignificant zeros.
/// `1E+3` is `1000`, `10.50` is `10.5`, `1.0` is `1`, `-0.0` is `0`. No digit is rounded.
///
/// Returns `None` if the text is not a JSON number, or if its spelling would exceed the limits above. The function checks
/// the exponent before it writes zeros, so a short text cannot cost much memory.
#[must_use]
pub fn plain(number: &str) -> Option<String> {
    let (sign, unsigned) = number.strip_prefix('-').map_or(("", number), |unsigned| ("-", unsigned));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let exponent = signed(exponent)?;
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let leading = i64::try_from(digits.len() - significant.len()).ok()?;
    let significant = significant.trim_end_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    // The number of significant digits before the point.
    let before = i64::try_from(whole.len()).ok()?.checked_sub(leading)?.checked_add(exponent)?;
    if !(-MOST_PLACES..=MOST_PLACES).contains(&before) || significant.len() > MOST_DIGITS {
        return None;
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let length = i64::try_from(significant.len()).ok()?;
    Some(match usize::try_from(before).ok().and_then(|before| significant.split_at_checked(before)) {
        Some(("", fraction)) => format!("{sign}0.{fraction}"),
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
        None if before < 0 => format!("{sign}0.{}{significant}", zeros(-before)),
        None => format!("{sign}{significant}{}", zeros(before - length)),
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads an exponent. An exponent that overflows becomes the largest one: both exceed the limits.
fn signed(exponent: &str) -> Option<i64> {
    let (is_negative, digits) = match exponent.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    let size = is_digits(digits).then(|| digits.parse().unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX)))?;
    Some(if is_negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_has_one_plain_spelling() {
        for (written, spelled) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.000", "0"),
            ("-0.0e5", "0"),
            ("0e999999999", "0"),
            ("0E-99999999999999999999999", "0"),
            ("7", "7"),
            ("1000", "1000"),
            ("1E+3", "1000"),
            ("1e3", "1000"),
            ("1.0", "1"),
            ("1e0", "1"),
            ("10e-1", "1"),
            ("0.1e1", "1"),
            ("1.5e1", "15"),
            ("1e-2", "0.01"),
            ("12e-1", "1.2"),
            ("12e-2", "0.12"),
            ("0.012", "0.012"),
            ("10.50000", "10.5"),
            ("425.000", "425"),
            ("1200.00", "1200"),
            ("-1.50E1", "-15"),
            ("9999999999999.99", "9999999999999.99"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("99999999999999999999", "99999999999999999999"),
            ("1.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000", "1"),
            ("1e39", "1000000000000000000000000000000000000000"),
        ] {
            assert_eq!(plain(written).as_deref(), Some(spelled), "{written}");
        }
    }

    #[test]
    fn an_exponent_that_leads_too_far_is_not_followed() {
        let long = format!("1{}", "0".repeat(60_000));
        let fine = format!("0.{}1", "0".repeat(60_000));
        for far in ["1e999999999", "1e-999999999", "1e40", "1e-42", "1e99999999999999999999999999", &long, &fine] {
            assert_eq!(plain(far), None, "{}", far.get(..40).unwrap_or(far));
        }
        assert_eq!(plain(&format!("{fine}e60001")).as_deref(), Some("1"), "what is written out may be long");
    }

    #[test]
    fn what_is_no_number_has_no_spelling() {
        for text in
            ["", "-", "+1", "1e", "1e+", "e1", ".5", "5.", "1.e1", "--1", "1e1.5", "NaN", "0x1", "1 ", "١", "1,0"]
        {
            assert_eq!(plain(text), None, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Compares whole numbers: the digits, and by how many places the point is to be moved.
        #[test]
        fn the_spelling_is_the_same_number(digits in 0..10_i128.pow(13), decimals in 0_usize..6, exponent in -8_i32..9) {
            let padded = format!("{digits:0>width$}", width = decimals + 1);
            let (whole, fraction) = padded.split_at(padded.len() - decimals);
            let point = if decimals == 0 { "" } else { "." };
            let spelled = plain(&format!("{whole}{point}{fraction}e{exponent}")).unwrap();
            let (whole, fraction) = spelled.split_once('.').unwrap_or((&spelled, ""));
            prop_assert!(fraction.is_empty() || !fraction.ends_with('0'), "{}", spelled);
            prop_assert!(whole == "0" || !whole.starts_with('0'), "{}", spelled);
            // Compare both in units of 10^-14, which is finer than either.
            let scaled = |number: i128, places: i64| number * 10_i128.pow(u32::try_from(14 + places).unwrap());
            let sent = i64::from(exponent) - i64::try_from(decimals).unwrap();
            let read: i128 = format!("{whole}{fraction}").parse().unwrap();
            prop_assert_eq!(scaled(read, -i64::try_from(fraction.len()).unwrap()), scaled(digits, sent));
        }

        #[test]
        fn a_plain_spelling_is_its_own(number in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
            if let Some(spelled) = plain(&number) {
                prop_assert!(spelled.len() < 200 && !spelled.contains(['e', 'E']), "{}", spelled);
                prop_assert_eq!(plain(&spelled), Some(spelled));
            }
        }

        #[test]
        fn any_text_is_spelled_or_refused(text in "\\PC{0,40}|[0-9eE.+-]{0,40}") {
            let _ = plain(&text);
        }
    }
}
