//! Shows an account to its owner.

use crate::access::Access;
use crate::context::{Context, Query};
use crate::pipeline::UseCase;
use crate::rate_limit::RateLimitClass;
use crate::user::UserQueries;
use domain::actor::Identity;
use domain::error::{Error, ErrorCode};
use domain::user::{Role, UserId};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub id: UserId,
    pub name: String,
    /// The e-mail address as typed, normalised to NFC.
    pub email: String,
    pub role: Role,
}

/// Shows an account to its owner only: the answer does not reveal whether another account exists.
pub struct ViewProfile {
    pub users: Arc<dyn UserQueries>,
}

/// The right to see an account, granted only to its owner.
struct Owner(UserId);

impl Owner {
    fn of(wanted: &str, identity: Identity) -> Result<Self, Error> {
        if wanted.trim().is_empty() {
            return Err(Error::id_required("user"));
        }
        match wanted.parse() {
            Ok(id) if identity.id == id => Ok(Self(id)),
            _ => Err(ErrorCode::Forbidden.into()),
        }
    }
}

impl UseCase for ViewProfile {
    const NAME: &'static str = "view_profile";
    type Kind = Query;
    const ACCESS: Access = Access::Authenticated;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::Forbidden, ErrorCode::UserNotFound];
    /// The account's identifier, as it arrived.
    type Input = String;
    type Output = Profile;

    async fn execute(&self, context: &Context<Query>, wanted: String) -> Result<Profile, Error> {
        let Owner(id) = Owner::of(&wanted, context.actor.identity()?)?;
        let profile = self.users.profile(id, context.deadline).await?;
        profile.ok_or_else(|| ErrorCode::UserNotFound.into())
    }
}
