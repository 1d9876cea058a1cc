//! Passwords: chosen, typed and hashed.

use crate::error::{Reason, ViolationCode};
use crate::text::nfc;
use crate::user::{Email, Name};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

/// The longest password, in bytes: bcrypt ignores all bytes after that.
pub const MAX_PASSWORD_BYTES: usize = 72;

/// The shortest e-mail or name, in characters, that a password must not repeat.
const MIN_PERSONAL: usize = 4;

/// The most common passwords in lower case: see `data/README.md`.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../data/common-passwords.txt").lines().collect());

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest characters (Unicode code points).
    pub min_length: usize,
    /// Whether to refuse the most common passwords and the owner's own name or e-mail.
    pub reject_common: bool,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { min_length: 8, reject_common: false }
    }
}

/// Returns the spelling of a password that is hashed: every space becomes U+0020, and the text is normalised to NFC, because
/// keyboards differ in what they send for the same key. The text is neither trimmed nor changed in case.
///
/// These are the mappings of the profile `OpaqueString` (RFC 8265 §4.2.2). Characters that the profile also forbids, such as
/// joined emoji and newer ones than a program's tables, are accepted: existing passwords have them.
pub fn prepared(raw: &str) -> Cow<'_, str> {
    if raw.chars().any(is_other_space) {
        let spaced: String = raw.chars().map(|c| if is_other_space(c) { ' ' } else { c }).collect();
        Cow::Owned(nfc(&spaced).into_owned())
    } else {
        nfc(raw)
    }
}

/// Whether a character is a space (`Zs`) outside ASCII.
fn is_other_space(character: char) -> bool {
    !character.is_ascii()
        && character.is_whitespace()
        && !character.is_control()
        && !matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether bcrypt reads the whole text. It stops after 72 bytes and at a NUL, so a longer text would match the password that
/// it starts with.
#[must_use]
pub fn is_distinguishable(text: &str) -> bool {
    text.len() <= MAX_PASSWORD_BYTES && !text.contains('\0')
}

/// A chosen password that passed the rules, in its [`prepared`] spelling.
pub struct Password(SecretString);

impl Password {
    /// Checks a chosen password. The limits apply to the spelling that is hashed.
    ///
    /// # Errors
    /// If the password is empty, too short, too long for bcrypt, has a NUL, or is common.
    pub fn choose(raw: &str, rules: PasswordRules) -> Result<Self, Reason> {
        let password = prepared(raw);
        if password.is_empty() {
            Err(Reason::empty())
        } else if password.chars().count() < rules.min_length {
            let message = format!("minimum length for field {{field}} is {} characters", rules.min_length);
            Err(Reason::new(ViolationCode::TooShort, message))
        } else if password.len() > MAX_PASSWORD_BYTES {
            Err(Reason::new(ViolationCode::TooLong, "maximum length for field {field} is 72 bytes"))
        } else if password.contains('\0') {
            Err(Reason::new(ViolationCode::InvalidCharacter, "field {field} contains a NUL character"))
        } else if rules.reject_common && is_common(&password) {
            Err(Self::too_common())
        } else {
            Ok(Self(password.into_owned().into()))
        }
    }

    /// Refuses a password that repeats public data of its owner.
    ///
    /// # Errors
    /// If the password is the owner's name, e-mail address, or the part before the `@`.
    pub fn unlike(self, name: &Name, email: &Email, rules: PasswordRules) -> Result<Self, Reason> {
        let password = self.0.expose_secret().to_lowercase();
        let local = email.key().rsplit_once('@').map_or("", |(local, _)| local);
        let repeats = [&prepared(name.as_str()).to_lowercase(), email.key(), local]
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

/// A password as typed at a log-in, unchecked.
pub struct PasswordAttempt {
    prepared: SecretString,
    typed: Option<SecretString>,
}

impl PasswordAttempt {
    /// Reads a typed password.
    ///
    /// # Errors
    /// If the password is empty.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        if raw.is_empty() {
            return Err(Reason::empty());
        }
        let prepared = prepared(raw);
        let typed = (prepared != raw).then(|| raw.into());
        Ok(Self { prepared: prepared.into_owned().into(), typed })
    }

    /// The spellings to check, for the hasher alone: the prepared one, then the typed one if it differs, because older
    /// hashes were made of that. Their number depends only on how the password was typed, so the hasher computes as many
    /// hashes for an unknown account.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        [Some(&self.prepared), self.typed.as_ref()].into_iter().flatten().map(|text| text.expose_secret())
    }

    /// The spelling that a new hash is made of.
    #[must_use]
    pub fn prepared(&self) -> &str {
        self.prepared.expose_secret()
    }
}

