//! Accounts as clients see them.

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
