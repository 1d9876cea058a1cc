//! Who may run which use case: the first of two gates. The second is inside the use case, which alone knows whose
//! thing is asked for.

use domain::actor::{Actor, Identity};
use domain::error::{Error, ErrorCode};
use domain::user::Role;

/// The longest `Authorization` value that is looked at, in bytes.
pub const MAX_AUTHORIZATION: usize = 4096;

/// Who may run a use case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody; a token that comes along is not looked at.
    Public,
    /// The bearer of a valid token.
    Authenticated,
    /// The bearer of a valid token that was made for an account of this role.
    Only(Role),
}

/// Why a token was refused, for the log alone: a caller who knew would learn how to forge a better one.
#[derive(Debug)]
pub struct TokenRefused(pub String);

/// Tells whose an access token is.
pub trait TokenVerifier: Send + Sync {
    /// Verifies a token's signature, times, issuer and audience.
    ///
    /// # Errors
    /// Why it is not accepted.
    fn verify(&self, token: &str) -> Result<Identity, TokenRefused>;
}

impl Access {
    /// The codes of the errors that [`identify`](Self::identify) and [`allow`](Self::allow) return.
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

    /// Opens the first gate to a caller.
    pub(crate) fn allow(self, actor: Actor) -> Result<Actor, Error> {
        match self {
            Self::Only(role) if actor.identity()?.role != role => Err(ErrorCode::RoleNotAllowed.into()),
            _ => Ok(actor),
        }
    }
}

/// The token in a header: behind the scheme `Bearer` in any case, or bare, as the Go system's clients may send it.
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
