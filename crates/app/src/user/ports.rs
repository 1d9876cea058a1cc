//! The ports of accounts.
#![warn(missing_docs)]

use crate::client::ClientAddress;
use crate::clock::Deadline;
use crate::user::Profile;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::Error;
use domain::user::{Email, LoginOutcome, PasswordAttempt, PasswordHash, Role, User, UserId};

/// Accounts, for commands: always the primary database.
///
/// Every method returns [`ErrorCode::Unavailable`](domain::error::ErrorCode::Unavailable) if the database is unavailable or
/// its queue is full, and [`ErrorCode::DeadlineExceeded`](domain::error::ErrorCode::DeadlineExceeded) if `by` passed before
/// the work began. A write that returns an error may have been made if the connection was lost at its commit.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds an account. Must not be repeated with the same id.
    ///
    /// # Errors
    /// [`ErrorCode::EmailTaken`](domain::error::ErrorCode::EmailTaken) if another account has the e-mail's key. Storage must
    /// decide this atomically under concurrent calls.
    async fn add(&self, user: &User, by: Deadline) -> Result<(), Error>;

    /// Whether an account has this e-mail's key or former key. May be repeated.
    async fn is_email_taken(&self, email: &Email, by: Deadline) -> Result<bool, Error>;

    /// Returns the account with this e-mail's former key, or else with its key: an account from before NFC normalisation was
    /// opened with exactly this spelling. May be repeated.
    async fn find_by_email(&self, email: &Email, by: Deadline) -> Result<Option<User>, Error>;

    /// Replaces the hash `old` by a renewed hash of the same password; does nothing if the stored hash is not `old`. May be
    /// repeated.
    async fn renew_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        by: Deadline,
    ) -> Result<(), Error>;
}

/// Reads one account, always from the primary database. Errors are those of [`Users`].
#[async_trait]
pub trait UserQueries: Send + Sync {
    /// Returns what the owner of an account sees; `None` if no account has this id. May be repeated.
    async fn profile(&self, id: UserId, by: Deadline) -> Result<Option<Profile>, Error>;
}

/// The counters of log-in attempts ([`AttemptCounter`](domain::user::AttemptCounter)), shared by all servers. Errors are
/// those of [`Users`].
///
/// A client address from which the owner logged in within the last thirty days has its own counter, so that a stranger's
/// failures do not lock the owner out.
#[async_trait]
pub trait LoginAttempts: Send + Sync {
    /// Counts an attempt before it is checked, whether or not the account exists. Each call counts once more.
    ///
    /// # Errors
    /// [`ErrorCode::LoginThrottled`](domain::error::ErrorCode::LoginThrottled) with the time to wait, if the attempt is not
    /// admitted.
    async fn admit(
        &self,
        account: &Email,
        client: ClientAddress,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error>;

    /// Records the outcome of an admitted attempt, once per attempt. The audit log gets an entry for log-ins and for
    /// failures with [`AttemptCounter::is_burst`](domain::user::AttemptCounter::is_burst).
    async fn record_attempt(
        &self,
        account: &Email,
        client: ClientAddress,
        outcome: LoginOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error>;

    /// Resets the failures of an account for an operator, and returns whether it had any. If so, the audit log gets an
    /// entry. May be repeated.
    async fn unlock(&self, account: &Email, now: DateTime<Utc>, by: Deadline) -> Result<bool, Error>;

    /// Deletes counters that are reset, and returns their number. May be repeated.
    async fn purge(&self, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}

/// The result of checking a typed password against a stored hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is wrong, or no hash is stored.
    Wrong,
    /// The password is right. If the stored hash has another strength or format than configured, or another spelling than
    /// the prepared one, `renewed` replaces it.
    Right {
        /// A hash of the same password, of the configured strength.
        renewed: Option<PasswordHash>,
    },
}

/// The right to have one password hashed or checked. Dropping it gives the place to the next caller.
pub struct HashingPermit {
    _place: Box<dyn Send>,
}

impl HashingPermit {
    /// A permit that holds this place until it is dropped.
    pub fn new(place: impl Send + 'static) -> Self {
        Self { _place: Box::new(place) }
    }
}

/// Hashes and checks passwords on threads of their own. Both take a good part of a second and may be repeated.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Takes a place among those whose passwords are hashed or checked. A use case does so before all other work, so that a
    /// call that is refused costs next to nothing.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`](domain::error::ErrorCode::Overloaded) within half a second if more come than can be served.
    async fn admit(&self, by: Deadline) -> Result<HashingPermit, Error>;

    /// Hashes the prepared spelling of a password with a new salt.
    async fn hash(&self, password: PasswordAttempt, permit: HashingPermit, by: Deadline)
    -> Result<PasswordHash, Error>;

    /// Checks a typed password in each of its [spellings](PasswordAttempt::spellings). A wrong password takes the same time
    /// with and without a stored hash.
    async fn verify(
        &self,
        password: PasswordAttempt,
        stored: Option<PasswordHash>,
        permit: HashingPermit,
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
    /// [`ErrorCode::Internal`](domain::error::ErrorCode::Internal) if signing fails. May be repeated.
    fn issue(&self, id: UserId, role: Role, now: DateTime<Utc>) -> Result<AccessToken, Error>;
}
