//! What accounts need from outside.
#![warn(missing_docs)]

use crate::client::ClientAddress;
use crate::clock::Deadline;
use crate::user::Profile;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::Error;
use domain::user::{Email, LoginOutcome, PasswordAttempt, PasswordHash, Role, User, UserId};

/// The accounts, as commands see them: always the primary database.
///
/// Every method fails with [`ErrorCode::Unavailable`](domain::error::ErrorCode::Unavailable) when the database is away or has
/// more work than it takes, and with [`ErrorCode::DeadlineExceeded`](domain::error::ErrorCode::DeadlineExceeded) when
/// `by` passed before the work began.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds an account.
    ///
    /// # Errors
    /// [`ErrorCode::EmailTaken`](domain::error::ErrorCode::EmailTaken) where another account has the e-mail's key. The
    /// storage decides this in one step, however many ask at once.
    async fn add(&self, user: &User, by: Deadline) -> Result<(), Error>;

    /// Whether an account has this e-mail's key, or its former key.
    async fn is_email_taken(&self, email: &Email, by: Deadline) -> Result<bool, Error>;

    /// The account with this e-mail's former key, where it has one, or else with its key: an account that is as old as that was
    /// opened with this very spelling.
    async fn find_by_email(&self, email: &Email, by: Deadline) -> Result<Option<User>, Error>;

    /// Puts a renewed hash of the same password in the place of `old`; does nothing where `old` is there no more.
    async fn renew_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        by: Deadline,
    ) -> Result<(), Error>;
}

/// The accounts, as queries see them: perhaps a replica that lags a little behind.
#[async_trait]
pub trait UserQueries: Send + Sync {
    /// What the owner of an account sees of it.
    async fn profile(&self, id: UserId, by: Deadline) -> Result<Option<Profile>, Error>;
}

/// The counters of [`AttemptCounter`](domain::user::AttemptCounter), shared by all replicas of the server.
///
/// An address from which the owner has logged in within the last thirty days has a counter of its own, so that a
/// stranger's failures do not lock the owner out.
#[async_trait]
pub trait LoginAttempts: Send + Sync {
    /// Counts an attempt that is about to be checked, whether or not the account exists.
    ///
    /// # Errors
    /// [`ErrorCode::LoginThrottled`](domain::error::ErrorCode::LoginThrottled) with the time to wait.
    async fn admit(
        &self,
        account: &Email,
        client: ClientAddress,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error>;

    /// Counts how an admitted attempt ended. The audit log tells of log-ins, and of failures that
    /// [`AttemptCounter::is_burst`](domain::user::AttemptCounter::is_burst).
    async fn record_attempt(
        &self,
        account: &Email,
        client: ClientAddress,
        outcome: LoginOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error>;

    /// Forgets all failures at an account: the operator's way to unlock it. Tells whether there were any. Where there were, the
    /// audit log tells of it.
    async fn unlock(&self, account: &Email, now: DateTime<Utc>, by: Deadline) -> Result<bool, Error>;

    /// Drops the counters that have forgotten everything, and tells how many.
    async fn purge(&self, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}

/// What checking a typed password against a stored hash found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// It is not the password, or there is no hash to check it against.
    Wrong,
    /// It is the password. Where the stored hash is not of the configured strength or format, or not of the prepared spelling,
    /// `renewed` is to take its place.
    Right {
        /// A hash of the same password, of the configured strength.
        renewed: Option<PasswordHash>,
    },
}

/// Hashes and checks passwords. Both take a good part of a second, on threads of their own.
///
/// Both methods fail with [`ErrorCode::Overloaded`](domain::error::ErrorCode::Overloaded) when more of them wait than the
/// server will queue.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes the prepared spelling of a password, under a salt of its own.
    async fn hash(&self, password: PasswordAttempt, by: Deadline) -> Result<PasswordHash, Error>;

    /// Checks a typed password in each of its [spellings](PasswordAttempt::spellings). A wrong one takes the same time whether or
    /// not there is a hash to check it against.
    async fn verify(
        &self,
        password: PasswordAttempt,
        stored: Option<PasswordHash>,
        by: Deadline,
    ) -> Result<PasswordCheck, Error>;
}

/// An access token, in its wire format.
pub struct AccessToken(String);

impl AccessToken {
    /// A token that an issuer has signed.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token, for the answer to its owner alone.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Makes access tokens.
pub trait TokenIssuer: Send + Sync {
    /// Signs a token for an account.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`](domain::error::ErrorCode::Internal) where signing fails.
    fn issue(&self, id: UserId, role: Role, now: DateTime<Utc>) -> Result<AccessToken, Error>;
}
