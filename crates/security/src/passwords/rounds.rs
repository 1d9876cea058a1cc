//! bcrypt's computation (Provos and Mazières, "A Future-Adaptable Password Scheme"), which gives way between two rounds. The
//! crate `bcrypt` does all rounds at one go; the tests compare every digest with its own.

use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use blowfish::Blowfish;
use secrecy::zeroize::Zeroize;

/// bcrypt's own alphabet, without padding.
pub(super) const BASE_64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);

/// How many bytes of a password count.
const MAX_KEY: usize = 72;

/// "OrpheanBeholderScryDoubt".
const TEXT: [[u32; 2]; 3] = [[0x4f72_7068, 0x6561_6e42], [0x6568_6f6c, 0x6465_7253], [0x6372_7944, 0x6f75_6274]];

/// How often each half of the text is encrypted.
const ENCRYPTIONS: usize = 64;

/// The digest that stands behind the salt in a stored hash: 31 characters for 23 bytes. Of a password, the first 72 bytes
/// count, with the NUL at its end.
pub(super) fn digest(password: &str, salt: &[u8; 16], cost: u32) -> String {
    let mut key: Vec<u8> = password.bytes().chain([0]).take(MAX_KEY).collect();
    let mut state = Blowfish::bc_init_state();
    state.salted_expand_key(salt, &key);
    for _ in 0..1_u64 << cost {
        state.bc_expand_key(&key);
        state.bc_expand_key(salt);
        executor::give_way();
    }
    key.zeroize();
    let mut bytes = [0; 24];
    for (block, bytes) in TEXT.into_iter().zip(bytes.chunks_exact_mut(8)) {
        let block = (0..ENCRYPTIONS).fold(block, |block, _| state.bc_encrypt(block));
        for (half, bytes) in block.into_iter().zip(bytes.chunks_exact_mut(4)) {
            bytes.copy_from_slice(&half.to_be_bytes());
        }
    }
    // The last byte is left out, as in the original.
    BASE_64.encode(bytes.get(..23).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn a_digest_is_that_of_the_crate_bcrypt(password in "[^\0]{0,80}", salt in any::<[u8; 16]>(), cost in 4_u32..6) {
            let theirs = bcrypt::hash_with_salt(&password, cost, salt).unwrap().to_string();
            let ours = format!("$2b${cost:02}${}{}", BASE_64.encode(salt), digest(&password, &salt, cost));
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn a_known_hash_of_another_implementation_is_made() {
        // From jBCrypt's tests.
        for (password, hash) in [
            ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
            ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
            ("abcdefghijklmnopqrstuvwxyz", "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz."),
        ] {
            let parts: bcrypt::HashParts = hash.parse().unwrap();
            assert_eq!(digest(password, &parts.get_salt_raw(), parts.get_cost()), hash[29..], "{password:?}");
        }
    }
}
