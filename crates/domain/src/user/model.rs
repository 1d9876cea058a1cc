//! The account, its role and its name.

use crate::error::{Reason, ViolationCode};
use crate::id::uuid_id;
use crate::text::line;
use crate::user::{Email, PasswordHash};
use chrono::{DateTime, Utc};
use strum::{EnumString, IntoStaticStr};

uuid_id! {
    /// Identifies an account: a UUID, version 7 for accounts made here, any version for those that came from the Go system.
    UserId
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Role {
    Buyer,
    Seller,
}

impl Role {
    /// The name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Parses a name of [`Self::as_str`]; trims white space around it.
    ///
    /// # Errors
    /// If the text is blank or not the name of a role.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        let name = raw.trim();
        if name.is_empty() {
            return Err(Reason::empty());
        }
        let unknown = |_| Reason::new(ViolationCode::UnknownRole, "invalid role. allowed roles: buyer, seller");
        name.parse().map_err(unknown)
    }
}

/// The name of a person or shop: 1 to 255 characters, at least one of them visible, without control or direction-changing
/// characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    pub const MAX: usize = 255;

    /// Trims white space around the name.
    ///
    /// # Errors
    /// If the name is blank, too long, or has a character that would act on the text around it, for example in a mail's
    /// header.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        line(raw, Self::MAX).map(Self)
    }

    /// Rebuilds a name from storage. It is not checked again: a newer rule must not lock out an account of the Go system.
    #[must_use]
    pub const fn restore(name: String) -> Self {
        Self(name)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug)]
pub struct User {
    id: UserId,
    name: Name,
    email: Email,
    role: Role,
    password_hash: PasswordHash,
    created_at: DateTime<Utc>,
}

impl User {
    #[must_use]
    pub fn register(name: Name, email: Email, role: Role, password_hash: PasswordHash, now: DateTime<Utc>) -> Self {
        Self { id: UserId::generate(), name, email, role, password_hash, created_at: now }
    }

    /// Rebuilds an account from storage, which holds only accounts that [`Self::register`] made.
    #[must_use]
    pub const fn restore(
        id: UserId,
        name: Name,
        email: Email,
        role: Role,
        password_hash: PasswordHash,
        created_at: DateTime<Utc>,
    ) -> Self {
        Self { id, name, email, role, password_hash, created_at }
    }

    #[must_use]
    pub const fn id(&self) -> UserId {
        self.id
    }

    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Unique among accounts.
    #[must_use]
    pub const fn email(&self) -> &Email {
        &self.email
    }

    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    #[must_use]
    pub const fn password_hash(&self) -> &PasswordHash {
        &self.password_hash
    }

    #[must_use]
    pub const fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(Name::parse(" Ada ").unwrap().as_str(), "Ada");
        assert!(Name::parse(&"é".repeat(255)).is_ok());
        assert_eq!(Name::parse(&"é".repeat(256)).unwrap_err().code(), ViolationCode::TooLong);
        for raw in ["Ada\nBcc: x", "Ada\0", "A\u{2028}da", "\u{202E}adA"] {
            assert_eq!(Name::parse(raw).unwrap_err().code(), ViolationCode::InvalidCharacter, "{raw:?}");
        }
    }

    #[test]
    fn only_the_two_roles_exist() {
        assert_eq!(Role::parse("buyer"), Ok(Role::Buyer));
        assert_eq!(Role::parse("seller"), Ok(Role::Seller));
        for raw in ["admin", "Buyer", "buyer,seller"] {
            assert_eq!(Role::parse(raw).unwrap_err().code(), ViolationCode::UnknownRole, "{raw:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_text_gives_a_name_or_a_reason(raw in any::<String>()) {
            if let Ok(name) = Name::parse(&raw) {
                prop_assert_eq!(Name::parse(name.as_str()).unwrap(), name);
            }
        }
    }
}
