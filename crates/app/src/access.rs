//! Which callers may run a use case. This is the first of two checks: the use case itself checks who owns the entity.

use domain::actor::{Actor, Identity};
use domain::error::{Error, ErrorCode};
use domain::user::Role;

/// The longest accepted `Authorization` value, in bytes.
pub const MAX_AUTHORIZATION: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody; a token is ignored.
    Public,
    Authenticated,
    /// The bearer of a valid token with this role.
    Only(Role),
}

/// Why a token was refused. Only the log shows it: it would help a caller to forge a better token.
#[derive(Debug)]
pub struct TokenRefused(pub String);

pub trait TokenVerifier: Send + Sync {
    /// Verifies a token's signature, times, issuer and audience.
    ///
    /// # Errors
    /// If the token is not accepted.
    fn verify(&self, token: &str) -> Result<Identity, TokenRefused>;
}

impl Access {
    /// The codes of the errors that the check of a token and of a role return.
    #[must_use]
    pub const fn errors(self) -> &'static [ErrorCode] {
        match self {
            Self::Public => &[],
            Self::Authenticated => &[ErrorCode::TokenMissing, ErrorCode::TokenInvalid],
            Self::Only(_) => &[ErrorCode::TokenMissing, ErrorCode::TokenInvalid, ErrorCode::RoleNotAllowed],
        }
    }

    /// Tells who bears `authorization`, the value of the header or metadata of that name.
    pub(crate) fn identify(self, authorization: Option<&str>, tokens: &dyn TokenVerifier) -> Result<Actor, Error> {
        if self == Self::Public {
            return Ok(Actor::Anonymous);
        }
        let token = authorization.map(bearer).filter(|token| !token.is_empty());
        let token = token.ok_or(ErrorCode::TokenMissing)?;
        if token.len() > MAX_AUTHORIZATION {
            return Err(ErrorCode::TokenInvalid.into());
        }
        tokens.verify(token).map(Actor::User).map_err(|TokenRefused(reason)| {
            tracing::info!(reason, "token refused");
            ErrorCode::TokenInvalid.into()
        })
    }

    /// Tells who bears a valid token, and ignores any other.
    pub(crate) fn recognize(authorization: Option<&str>, tokens: &dyn TokenVerifier) -> Option<Identity> {
        let token = authorization.map(bearer).filter(|token| !token.is_empty() && token.len() <= MAX_AUTHORIZATION)?;
        tokens.verify(token).ok()
    }

    /// Checks the caller's role.
    pub(crate) fn allow(self, actor: Actor) -> Result<Actor, Error> {
        match self {
            Self::Only(role) if actor.identity()?.role != role => Err(ErrorCode::RoleNotAllowed.into()),
            _ => Ok(actor),
        }
    }
}

/// Returns the token in a header: after the scheme `Bearer` in any case, or bare, because the Go system's clients may send
/// it so.
fn bearer(authorization: &str) -> &str {
    let authorization = authorization.trim();
    match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        None if authorization.eq_ignore_ascii_case("bearer") => "",
        _ => authorization,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_behind_any_spelling_of_the_scheme_and_bare() {
        for header in ["Bearer abc", "bearer abc", "BEARER   abc ", "abc"] {
            assert_eq!(bearer(header), "abc", "{header:?}");
        }
        for header in ["Bearer", "Bearer ", " "] {
            assert_eq!(bearer(header), "", "{header:?}");
        }
    }
}
