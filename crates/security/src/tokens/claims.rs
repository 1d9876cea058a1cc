//! The claims of tokens, and their validity.

use super::Options;
use chrono::{DateTime, Utc};
use domain::user::{Role, UserId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use uuid::Uuid;

/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 30;

/// The lifetime of the Go system's tokens, in seconds, and the tolerance for its clock.
const LEGACY_LIFETIME: i64 = 24 * 60 * 60;
const LEGACY_LEEWAY: i64 = 60;

/// A time as tokens write it: whole seconds since 1970 (`NumericDate`, RFC 7519 §2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(i64);

impl Moment {
    pub(super) fn of(time: DateTime<Utc>) -> Self {
        Self(time.timestamp())
    }

    /// The moment of expiry is no longer valid (RFC 7519 §4.1.4).
    fn is_past(self, expires: i64) -> bool {
        self.0 >= expires.saturating_add(LEEWAY)
    }

    fn is_before(self, begins: i64) -> bool {
        begins > self.0.saturating_add(LEEWAY)
    }
}

/// The claims of the shop's own tokens. Services written for the Go system read `authorized`, `id`, `role` and `exp`.
#[derive(Serialize, Deserialize)]
pub(super) struct Claims<'a> {
    authorized: bool,
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) role: Cow<'a, str>,
    exp: i64,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Cow<'a, str>,
    iat: i64,
    nbf: i64,
    #[serde(borrow)]
    jti: Cow<'a, str>,
}

impl<'a> Claims<'a> {
    /// The claims of a new token. Services that check it allow no clock skew, so `nbf` lies slightly in the past.
    pub(super) fn new(id: UserId, role: Role, options: &'a Options, now: Moment) -> Self {
        let begins = now.0.saturating_sub(LEEWAY);
        let lifetime = i64::try_from(options.lifetime.as_secs()).unwrap_or(i64::MAX);
        Self {
            authorized: true,
            id: id.to_string().into(),
            role: role.as_str().into(),
            exp: now.0.saturating_add(lifetime),
            sub: id.to_string().into(),
            iss: options.issuer.as_str().into(),
            aud: options.audience.as_str().into(),
            iat: begins,
            nbf: begins,
            jti: Uuid::now_v7().to_string().into(),
        }
    }

    /// Checks times, issuer and audience; the error says what is invalid.
    pub(super) fn check(&self, options: &Options, now: Moment) -> Result<(), &'static str> {
        if self.iss != options.issuer {
            Err("another issuer")
        } else if self.aud != options.audience {
            Err("another audience")
        } else if now.is_past(self.exp) {
            Err("expired")
        } else if now.is_before(self.nbf) {
            Err("not valid yet")
        } else if now.is_before(self.iat) {
            Err("issued in the future")
        } else if !self.authorized || self.id != self.sub {
            Err("claims that contradict each other")
        } else {
            Ok(())
        }
    }
}

/// The claims of the Go system's tokens, without unknown claims, so that none of the shop's own tokens passes for one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LegacyClaims {
    authorized: bool,
    pub(super) id: String,
    pub(super) role: String,
    exp: i64,
}

impl LegacyClaims {
    /// Checks the times; the error says what is invalid.
    pub(super) fn check(&self, now: Moment) -> Result<(), &'static str> {
        if now.is_past(self.exp) {
            Err("expired")
        } else if self.exp > now.0.saturating_add(LEGACY_LIFETIME + LEGACY_LEEWAY) {
            Err("valid for longer than any token")
        } else if !self.authorized {
            Err("not authorized")
        } else {
            Ok(())
        }
    }
}
