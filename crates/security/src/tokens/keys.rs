//! The keys that tokens are signed with, and their rotation.

use super::secret::{WeakSecret, check_secret};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::fmt;

/// The media type that tells access tokens from other tokens (RFC 9068 §2.1).
const TYPE: &str = "at+jwt";

/// The longest key id, in characters.
const MAX_KID: usize = 64;

/// Where a key stands in its life. Tokens signed with it are accepted in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Known, so that tokens signed elsewhere with it are accepted; not signed with yet.
    Next,
    /// Signed with.
    Current,
    /// Not signed with any more; kept until the last token signed with it has expired.
    Retired,
}

/// A key as settings name it. Tokens carry its id, whatever else changes.
#[derive(Clone, Debug)]
pub struct Key {
    /// Names the key in tokens (`kid`): 1 to 64 of `A-Za-z0-9_-`.
    pub id: String,
    pub state: KeyState,
    /// The secret, whose bytes are used as they are.
    pub secret: SecretString,
}

/// Why keys cannot be used. Names the key, never its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidKeys {
    /// A key's id is not 1 to 64 of `A-Za-z0-9_-`.
    Id(String),
    /// Two keys have this id.
    Duplicate(String),
    /// The secret of the key with this id can be guessed.
    Weak(String, WeakSecret),
    /// Not exactly one key is current, but this many.
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

/// A key in the form that checks tokens.
pub(super) struct VerifyingKey {
    verifying: DecodingKey,
    header: Header,
    /// How our own tokens under this key begin, so that their header needs no reading.
    prefix: String,
}

impl VerifyingKey {
    pub(super) const fn verifying(&self) -> &DecodingKey {
        &self.verifying
    }

    /// The one header that a token under this key has.
    pub(super) const fn header(&self) -> &Header {
        &self.header
    }
}

/// All keys of one moment: the one to sign with, and those to accept.
pub struct KeySet {
    signing: (Header, EncodingKey),
    verifying: HashMap<String, VerifyingKey>,
}

impl KeySet {
    /// Keys of which exactly one is current.
    ///
    /// # Errors
    /// What is wrong with them.
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

    /// The key of this id. An id is looked up here and nowhere else: it is no path, address or query.
    pub(super) fn find(&self, id: &str) -> Option<&VerifyingKey> {
        is_key_id(id).then(|| self.verifying.get(id)).flatten()
    }

    /// The key that a token names, and its id, where the token's header is to the letter the one that we write.
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

/// How all tokens with this header begin: with it, encoded, and a dot.
fn prefix(header: &Header, key: &EncodingKey) -> String {
    let token = jsonwebtoken::encode(header, &serde_json::Map::new(), key).unwrap_or_default();
    // Without a header to compare with, nothing may seem to have it: no token begins with a line break.
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
