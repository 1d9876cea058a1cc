//! Which rule of the schema a statement broke. Each database tells it in words of its own.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

/// A unique key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constraint {
    /// One account per e-mail identity.
    UserEmail,
    /// One counter per key of the log-in throttle.
    LoginAttempt,
}

impl Constraint {
    const ALL: [Self; 2] = [Self::UserEmail, Self::LoginAttempt];

    /// The unique key that this error is about.
    pub(crate) fn violated_by(error: &Error) -> Option<Self> {
        let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, information) = error else {
            return None;
        };
        Self::ALL.into_iter().find(|constraint| constraint.is_named_by(&**information))
    }

    fn is_named_by(self, information: &(dyn DatabaseErrorInformation + Send + Sync)) -> bool {
        let names = self.names();
        if let Some(name) = information.constraint_name() {
            return name == names.postgres;
        }
        // MySQL and MariaDB quote the refused value, which a stranger chose, in front of the key's name; so the name
        // has to end the message.
        let message = information.message();
        message == format!("UNIQUE constraint failed: {}", names.sqlite)
            || message.ends_with(&format!("for key '{}'", names.mysql))
            || message.ends_with(&format!("for key '{}.{}'", names.table, names.mysql))
    }

    const fn names(self) -> Names {
        match self {
            Self::UserEmail => Names {
                table: "users",
                sqlite: "users.email_key",
                postgres: "users_email_key",
                mysql: "users_email_key",
            },
            Self::LoginAttempt => Names {
                table: "login_attempts",
                sqlite: "login_attempts.attempt_key",
                postgres: "login_attempts_pkey",
                mysql: "PRIMARY",
            },
        }
    }
}

/// What the databases call a unique key.
struct Names {
    /// Stands before the key since MySQL 8.0.19.
    table: &'static str,
    /// SQLite names the columns.
    sqlite: &'static str,
    /// The constraint.
    postgres: &'static str,
    /// The index.
    mysql: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violated(message: &str) -> Option<Constraint> {
        let information = Box::new(message.to_owned());
        Constraint::violated_by(&Error::DatabaseError(DatabaseErrorKind::UniqueViolation, information))
    }

    #[test]
    fn the_words_of_each_database_are_understood() {
        for message in [
            "UNIQUE constraint failed: users.email_key",
            "Duplicate entry 'ada@example.com' for key 'users_email_key'",
            "Duplicate entry 'ada@example.com' for key 'users.users_email_key'",
        ] {
            assert_eq!(violated(message), Some(Constraint::UserEmail), "{message}");
        }
    }

    #[test]
    fn another_key_is_not_taken_for_the_email_and_neither_is_a_value_that_looks_like_one() {
        for message in [
            "UNIQUE constraint failed: users.id",
            "Duplicate entry 'for key 'users_email_key'' for key 'users.PRIMARY'",
        ] {
            assert_eq!(violated(message), None, "{message}");
        }
    }
}
