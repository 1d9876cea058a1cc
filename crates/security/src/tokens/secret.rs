//! The strength of signing secrets.

use std::collections::HashSet;
use std::fmt;

/// The minimum length in bytes: that of the hash (RFC 7518 §3.2).
const MIN_BYTES: usize = 32;

/// The minimum number of different bytes; 32 random ones have twenty and more.
const MIN_DISTINCT: usize = 8;

/// Placeholders in examples, in lower case without separators.
const PLACEHOLDERS: [&str; 13] = [
    "changeit",
    "changeme",
    "changethis",
    "examplesecret",
    "mysecret",
    "placeholder",
    "replaceme",
    "replacethis",
    "secretkeyhere",
    "secretsecret",
    "supersecret",
    "topsecret",
    "yoursecret",
];

/// Placeholders that a good secret may contain by chance: refused only if the secret has nothing else.
const BARE_PLACEHOLDERS: [&str; 6] = ["default", "jwtsecret", "password", "secret", "test", "your256bitsecret"];

/// Why a secret is refused. The text completes a sentence about it and does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeakSecret {
    /// It is a placeholder.
    Placeholder,
    /// It has this many bytes, which is too few.
    TooShort(usize),
    /// It has this many different bytes, which is too few.
    TooUniform(usize),
}

impl fmt::Display for WeakSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Placeholder => f.write_str("is a placeholder that everybody knows"),
            Self::TooShort(bytes) => write!(f, "has {bytes} bytes, which is fewer than {MIN_BYTES}"),
            Self::TooUniform(distinct) => {
                write!(f, "has {distinct} different bytes, which is fewer than {MIN_DISTINCT}")
            }
        }
    }
}

impl std::error::Error for WeakSecret {}

/// Checks the strength of a secret.
///
/// # Errors
/// If the secret is weak.
pub fn check_secret(secret: &[u8]) -> Result<(), WeakSecret> {
    let distinct = secret.iter().collect::<HashSet<_>>().len();
    if is_placeholder(secret) {
        Err(WeakSecret::Placeholder)
    } else if secret.len() < MIN_BYTES {
        Err(WeakSecret::TooShort(secret.len()))
    } else if distinct < MIN_DISTINCT {
        Err(WeakSecret::TooUniform(distinct))
    } else {
        Ok(())
    }
}

fn is_placeholder(secret: &[u8]) -> bool {
    let text: String = String::from_utf8_lossy(secret)
        .chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    BARE_PLACEHOLDERS.contains(&text.as_str()) || PLACEHOLDERS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_variety_are_bounded_below() {
        assert_eq!(check_secret(b""), Err(WeakSecret::TooShort(0)));
        assert_eq!(check_secret(b"0123456789abcdef0123456789abcde"), Err(WeakSecret::TooShort(31)));
        assert_eq!(check_secret(b"0123456789abcdef0123456789abcdef"), Ok(()));
        assert_eq!(check_secret(&[7; 64]), Err(WeakSecret::TooUniform(1)));
        assert_eq!(check_secret(&b"abcdefg".repeat(8)), Err(WeakSecret::TooUniform(7)));
        assert_eq!(check_secret(&b"abcdefgh".repeat(4)), Ok(()));
        assert_eq!(check_secret(&(0xe0..=0xff).collect::<Vec<u8>>()), Ok(()));
    }

    #[test]
    fn placeholders_are_refused_in_any_dress() {
        for secret in [
            "secret",
            "Secret ",
            "changeme",
            "CHANGE-ME-to-32-random-bytes-please",
            "your-256-bit-secret",
            "your_secret_key_of_at_least_32_bytes",
            "<replace this with a secret of your own>",
            "supersecretkeythatnobodywillguess123",
        ] {
            assert_eq!(check_secret(secret.as_bytes()), Err(WeakSecret::Placeholder), "{secret}");
        }
    }
}
