//! Trading an e-mail address and a password for an access token.

use crate::access::Access;
use crate::clock::Clock;
use crate::context::Context;
use crate::pipeline::{Kind, UseCase};
use crate::rate_limit::RateLimitClass;
use crate::user::{AccessToken, LoginAttempts, PasswordCheck, PasswordHasher, TokenIssuer, Users};
use domain::error::{Error, ErrorCode, Violations};
use domain::user::{Attempt, Email, PasswordAttempt, PasswordHash, Role, User, UserId};
use std::sync::Arc;

/// What a client sends, as it arrived; an absent field is an empty one.
pub struct LoginForm {
    /// The account's e-mail address.
    pub email: String,
    /// The account's password.
    pub password: String,
}

/// The account that was entered, and the token for it.
pub struct LoggedIn {
    /// Identifies the account.
    pub id: UserId,
    /// What the account is for.
    pub role: Role,
    /// Opens what only the account's owner may do.
    pub token: AccessToken,
}

impl LoginForm {
    fn parse(&self) -> Result<(Email, PasswordAttempt), Error> {
        let mut wrong = Violations::default();
        // By the widest rule: an account that was opened under a wider one must not be shut out.
        let email = wrong.take("email", Email::parse_known(&self.email));
        let password = wrong.take("password", PasswordAttempt::parse(&self.password));
        match (email, password) {
            (Some(email), Some(password)) => Ok((email, password)),
            _ => Err(wrong.into_error(ErrorCode::InvalidLogin)),
        }
    }
}

/// Logs a user in.
///
/// Whether an account exists is told neither by the answer nor by the time it takes: every attempt that is well formed
/// is counted, looked up and checked against a hash, be it a made-up one.
pub struct LoginUser {
    /// The accounts.
    pub users: Arc<dyn Users>,
    /// Checks the password.
    pub passwords: Arc<dyn PasswordHasher>,
    /// Makes the token.
    pub tokens: Arc<dyn TokenIssuer>,
    /// Slows down guessing; `None` switches it off.
    pub attempts: Option<Arc<dyn LoginAttempts>>,
    /// Tells when an attempt was made.
    pub clock: Arc<dyn Clock>,
}

impl LoginUser {
    async fn admit(&self, context: &Context, account: &Email) -> Result<(), Error> {
        let Some(attempts) = &self.attempts else {
            return Ok(());
        };
        let admitted = attempts.admit(account, context.client, self.clock.now(), context.deadline).await;
        if let Err(error) = &admitted
            && error.code() == ErrorCode::LoginThrottled
        {
            tracing::warn!(account = account.masked(), client = %context.client, "login throttled");
        }
        admitted
    }

    async fn settle(&self, context: &Context, account: &Email, attempt: Attempt) -> Result<(), Error> {
        let Some(attempts) = &self.attempts else {
            return Ok(());
        };
        attempts.settle(account, context.client, attempt, self.clock.now(), context.deadline).await
    }

    async fn check(&self, context: &Context, email: &Email, password: PasswordAttempt) -> Result<Option<User>, Error> {
        let user = self.users.find_by_email(email, context.deadline).await?;
        let stored = user.as_ref().map(|user| user.password_hash().clone());
        let verdict = self.passwords.verify(password, stored, context.deadline).await?;
        match (user, verdict) {
            (Some(user), PasswordCheck::Right { renewed }) => {
                if let Some(renewed) = renewed {
                    self.renew(context, &user, &renewed).await;
                }
                Ok(Some(user))
            }
            _ => Ok(None),
        }
    }

    /// Stores a stronger hash. Log-in goes on without it: the next one tries again.
    async fn renew(&self, context: &Context, user: &User, renewed: &PasswordHash) {
        let stored = self.users.renew_password_hash(user.id(), user.password_hash(), renewed, context.deadline).await;
        match stored {
            Ok(()) => tracing::info!(user_id = %user.id(), "password hash renewed"),
            Err(error) => {
                tracing::warn!(user_id = %user.id(), code = error.code().as_str(), "password hash not renewed")
            }
        }
    }
}

impl UseCase for LoginUser {
    const NAME: &'static str = "login_user";
    const KIND: Kind = Kind::Command;
    const ACCESS: Access = Access::Public;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Credentials;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidLogin, ErrorCode::LoginThrottled, ErrorCode::LoginFailed];
    type Input = LoginForm;
    type Output = LoggedIn;

    async fn execute(&self, context: &Context, form: LoginForm) -> Result<LoggedIn, Error> {
        let (email, password) = form.parse()?;
        self.admit(context, &email).await?;
        let user = match self.check(context, &email, password).await {
            Ok(Some(user)) => {
                self.settle(context, &email, Attempt::Succeeded).await?;
                user
            }
            Ok(None) => {
                self.settle(context, &email, Attempt::Failed).await?;
                tracing::info!(account = email.masked(), client = %context.client, "login failed");
                return Err(ErrorCode::LoginFailed.into());
            }
            Err(error) => {
                // The attempt could not be checked; that it could not be taken back either must not hide why.
                let _ = self.settle(context, &email, Attempt::Abandoned).await;
                return Err(error);
            }
        };
        let token = self.tokens.issue(user.id(), user.role(), self.clock.now())?;
        tracing::info!(user_id = %user.id(), client = %context.client, "logged in");
        Ok(LoggedIn { id: user.id(), role: user.role(), token })
    }
}
