//! The shop as its clients see it, whichever protocol they speak.

use async_trait::async_trait;
use domain::error::ErrorCode;
use std::fmt;
use std::time::Duration;

/// The protocol that a cell of the matrix speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.1 with JSON.
    Rest,
    /// gRPC over HTTP/2.
    Grpc,
}

impl Protocol {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Rest, Self::Grpc];
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rest => "rest",
            Self::Grpc => "grpc",
        })
    }
}

/// What a client sends to open an account.
#[derive(Clone, Debug)]
pub struct RegisterForm {
    /// What the owner is called.
    pub name: String,
    /// The e-mail address to log in with.
    pub email: String,
    /// `buyer` or `seller`.
    pub role: String,
    /// The chosen password.
    pub password: String,
    /// The chosen password again.
    pub confirm_password: String,
}

/// The password of [`ada`].
pub const PASSWORD: &str = "password123";

/// A form that is right in every field.
#[must_use]
pub fn ada() -> RegisterForm {
    RegisterForm {
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        role: "buyer".to_owned(),
        password: PASSWORD.to_owned(),
        confirm_password: PASSWORD.to_owned(),
    }
}

impl RegisterForm {
    /// The same with another name.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The same with another e-mail address.
    #[must_use]
    pub fn email(self, email: impl Into<String>) -> Self {
        Self { email: email.into(), ..self }
    }

    /// The same with another role.
    #[must_use]
    pub fn role(self, role: impl Into<String>) -> Self {
        Self { role: role.into(), ..self }
    }

    /// The same with another password, repeated.
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Self {
        let password = password.into();
        Self { confirm_password: password.clone(), password, ..self }
    }

    /// The same with another repetition of the password.
    #[must_use]
    pub fn confirm_password(self, confirm_password: impl Into<String>) -> Self {
        Self { confirm_password: confirm_password.into(), ..self }
    }
}

/// An account that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Identifies the account.
    pub id: String,
    /// What the account is for.
    pub role: String,
    /// The e-mail address as typed.
    pub email: String,
}

/// An account that was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// Identifies the account.
    pub id: String,
    /// What the account is for.
    pub role: String,
    /// The access token.
    pub token: String,
}

/// What the owner of an account sees of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Identifies the account.
    pub id: String,
    /// What the owner is called.
    pub name: String,
    /// The e-mail address as typed.
    pub email: String,
    /// What the account is for.
    pub role: String,
}

/// An error, in the terms that both protocols share.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Which error it is.
    pub code: ErrorCode,
    /// The text for people.
    pub message: String,
    /// The fields that are wrong, each with its message, in the order of the answer.
    pub fields: Vec<(String, String)>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    /// All that the client received, less what differs between any two answers: request id and date.
    pub received: String,
}

/// What a call came to.
pub type Outcome<T> = Result<T, Refusal>;

/// The shop behind one protocol. Every call also checks what this protocol alone promises.
#[async_trait]
pub trait Shop: Send + Sync {
    /// The same shop, asked with this value of `authorization`.
    fn bearing(&self, authorization: &str) -> Box<dyn Shop>;

    /// The same shop, asked by a client that gives up after so long.
    fn patient_for(&self, patience: Duration) -> Box<dyn Shop>;

    /// Opens an account.
    async fn register(&self, form: &RegisterForm) -> Outcome<Registered>;

    /// Trades an e-mail address and a password for an access token.
    async fn login(&self, email: &str, password: &str) -> Outcome<LoggedIn>;

    /// Shows an account to its owner.
    async fn profile(&self, id: &str) -> Outcome<Profile>;
}

/// Reads a stable identifier back into the catalogue's code.
///
/// # Panics
/// Where the identifier is not in the catalogue: no client could program against it.
#[must_use]
pub fn code(identifier: &str) -> ErrorCode {
    ErrorCode::ALL
        .into_iter()
        .find(|code| code.as_str() == identifier)
        .unwrap_or_else(|| panic!("{identifier:?} is not in the catalogue of errors"))
}
