//! Draws payment codes.

use app::payment::PaymentCodes;
use domain::payment::PaymentCode;
use uuid::Uuid;

/// The random bits of a UUID's lower half (RFC 9562 §5.4: the upper two are the variant).
const RANDOM: u64 = u64::MAX >> 2;

/// Codes from the operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomCodes;

impl PaymentCodes for RandomCodes {
    fn draw(&self) -> PaymentCode {
        loop {
            let number = Uuid::new_v4().as_u64_pair().1 & RANDOM;
            if let Some(code) = fair(number) {
                return code;
            }
        }
    }
}

/// Returns the code of a number; `None` for the last numbers, which would make some codes more likely.
fn fair(number: u64) -> Option<PaymentCode> {
    let whole_rounds = RANDOM / PaymentCode::COUNT * PaymentCode::COUNT;
    (number < whole_rounds).then(|| PaymentCode::of(number % PaymentCode::COUNT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn hardly_two_codes_are_alike() {
        let codes: HashSet<_> = (0..10_000).map(|_| RandomCodes.draw()).collect();
        assert!(codes.len() > 9_990, "{}", codes.len());
    }

    #[test]
    fn a_number_that_would_favour_a_code_is_drawn_again() {
        assert_eq!(fair(RANDOM), None);
        assert_eq!(fair(0), fair(PaymentCode::COUNT));
    }
}
