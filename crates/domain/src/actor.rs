//! The caller of a use case.

use crate::error::{Error, ErrorCode};
use crate::user::{Role, UserId};

/// The content of a verified access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub id: UserId,
    /// The role that the account had when the token was made.
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Anonymous,
    User(Identity),
}

impl Actor {
    /// Returns the identity of a caller with a token.
    ///
    /// # Errors
    /// [`ErrorCode::TokenMissing`] for an anonymous caller.
    pub fn identity(&self) -> Result<Identity, Error> {
        match self {
            Self::User(identity) => Ok(*identity),
            Self::Anonymous => Err(ErrorCode::TokenMissing.into()),
        }
    }

    /// Returns the caller as a seller.
    ///
    /// # Errors
    /// [`ErrorCode::TokenMissing`] for an anonymous caller, [`ErrorCode::RoleNotAllowed`] for a buyer.
    pub fn seller(&self) -> Result<Seller, Error> {
        match self.identity()? {
            Identity { id, role: Role::Seller } => Ok(Seller(id)),
            Identity { role: Role::Buyer, .. } => Err(ErrorCode::RoleNotAllowed.into()),
        }
    }
}

/// A caller whose role is seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seller(UserId);

impl Seller {
    #[must_use]
    pub const fn id(self) -> UserId {
        self.0
    }
}
