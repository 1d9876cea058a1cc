//! What tokens say, and when it holds.

use super::Options;
use chrono::{DateTime, Utc};
use domain::user::{Role, UserId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use uuid::Uuid;

/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 30;

/// How long the Go system's tokens are valid, in seconds, and how far its clock may run ahead.
const LEGACY_LIFETIME: i64 = 24 * 60 * 60;
const LEGACY_LEEWAY: i64 = 60;

/// A time as tokens write it: whole seconds since 1970 (`NumericDate`, RFC 7519 §2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(i64);

impl Moment {
    pub(super) fn of(time: DateTime<Utc>) -> Self {
        Self(time.timestamp())
    }

    /// The end of validity itself is outside (RFC 7519 §4.1.4).
    fn is_past(self, expires: i64) -> bool {
        self.0 >= expires.saturating_add(LEEWAY)
    }

    fn is_before(self, begins: i64) -> bool {
        begins > self.0.saturating_add(LEEWAY)
    }
}

/// The claims of our own tokens. Services written for the Go system read `authorized`, `id`, `role` and `exp`.
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
    /// The claims of a token made now. The services that check it allow no difference between clocks, so its begin
    /// lies a little in the past.
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

    /// Whether they hold now, for us; why not, otherwise.
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

/// The claims of the Go system's tokens: these and no others, so that none of ours can pass for one of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LegacyClaims {
    authorized: bool,
    pub(super) id: String,
    pub(super) role: String,
    exp: i64,
}

impl LegacyClaims {
    /// Whether they hold now; why not, otherwise.
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
