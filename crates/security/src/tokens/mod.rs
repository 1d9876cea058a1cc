//! Access tokens: JSON Web Tokens signed with HMAC-SHA-256 (RFC 7519, RFC 9068), as RFC 8725 advises.
//!
//! Nothing in a token chooses how it is checked: `kid` picks one of our keys, and the rest of the header must be what
//! we ourselves would have written. Times are checked here, against the [`Clock`] port, since the library asks the
//! operating system and does not look at `iat`.

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

/// What tokens say, and which are accepted.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who issues them (`iss`).
    pub issuer: String,
    /// Whom they are for (`aud`).
    pub audience: String,
    pub lifetime: Duration,
    /// Whether to accept tokens of the Go system as well, which name neither issuer nor audience nor key: for the time
    /// in which it is replaced.
    pub accept_legacy: bool,
}

pub struct Jwt {
    options: Options,
    keys: RwLock<Arc<KeySet>>,
    clock: Arc<dyn Clock>,
}

impl Jwt {
    /// Tokens signed with the current key of `keys`; `clock` tells when they are checked.
    pub fn new(options: Options, keys: KeySet, clock: Arc<dyn Clock>) -> Self {
        Self { options, keys: RwLock::new(Arc::new(keys)), clock }
    }

    /// Puts other keys in the place of the present ones, for calls that begin from now on. So that no valid token is
    /// refused, let a key be `next` on every server before it becomes `current` on one, and keep it `retired` for a
    /// token's lifetime.
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

    /// The Go system's tokens name no key: they are tried against all.
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

/// What a token says, as JSON, once its signature is checked. Its header has been looked at before.
///
/// The library's `decode` would read the header twice more, and the claims a second time for checks of its own.
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
    // What went wrong may quote the token.
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
