//! Registers a user.

use crate::access::Access;
use crate::clock::Clock;
use crate::context::{Command, Context};
use crate::pipeline::UseCase;
use crate::rate_limit::RateLimitClass;
use crate::user::{PasswordHasher, Users};
use domain::error::{Error, ErrorCode, Reason, ViolationCode, Violations};
use domain::user::password::prepared;
use domain::user::{Email, Name, Password, PasswordRules, Role, User, UserId};
use std::sync::Arc;

/// The form as it arrived; an absent field is empty.
pub struct RegisterForm {
    pub name: String,
    pub email: String,
    /// `buyer` or `seller`.
    pub role: String,
    pub password: String,
    pub confirm_password: String,
}

#[derive(Debug)]
pub struct Registered {
    pub id: UserId,
    pub role: Role,
    /// The e-mail address as typed, normalised to NFC.
    pub email: Email,
}

/// A form in which each field is valid by itself.
struct Registration {
    name: Name,
    email: Email,
    role: Role,
    password: Password,
    is_confirmed: bool,
}

impl RegisterForm {
    fn parse(&self, rules: PasswordRules) -> Result<Registration, Error> {
        let mut wrong = Violations::default();
        let name = wrong.take("name", Name::parse(&self.name));
        let email = wrong.take("email", Email::parse(&self.email));
        let role = wrong.take("role", Role::parse(&self.role));
        let password = Password::choose(&self.password, rules).and_then(|password| match (&name, &email) {
            (Some(name), Some(email)) => password.unlike(name, email, rules),
            _ => Ok(password),
        });
        let password = wrong.take("password", password);
        let is_confirmed = prepared(&self.password) == prepared(&self.confirm_password);
        if self.confirm_password.is_empty() {
            wrong.add("confirm_password", &Reason::empty());
        } else if let (Some(name), Some(email), Some(role), Some(password)) = (name, email, role, password) {
            return Ok(Registration { name, email, role, password, is_confirmed });
        } else if !is_confirmed {
            wrong.add("confirm_password", &mismatch());
        }
        Err(wrong.into_error(ErrorCode::InvalidRequest))
    }
}

fn mismatch() -> Reason {
    Reason::new(ViolationCode::Mismatch, "password do not match")
}

fn email_taken(wrong: &mut Violations) {
    wrong.add("email", &Reason::new(ViolationCode::Taken, ErrorCode::EmailTaken.message()));
}

pub struct RegisterUser {
    pub users: Arc<dyn Users>,
    pub passwords: Arc<dyn PasswordHasher>,
    pub rules: PasswordRules,
    pub clock: Arc<dyn Clock>,
}

impl RegisterUser {
    /// Returns the error of a form in which only the repeated password is wrong. The Go system checked the e-mail address
    /// before it compared the passwords, and its clients see that order.
    async fn unconfirmed(&self, context: &Context<Command>, email: &Email) -> Result<Registered, Error> {
        let mut wrong = Violations::default();
        let is_taken = self.users.is_email_taken(email, context.deadline).await?;
        if is_taken {
            email_taken(&mut wrong);
        }
        wrong.add("confirm_password", &mismatch());
        Err(wrong.into_error(if is_taken { ErrorCode::EmailTaken } else { ErrorCode::InvalidRequest }))
    }
}

impl UseCase for RegisterUser {
    const NAME: &'static str = "register_user";
    type Kind = Command;
    const ACCESS: Access = Access::Public;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Credentials;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::EmailTaken];
    type Input = RegisterForm;
    type Output = Registered;

    async fn execute(&self, context: &Context<Command>, form: RegisterForm) -> Result<Registered, Error> {
        let Registration { name, email, role, password, is_confirmed } = form.parse(self.rules)?;
        if !is_confirmed {
            return self.unconfirmed(context, &email).await;
        }
        let permit = self.passwords.admit(context.deadline).await?;
        // Storage checks today's key only; this call also finds an account with a former key.
        if email.former_key().is_some() && self.users.is_email_taken(&email, context.deadline).await? {
            return Err(name_the_field(ErrorCode::EmailTaken.into()));
        }
        let hash = self.passwords.hash(password.into(), permit, context.deadline).await?;
        let user = User::register(name, email, role, hash, self.clock.now());
        self.users.add(&user, context.deadline).await.map_err(name_the_field)?;
        tracing::info!(user_id = %user.id(), role = role.as_str(), "account opened");
        Ok(Registered { id: user.id(), role, email: user.email().clone() })
    }
}

/// Adds the violation of the field `email` to the error of a taken address.
fn name_the_field(error: Error) -> Error {
    if error.code() != ErrorCode::EmailTaken {
        return error;
    }
    let mut wrong = Violations::default();
    email_taken(&mut wrong);
    wrong.into_error(ErrorCode::EmailTaken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(form: &RegisterForm) -> (String, Vec<(&'static str, ViolationCode)>) {
        let error = form.parse(PasswordRules::default()).err().unwrap();
        let fields = error.violations().iter().map(|violation| (violation.field(), violation.code())).collect();
        (error.message().to_owned(), fields)
    }

    fn form(name: &str, email: &str, role: &str, password: &str, confirm_password: &str) -> RegisterForm {
        let [name, email, role, password, confirm_password] =
            [name, email, role, password, confirm_password].map(str::to_owned);
        RegisterForm { name, email, role, password, confirm_password }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_in_the_order_of_the_fields() {
        let (message, fields) = refusal(&form("", "", "", "", ""));
        assert_eq!(message, "name is empty");
        let names: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
        assert_eq!(names, ["name", "email", "role", "password", "confirm_password"]);
        assert!(fields.iter().all(|(_, code)| *code == ViolationCode::Empty));
    }

    #[test]
    fn the_message_is_the_one_that_go_would_have_given() {
        let told = |form: RegisterForm| refusal(&form).0;
        assert_eq!(told(form("Ada", "nonsense", "pirate", "short", "")), "confirm_password is empty");
        assert_eq!(
            told(form("Ada", "nonsense", "pirate", "short", "other")),
            "invalid role. allowed roles: buyer, seller"
        );
        let email = "invalid email format. example: emailname@example.com";
        assert_eq!(told(form("Ada", "nonsense", "buyer", "short", "other")), email);
        let short = "minimum length for field password is 8 characters";
        assert_eq!(told(form("Ada", "ada@example.com", "buyer", "short", "other")), short);
    }

    #[test]
    fn a_password_is_confirmed_in_whatever_spelling() {
        let form = form("Ada", "ada@example.com", "buyer", "cafe\u{0301} noir", "caf\u{00E9}\u{00A0}noir");
        assert!(form.parse(PasswordRules::default()).ok().unwrap().is_confirmed);
    }

    #[test]
    fn a_lone_mismatch_is_left_to_be_told_after_a_taken_email() {
        let parsed =
            form("Ada", "ada@example.com", "buyer", "password123", "password124").parse(PasswordRules::default());
        assert!(!parsed.ok().unwrap().is_confirmed);
    }
}
