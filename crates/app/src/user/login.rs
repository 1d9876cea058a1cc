//! Logs a user in: checks e-mail address and password, and issues an access token.

use crate::access::Access;
use crate::clock::Clock;
use crate::context::{Command, Context};
use crate::pipeline::UseCase;
use crate::rate_limit::RateLimitClass;
use crate::user::{AccessToken, HashingPermit, LoginAttempts, PasswordCheck, PasswordHasher, TokenIssuer, Users};
use domain::error::{Error, ErrorCode, Violations};
use domain::user::{Email, LoginOutcome, PasswordAttempt, PasswordHash, Role, User, UserId};
use std::sync::Arc;

/// The form as it arrived; an absent field is empty.
pub struct LoginForm {
    pub email: String,
    pub password: String,
}

/// The account and its token.
pub struct LoggedIn {
    pub id: UserId,
    pub role: Role,
    pub token: AccessToken,
}

impl LoginForm {
    fn parse(&self) -> Result<(Email, PasswordAttempt), Error> {
        let mut wrong = Violations::default();
        // The widest rule applies: an account from an earlier rule must be able to log in.
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
/// Neither the answer nor its duration reveals whether an account exists: every well-formed attempt is counted, looked up
/// and checked against a hash, a dummy one if need be.
pub struct LoginUser {
    pub users: Arc<dyn Users>,
    pub passwords: Arc<dyn PasswordHasher>,
    pub tokens: Arc<dyn TokenIssuer>,
    /// `None` switches throttling off.
    pub attempts: Option<Arc<dyn LoginAttempts>>,
    pub clock: Arc<dyn Clock>,
}

impl LoginUser {
    async fn admit(&self, context: &Context<Command>, account: &Email) -> Result<(), Error> {
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

    async fn record_attempt(
        &self,
        context: &Context<Command>,
        account: &Email,
        outcome: LoginOutcome,
    ) -> Result<(), Error> {
        let Some(attempts) = &self.attempts else {
            return Ok(());
        };
        attempts.record_attempt(account, context.client, outcome, self.clock.now(), context.deadline).await
    }

    async fn check(
        &self,
        context: &Context<Command>,
        email: &Email,
        password: PasswordAttempt,
        permit: HashingPermit,
    ) -> Result<Option<User>, Error> {
        let user = self.users.find_by_email(email, context.deadline).await?;
        let stored = user.as_ref().map(|user| user.password_hash().clone());
        let outcome = self.passwords.verify(password, stored, permit, context.deadline).await?;
        match (user, outcome) {
            (Some(user), PasswordCheck::Right { renewed }) => {
                if let Some(renewed) = renewed {
                    self.renew(context, &user, &renewed).await;
                }
                Ok(Some(user))
            }
            _ => Ok(None),
        }
    }

    /// Stores a renewed hash. A failure does not fail the log-in: the next log-in tries again.
    async fn renew(&self, context: &Context<Command>, user: &User, renewed: &PasswordHash) {
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
    type Kind = Command;
    const ACCESS: Access = Access::Public;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Credentials;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidLogin, ErrorCode::LoginThrottled, ErrorCode::LoginFailed];
    type Input = LoginForm;
    type Output = LoggedIn;

    async fn execute(&self, context: &Context<Command>, form: LoginForm) -> Result<LoggedIn, Error> {
        let (email, password) = form.parse()?;
        // Before the attempt is counted: a refusal is to cost neither the database's time nor one of the owner's attempts.
        let permit = self.passwords.admit(context.deadline).await?;
        self.admit(context, &email).await?;
        let user = match self.check(context, &email, password, permit).await {
            Ok(Some(user)) => {
                self.record_attempt(context, &email, LoginOutcome::Succeeded).await?;
                user
            }
            Ok(None) => {
                self.record_attempt(context, &email, LoginOutcome::Failed).await?;
                tracing::info!(account = email.masked(), client = %context.client, "login failed");
                return Err(ErrorCode::LoginFailed.into());
            }
            Err(error) => {
                // The error that the check returned must not be hidden by one of recording the attempt.
                let _ = self.record_attempt(context, &email, LoginOutcome::Abandoned).await;
                return Err(error);
            }
        };
        let token = self.tokens.issue(user.id(), user.role(), self.clock.now())?;
        tracing::info!(user_id = %user.id(), client = %context.client, "logged in");
        Ok(LoggedIn { id: user.id(), role: user.role(), token })
    }
}
