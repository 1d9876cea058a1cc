//! Signing keys and their rotation.

use super::secret::{WeakSecret, check_secret};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::fmt;

/// The media type that tells access tokens from other tokens (RFC 9068 §2.1).
const TYPE: &str = "at+jwt";

/// The longest key id, in characters.
const MAX_KID: usize = 64;

/// The state of a key. Tokens signed with it are accepted in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Other servers may sign with it; this one does not yet.
    Next,
    /// New tokens are signed with it.
    Current,
    /// No longer used for signing; kept until the last token signed with it has expired.
    Retired,
}

#[derive(Clone, Debug)]
pub struct Key {
    /// The key id in tokens (`kid`): 1 to 64 of `A-Za-z0-9_-`.
    pub id: String,
    pub state: KeyState,
    /// The secret, whose bytes are used as they are.
    pub secret: SecretString,
}

/// Why keys are invalid. The text has the key's id, never its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidKeys {
    /// A key's id is not 1 to 64 of `A-Za-z0-9_-`.
    Id(String),
    /// Two keys have this id.
    Duplicate(String),
    /// The secret of the key with this id is weak.
    Weak(String, WeakSecret),
    /// This many keys are current instead of one.
    Current(usize),
}

impl fmt::Display for InvalidKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "key id {id:?} is not 1 to {MAX_KID} of A-Z, a-z, 0-9, _ and -"),
            Self::Duplicate(id) => write!(f, "two keys have the id {id:?}"),
            Self::Weak(id, weakness) => write!(f, "the secret of key {id:?} {weakness}"),
            Self::Current(count) => write!(f, "exactly one key must be current, not {count}"),
        }
    }
}

impl std::error::Error for InvalidKeys {}

/// A key prepared for verification.
pub(super) struct VerifyingKey {
    verifying: DecodingKey,
    header: Header,
    /// The encoded header of tokens under this key, so that it need not be parsed.
    prefix: String,
}

impl VerifyingKey {
    pub(super) const fn verifying(&self) -> &DecodingKey {
        &self.verifying
    }

    /// The header of tokens under this key.
    pub(super) const fn header(&self) -> &Header {
        &self.header
    }
}

/// The signing key and all accepted keys.
pub struct KeySet {
    signing: (Header, EncodingKey),
    verifying: HashMap<String, VerifyingKey>,
}

impl KeySet {
    /// Exactly one key must be current.
    ///
    /// # Errors
    /// If the keys are invalid.
    pub fn new(keys: &[Key]) -> Result<Self, InvalidKeys> {
        let mut verifying = HashMap::with_capacity(keys.len());
        for key in keys {
            let secret = key.secret.expose_secret().as_bytes();
            if !is_key_id(&key.id) {
                return Err(InvalidKeys::Id(key.id.clone()));
            }
            check_secret(secret).map_err(|weakness| InvalidKeys::Weak(key.id.clone(), weakness))?;
            let header = header(&key.id);
            let prefix = prefix(&header, &EncodingKey::from_secret(secret));
            let ready = VerifyingKey { verifying: DecodingKey::from_secret(secret), header, prefix };
            if verifying.insert(key.id.clone(), ready).is_some() {
                return Err(InvalidKeys::Duplicate(key.id.clone()));
            }
        }
        let current: Vec<_> = keys.iter().filter(|key| key.state == KeyState::Current).collect();
        match current.as_slice() {
            [key] => Ok(Self {
                signing: (header(&key.id), EncodingKey::from_secret(key.secret.expose_secret().as_bytes())),
                verifying,
            }),
            others => Err(InvalidKeys::Current(others.len())),
        }
    }

    pub(super) const fn signing(&self) -> (&Header, &EncodingKey) {
        (&self.signing.0, &self.signing.1)
    }

    /// Finds the key with this id. The id is used for this comparison only, never as a path, URL or query.
    pub(super) fn find(&self, id: &str) -> Option<&VerifyingKey> {
        is_key_id(id).then(|| self.verifying.get(id)).flatten()
    }

    /// Finds the key of a token whose encoded header equals the shop's own exactly.
    pub(super) fn find_by_header(&self, token: &str) -> Option<(&str, &VerifyingKey)> {
        let (id, key) = self.verifying.iter().find(|(_, key)| token.starts_with(&key.prefix))?;
        Some((id, key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.verifying.values()
    }
}

fn header(id: &str) -> Header {
    Header { typ: Some(TYPE.to_owned()), kid: Some(id.to_owned()), ..Header::new(Algorithm::HS256) }
}

/// The encoded header and a dot.
fn prefix(header: &Header, key: &EncodingKey) -> String {
    let token = jsonwebtoken::encode(header, &serde_json::Map::new(), key).unwrap_or_default();
    // If encoding fails, the prefix must match no token: no token begins with a line break.
    token.split_once('.').map_or_else(|| "\n".to_owned(), |(header, _)| format!("{header}."))
}

fn is_key_id(id: &str) -> bool {
    (1..=MAX_KID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, state: KeyState) -> Key {
        Key { id: id.to_owned(), state, secret: "correct-horse-battery-staple-2026".into() }
    }

    fn invalid(keys: &[Key]) -> InvalidKeys {
        KeySet::new(keys).err().unwrap()
    }

    #[test]
    fn exactly_one_key_is_current() {
        let (one, two) = (key("one", KeyState::Current), key("two", KeyState::Current));
        assert_eq!(invalid(&[]), InvalidKeys::Current(0));
        assert_eq!(invalid(&[key("one", KeyState::Next)]), InvalidKeys::Current(0));
        assert_eq!(invalid(&[one.clone(), two]), InvalidKeys::Current(2));
        assert!(KeySet::new(&[key("old", KeyState::Retired), one]).is_ok());
    }

    #[test]
    fn ids_are_harmless_and_unique() {
        let long = "k".repeat(65);
        for id in ["", "a b", "../key", "é", &long] {
            assert_eq!(invalid(&[key(id, KeyState::Current)]), InvalidKeys::Id(id.to_owned()));
        }
        assert!(KeySet::new(&[key(&"k".repeat(64), KeyState::Current)]).is_ok());
        let twins = [key("one", KeyState::Current), key("one", KeyState::Retired)];
        assert_eq!(invalid(&twins), InvalidKeys::Duplicate("one".to_owned()));
    }

    #[test]
    fn a_weak_secret_is_named_and_not_shown() {
        let weak = Key { secret: "hunter2".into(), ..key("one", KeyState::Current) };
        let text = invalid(&[weak]).to_string();
        assert_eq!(text, "the secret of key \"one\" has 7 bytes, which is fewer than 32");
    }
}