impl From<Password> for PasswordAttempt {
    fn from(Password(prepared): Password) -> Self {
        Self { prepared, typed: None }
    }
}

/// A stored password hash in bcrypt's format.
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
    fn what_bcrypt_would_cut_is_told_apart() {
        assert!(is_distinguishable(&"x".repeat(72)));
        assert!(!is_distinguishable(&"x".repeat(73)));
        assert!(!is_distinguishable("a\0a"));
    }

    fn spellings(raw: &str) -> Vec<String> {
        PasswordAttempt::parse(raw).unwrap().spellings().map(str::to_owned).collect()
    }

    #[test]
    fn a_password_is_composed_and_spaced_alike_and_else_left_as_it_is() {
        assert_eq!(spellings("cafe\u{0301} noir"), ["caf\u{00E9} noir", "cafe\u{0301} noir"]);
        assert_eq!(spellings("caf\u{00E9} noir"), ["caf\u{00E9} noir"]);
        assert_eq!(spellings("a\u{00A0}b\u{3000}c"), ["a b c", "a\u{00A0}b\u{3000}c"]);
        for as_it_is in [" Ada\t", "ﬁn", "ＡＢＣ", "👩\u{200D}👧", "\u{2028}\u{85}\u{200B}", "CAFÉ"] {
            assert_eq!(spellings(as_it_is), [as_it_is], "{as_it_is:?}");
        }
        assert_eq!(PasswordAttempt::parse("").err().unwrap().code(), ViolationCode::Empty);
    }

    #[test]
    fn lengths_are_those_of_what_is_hashed() {
        let rules = PasswordRules::default();
        assert_eq!(choose(&"e\u{0301}".repeat(4), rules), Err(ViolationCode::TooShort));
        assert_eq!(choose(&"e\u{0301}".repeat(36), rules), Ok(()));
        assert_eq!(choose(&"e\u{0301}".repeat(37), rules), Err(ViolationCode::TooLong));
        assert_eq!(choose(&"\u{0958}".repeat(13), rules), Err(ViolationCode::TooLong), "of 39 bytes that become 78");
        assert_eq!(choose("pass\u{3000}word", STRICT), Ok(()));
        assert_eq!(choose("passwo\u{FF52}d1", STRICT), Ok(()), "widths are kept");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn whatever_may_be_chosen_can_be_typed(raw in any::<String>()) {
            if let Ok(password) = Password::choose(&raw, STRICT) {
                let chosen = PasswordAttempt::from(password);
                let typed = PasswordAttempt::parse(&raw).unwrap();
                prop_assert!(is_distinguishable(chosen.prepared()));
                prop_assert_eq!(typed.prepared(), chosen.prepared());
                prop_assert_eq!(prepared(typed.prepared()), typed.prepared(), "what is prepared stays as it is");
            }
        }

        #[test]
        fn any_text_may_be_typed(raw in any::<String>()) {
            if let Ok(attempt) = PasswordAttempt::parse(&raw) {
                let spellings: Vec<_> = attempt.spellings().collect();
                prop_assert_eq!(*spellings.last().unwrap(), raw.as_str());
                prop_assert_eq!(spellings.len(), 1 + usize::from(attempt.prepared() != raw));
            }
        }
    }
}
