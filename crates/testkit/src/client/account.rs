//! Accounts as clients send and receive them.

#[derive(Clone, Debug)]
pub struct RegisterForm {
    pub name: String,
    /// The e-mail address to log in with.
    pub email: String,
    pub role: String,
    pub password: String,
    pub confirm_password: String,
}

/// The password of [`ada`].
pub const PASSWORD: &str = "password123";

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
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The same with another e-mail address.
    #[must_use]
    pub fn email(self, email: impl Into<String>) -> Self {
        Self { email: email.into(), ..self }
    }

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    pub id: String,
    pub role: String,
    pub email: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    pub id: String,
    pub role: String,
    pub token: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub id: String,
    pub name: String,
    pub email: String,
    pub role: String,
}
