//! The signature of a notification (docs.midtrans.com, "Verifying notification authenticity"), for the receiver and for test
//! senders.

use app::payment::Signed;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha512};
use std::fmt::Write;
use subtle::ConstantTimeEq;

/// Returns the signature: the SHA-512 of the four texts in a row, in lower-case hexadecimal digits. The amount is signed in
/// the sent spelling, with two decimals.
pub fn sign(order: &str, status_code: &str, gross_amount: &str, key: &SecretString) -> String {
    let mut digest = Sha512::new();
    for part in [order, status_code, gross_amount, key.expose_secret()] {
        digest.update(part);
    }
    digest.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether a signature is valid, compared in constant time.
pub fn verify(signed: &Signed<'_>, key: &SecretString) -> bool {
    let right = sign(signed.order, signed.status_code, signed.gross_amount, key);
    right.as_bytes().ct_eq(signed.signature.to_ascii_lowercase().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_valid(signature: &str, order: &str, status_code: &str, gross_amount: &str, key: &SecretString) -> bool {
        verify(&Signed { order, status_code, gross_amount, signature }, key)
    }

    #[test]
    fn the_answers_that_are_known_come_out() {
        for (order, amount, key, signature) in [
            (
                "1111",
                "100000.00",
                "askvnoibnosifnboseofinbofinfgbiufglnbfg",
                "edc076b21793ebe3e17926350f5b8ae67d902fe657b3d0aa31b932d5c127e2375d308a2bc94f3265ac2d80a1f181a79b997ac178a236fcff35af263fc4d4c231",
            ),
            (
                "ORDER-101",
                "10000.00",
                "SB-Mid-server-TESTKEY",
                "855ed165b9bdac50b9e0012f45bafc9fc3c9812ea339f7763812b2b662772ebea51922aeaf7cc60a498575861cd476910d0476cb5adb9c601dd0f5fd8bf2adc9",
            ),
        ] {
            let key = SecretString::from(key);
            assert_eq!(sign(order, "200", amount, &key), signature);
            assert!(is_valid(signature, order, "200", amount, &key));
            assert!(is_valid(&signature.to_uppercase(), order, "200", amount, &key));
        }
    }

    proptest! {
        #[test]
        fn a_signature_is_right_for_what_was_signed_and_nothing_else(
            order in "[a-z0-9-]{1,40}",
            code in "[0-9]{3}",
            amount in "[0-9]{1,15}\\.[0-9]{2}",
            flip in 0..128_usize,
        ) {
            let larger = format!("1{amount}");
            let (key, other) = (SecretString::from("a-key"), SecretString::from("another-key"));
            let signature = sign(&order, &code, &amount, &key);
            prop_assert!(is_valid(&signature, &order, &code, &amount, &key));
            prop_assert!(!is_valid(&signature, &order, &code, &amount, &other));
            prop_assert!(!is_valid(&signature, &order, &code, &larger, &key));
            prop_assert!(!is_valid("", &order, &code, &amount, &key));
            prop_assert!(!is_valid(&signature[..flip], &order, &code, &amount, &key));
            let digit = if signature.as_bytes()[flip] == b'0' { "1" } else { "0" };
            let mut forged = signature;
            forged.replace_range(flip..=flip, digit);
            prop_assert!(!is_valid(&forged, &order, &code, &amount, &key));
        }
    }
}
