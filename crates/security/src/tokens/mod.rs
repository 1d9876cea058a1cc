//! Access tokens: JSON Web Tokens signed with HMAC-SHA-256 (RFC 7519, RFC 9068), as RFC 8725 advises.
//!
//! A token does not choose how it is checked: `kid` selects one of the configured keys, and the rest of the header must
//! equal the shop's own. This module checks times against the [`Clock`] port, because the library asks the operating system
//! and ignores `iat`.

mod claims;
mod keys;
mod secret;
#[cfg(test)]
mod tests;

pub use keys::{InvalidKeys, Key, KeySet, KeyState};
pub use secret::{WeakSecret, check_secret};

use app::access::{TokenRefused, TokenVerifier};
use app::clock::Clock;
use app::user::{AccessToken, TokenIssuer};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use claims::{Claims, LegacyClaims, Moment};
use domain::actor::Identity;
use domain::error::Error;
use domain::user::{Role, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, Header, crypto, decode_header, encode};
use keys::VerifyingKey;
use serde::Deserialize;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The claims of tokens, and which tokens are accepted.
#[derive(Clone, Debug)]
pub struct Options {
    /// The issuer (`iss`).
    pub issuer: String,
    /// The audience (`aud`).
    pub audience: String,
    pub lifetime: Duration,
    /// Whether to accept tokens of the Go system, which have no issuer, audience or key id, while it is being replaced.
    pub accept_legacy: bool,
}

pub struct Jwt {
    options: Options,
    keys: RwLock<Arc<KeySet>>,
    clock: Arc<dyn Clock>,
}

impl Jwt {
    pub fn new(options: Options, keys: KeySet, clock: Arc<dyn Clock>) -> Self {
        Self { options, keys: RwLock::new(Arc::new(keys)), clock }
    }

    /// Replaces the keys for later calls. To refuse no valid token, a key must be `next` on every server before it becomes
    /// `current` on one, and stay `retired` for a token's lifetime.
    pub fn replace_keys(&self, keys: KeySet) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn verify_own(&self, token: &str, header: &Header, now: Moment) -> Result<Identity, TokenRefused> {
        let kid = header.kid.as_deref().ok_or_else(|| refused("no key named"))?;
        let keys = self.keys();
        let key = keys.find(kid).ok_or_else(|| refused("unknown key"))?;
        if *header != *key.header() {
            return Err(refused("a header that is not ours"));
        }
        self.verify_under(kid, key, token, now)
    }

    fn verify_under(&self, kid: &str, key: &VerifyingKey, token: &str, now: Moment) -> Result<Identity, TokenRefused> {
        let claims = open(token, key.verifying())?;
        let claims: Claims<'_> = read(&claims)?;
        claims.check(&self.options, now).map_err(|reason| refused(format!("{reason} (key {kid})")))?;
        identity(&claims.id, &claims.role)
    }

    /// Checks a token of the Go system, which has no key id, against all keys.
    fn verify_legacy(&self, token: &str, now: Moment) -> Result<Identity, TokenRefused> {
        let keys = self.keys();
        let mut outcome = Err(refused("no key"));
        for key in keys.iter() {
            outcome = open(token, key.verifying());
            if outcome.is_ok() {
                break;
            }
        }
        let claims: LegacyClaims = read(&outcome?)?;
        claims.check(now).map_err(|reason| refused(format!("{reason} (legacy)")))?;
        identity(&claims.id, &claims.role)
    }
}

impl TokenIssuer for Jwt {
    fn issue(&self, id: UserId, role: Role, now: DateTime<Utc>) -> Result<AccessToken, Error> {
        let keys = self.keys();
        let claims = Claims::new(id, role, &self.options, Moment::of(now));
        let (header, key) = keys.signing();
        encode(header, &claims, key).map(AccessToken::new).map_err(Error::internal)
    }
}

impl TokenVerifier for Jwt {
    fn verify(&self, token: &str) -> Result<Identity, TokenRefused> {
        let (keys, now) = (self.keys(), Moment::of(self.clock.now()));
        if let Some((kid, key)) = keys.find_by_header(token) {
            return self.verify_under(kid, key, token, now);
        }
        let header = decode_header(token).map_err(|_| refused("malformed header"))?;
        if self.options.accept_legacy && header == Header::new(Algorithm::HS256) {
            self.verify_legacy(token, now)
        } else {
            self.verify_own(token, &header, now)
        }
    }
}

/// Checks a token's signature and returns its claims as JSON. The caller has checked the header.
///
/// The library's `decode` would parse the header twice more and the claims once more.
fn open(token: &str, key: &DecodingKey) -> Result<Vec<u8>, TokenRefused> {
    let malformed = || refused("malformed");
    let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
    let (_header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let is_genuine = crypto::verify(signature, signed.as_bytes(), key, Algorithm::HS256).map_err(|_| malformed())?;
    if !is_genuine {
        return Err(refused("wrong signature"));
    }
    URL_SAFE_NO_PAD.decode(claims).map_err(|_| malformed())
}

fn read<'a, C: Deserialize<'a>>(claims: &'a [u8]) -> Result<C, TokenRefused> {
    // The parser's error may quote the token.
    serde_json::from_slice(claims).map_err(|_| refused("claims that are not ours"))
}

fn identity(id: &str, role: &str) -> Result<Identity, TokenRefused> {
    Ok(Identity {
        id: id.parse().map_err(|_| refused("an id that is no UUID"))?,
        role: Role::parse(role).map_err(|_| refused("a role that does not exist"))?,
    })
}

fn refused(reason: impl Into<String>) -> TokenRefused {
    TokenRefused(reason.into())
}
