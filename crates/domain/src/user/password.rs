//! Passwords: what may be chosen, what was typed, and what is kept.

use crate::error::{Reason, ViolationCode};
use crate::user::{Email, Name};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

/// The longest password, in bytes: bcrypt reads no further, so anything longer would be cut without a word.
pub const MAX_PASSWORD_BYTES: usize = 72;

/// The shortest e-mail or name, in characters, that a password must not repeat.
const MIN_PERSONAL: usize = 4;

/// Passwords that are guessed first, in lower case: see `data/README.md`.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../data/common-passwords.txt").lines().collect());

/// Which passwords may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest characters (Unicode code points).
    pub min_length: usize,
    /// Whether to refuse passwords that are guessed first: the commonest, and the owner's own name or e-mail.
    pub reject_common: bool,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { min_length: 8, reject_common: false }
    }
}

/// A password that may be chosen. It is taken exactly as typed: no trimming, no change of case, no Unicode
/// normalisation (OWASP ASVS 6.2.8), since the hashes that the Go system left were made so.
pub struct Password(SecretString);

impl Password {
    /// Reads a chosen password.
    ///
    /// # Errors
    /// That it is empty, too short, too long for bcrypt, or holds a NUL, at which bcrypt would stop reading.
    pub fn choose(raw: &str, rules: PasswordRules) -> Result<Self, Reason> {
        if raw.is_empty() {
            Err(Reason::empty())
        } else if raw.chars().count() < rules.min_length {
            let message = format!("minimum length for field {{field}} is {} characters", rules.min_length);
            Err(Reason::new(ViolationCode::TooShort, message))
        } else if raw.len() > MAX_PASSWORD_BYTES {
            Err(Reason::new(ViolationCode::TooLong, "maximum length for field {field} is 72 bytes"))
        } else if raw.contains('\0') {
            Err(Reason::new(ViolationCode::InvalidCharacter, "field {field} contains a NUL character"))
        } else if rules.reject_common && is_common(raw) {
            Err(Self::too_common())
        } else {
            Ok(Self(raw.into()))
        }
    }

    /// Refuses a password that repeats what everybody knows of its owner.
    ///
    /// # Errors
    /// That it is the owner's name, e-mail address, or the part before the `@`.
    pub fn unlike(self, name: &Name, email: &Email, rules: PasswordRules) -> Result<Self, Reason> {
        let password = self.0.expose_secret().to_lowercase();
        let local = email.key().rsplit_once('@').map_or("", |(local, _)| local);
        let repeats = [&name.as_str().to_lowercase(), email.key(), local]
            .iter()
            .any(|known| known.chars().count() >= MIN_PERSONAL && password == **known);
        if rules.reject_common && repeats { Err(Self::too_common()) } else { Ok(self) }
    }

    fn too_common() -> Reason {
        Reason::new(ViolationCode::TooCommon, "field {field} is too easy to guess, choose another one")
    }
}

fn is_common(raw: &str) -> bool {
    let lower = raw.to_lowercase();
    lower == "gocommerce" || COMMON.contains(lower.as_str())
}

/// A password as typed at a log-in: nothing is known of it yet.
pub struct PasswordAttempt(SecretString);

impl PasswordAttempt {
    /// Reads a typed password.
    ///
    /// # Errors
    /// That it is empty.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        if raw.is_empty() { Err(Reason::empty()) } else { Ok(Self(raw.into())) }
    }

    /// Whether bcrypt can tell it from every other password. Past 72 bytes and at a NUL it stops reading, so that a
    /// longer text would pass for the password that it starts with.
    #[must_use]
    pub fn is_distinguishable(&self) -> bool {
        let raw = self.0.expose_secret();
        raw.len() <= MAX_PASSWORD_BYTES && !raw.contains('\0')
    }

    /// The text, for the hasher alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<Password> for PasswordAttempt {
    fn from(Password(secret): Password) -> Self {
        Self(secret)
    }
}

/// A password's hash as it is stored, in bcrypt's own format.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash that a hasher made or storage kept.
    pub fn new(hash: impl Into<String>) -> Self {
        Self(hash.into())
    }

    /// The hash, for the hasher and for storage.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STRICT: PasswordRules = PasswordRules { min_length: 8, reject_common: true };

    fn choose(raw: &str, rules: PasswordRules) -> Result<(), ViolationCode> {
        Password::choose(raw, rules).map(drop).map_err(|reason| reason.code())
    }

    #[test]
    fn length_is_counted_in_characters_below_and_in_bytes_above() {
        let rules = PasswordRules::default();
        assert_eq!(choose("1234567", rules), Err(ViolationCode::TooShort));
        assert_eq!(choose("12345678", rules), Ok(()));
        assert_eq!(choose(&"é".repeat(8), rules), Ok(()));
        assert_eq!(choose(&"é".repeat(7), rules), Err(ViolationCode::TooShort));
        assert_eq!(choose(&"x".repeat(72), rules), Ok(()));
        assert_eq!(choose(&"x".repeat(73), rules), Err(ViolationCode::TooLong));
        assert_eq!(choose(&"😀".repeat(19), rules), Err(ViolationCode::TooLong));
        assert_eq!(choose("abc\0defgh", rules), Err(ViolationCode::InvalidCharacter));
        assert_eq!(choose("", rules), Err(ViolationCode::Empty));
    }

    #[test]
    fn every_listed_password_is_refused_when_common_ones_are() {
        assert!(COMMON.len() >= 3_000);
        for common in COMMON.iter() {
            assert_eq!(choose(common, STRICT), Err(ViolationCode::TooCommon), "{common:?}");
        }
        assert_eq!(choose("PassWord123", STRICT), Err(ViolationCode::TooCommon));
        assert_eq!(choose("password123", PasswordRules::default()), Ok(()));
    }

    #[test]
    fn a_password_must_not_repeat_its_owner() {
        let (name, email) = (Name::parse("Ada Lovelace").unwrap(), Email::parse("countess@example.com").unwrap());
        for raw in ["ada lovelace", "COUNTESS", "countess@example.com"] {
            let password = Password::choose(raw, STRICT).unwrap();
            assert!(password.unlike(&name, &email, STRICT).is_err(), "{raw:?}");
        }
        let password = Password::choose("countess of nothing", STRICT).unwrap();
        assert!(password.unlike(&name, &email, STRICT).is_ok());
    }

    #[test]
    fn an_attempt_that_bcrypt_would_cut_is_told_apart() {
        assert!(PasswordAttempt::parse(&"x".repeat(72)).unwrap().is_distinguishable());
        assert!(!PasswordAttempt::parse(&"x".repeat(73)).unwrap().is_distinguishable());
        assert!(!PasswordAttempt::parse("a\0a").unwrap().is_distinguishable());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn whatever_may_be_chosen_can_be_typed(raw in any::<String>()) {
            if Password::choose(&raw, STRICT).is_ok() {
                prop_assert!(PasswordAttempt::parse(&raw).unwrap().is_distinguishable());
            }
        }
    }
}
