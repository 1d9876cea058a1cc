//! Who asks.

use crate::error::{Error, ErrorCode};
use crate::user::{Role, UserId};

/// What a verified access token says of its bearer.
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
    /// The identity of a known caller.
    ///
    /// # Errors
    /// [`ErrorCode::TokenMissing`] for an anonymous one.
    pub fn identity(&self) -> Result<Identity, Error> {
        match self {
            Self::User(identity) => Ok(*identity),
            Self::Anonymous => Err(ErrorCode::TokenMissing.into()),
        }
    }

    /// The seller that a known caller is.
    ///
    /// # Errors
    /// [`ErrorCode::TokenMissing`] for an anonymous one, [`ErrorCode::RoleNotAllowed`] for a buyer.
    pub fn seller(&self) -> Result<Seller, Error> {
        match self.identity()? {
            Identity { id, role: Role::Seller } => Ok(Seller(id)),
            Identity { role: Role::Buyer, .. } => Err(ErrorCode::RoleNotAllowed.into()),
        }
    }
}

/// A caller who is known to be a seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seller(UserId);

impl Seller {
    #[must_use]
    pub const fn id(self) -> UserId {
        self.0
    }
}
