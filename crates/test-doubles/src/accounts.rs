//! The ports of accounts: one buyer called Ada who always exists, and password checks with the result that the test
//! sets.

use crate::ports::{FakePorts, TOKEN};
use app::clock::Deadline;
use app::user::{AccessToken, HashingPermit, PasswordCheck, PasswordHasher, Profile, TokenIssuer, UserQueries, Users};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::Error;
use domain::user::{Email, Name, PasswordAttempt, PasswordHash, Role, User, UserId};

/// A name with characters that must be escaped.
const NAME: &str = "Ada \"<é>\"";

#[async_trait]
impl UserQueries for FakePorts {
    async fn profile(&self, id: UserId, _by: Deadline) -> Result<Option<Profile>, Error> {
        self.behave().await?;
        Ok(Some(Profile { id, name: NAME.to_owned(), email: "ada@example.com".to_owned(), role: Role::Buyer }))
    }
}

#[async_trait]
impl Users for FakePorts {
    async fn add(&self, user: &User, _by: Deadline) -> Result<(), Error> {
        self.behave().await?;
        self.added.lock().unwrap().push(user.name().as_str().to_owned());
        Ok(())
    }

    async fn is_email_taken(&self, _email: &Email, _by: Deadline) -> Result<bool, Error> {
        Ok(true)
    }

    async fn find_by_email(&self, email: &Email, _by: Deadline) -> Result<Option<User>, Error> {
        self.behave().await?;
        let (name, email, role) = (Name::parse("Ada").unwrap(), email.clone(), Role::Buyer);
        Ok(Some(User::register(name, email, role, PasswordHash::new("$2b$04$"), DateTime::UNIX_EPOCH)))
    }

    async fn renew_password_hash(
        &self,
        _id: UserId,
        _old: &PasswordHash,
        _new: &PasswordHash,
        _by: Deadline,
    ) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl PasswordHasher for FakePorts {
    async fn admit(&self, _by: Deadline) -> Result<HashingPermit, Error> {
        Ok(HashingPermit::new(()))
    }

    async fn hash(
        &self,
        _password: PasswordAttempt,
        _permit: HashingPermit,
        _by: Deadline,
    ) -> Result<PasswordHash, Error> {
        Ok(PasswordHash::new("$2b$04$"))
    }

    async fn verify(
        &self,
        _password: PasswordAttempt,
        _stored: Option<PasswordHash>,
        _permit: HashingPermit,
        _by: Deadline,
    ) -> Result<PasswordCheck, Error> {
        Ok(self.password_check.lock().unwrap().clone())
    }
}

impl TokenIssuer for FakePorts {
    fn issue(&self, _id: UserId, _role: Role, _now: DateTime<Utc>) -> Result<AccessToken, Error> {
        Ok(AccessToken::new(TOKEN))
    }
}
