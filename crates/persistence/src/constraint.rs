//! Which constraint of the schema a statement violated. Each database words its error message differently.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

/// A constraint that a statement may violate although the code is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constraint {
    /// One account per e-mail identity.
    UserEmail,
    /// One counter per key of the log-in throttle.
    LoginAttempt,
    /// A product's seller has an account.
    ProductSeller,
    /// One payment per code.
    PaymentCode,
    /// One order per buyer and key.
    IdempotencyKey,
    /// One row per notification.
    Notification,
    /// A payment's buyer has an account.
    PaymentBuyer,
}

impl Constraint {
    const ALL: [Self; 7] = [
        Self::UserEmail,
        Self::LoginAttempt,
        Self::ProductSeller,
        Self::PaymentCode,
        Self::IdempotencyKey,
        Self::Notification,
        Self::PaymentBuyer,
    ];

    /// Whether this error is about the constraint. Where a database does not name the constraint, the caller has to know the
    /// statement too.
    pub(crate) fn is_violated_by(self, error: &Error) -> bool {
        let Error::DatabaseError(kind, information) = error else { return false };
        self.names().tell_of(kind, &**information)
    }

    /// The constraint that this error is about.
    pub(crate) fn violated_by(error: &Error) -> Option<Self> {
        let Error::DatabaseError(kind, information) = error else {
            return None;
        };
        Self::ALL.into_iter().find(|constraint| constraint.names().tell_of(kind, &**information))
    }

    /// The error of a statement that violates this constraint, for where the server may not check it.
    pub(crate) fn violation(self) -> Error {
        let (kind, message) = match self.names() {
            Names::Unique { table, mysql, .. } => {
                (DatabaseErrorKind::UniqueViolation, format!("for key '{table}.{mysql}'"))
            }
            Names::Foreign { table, key } => {
                (DatabaseErrorKind::ForeignKeyViolation, format!("`{table}`, CONSTRAINT `{key}` FOREIGN KEY"))
            }
        };
        Error::DatabaseError(kind, Box::new(message))
    }

    const fn names(self) -> Names {
        match self {
            Self::UserEmail => Names::Unique {
                table: "users",
                sqlite: "users.email_key",
                postgres: "users_email_key",
                mysql: "users_email_key",
            },
            Self::LoginAttempt => Names::Unique {
                table: "login_attempts",
                sqlite: "login_attempts.attempt_key",
                postgres: "login_attempts_pkey",
                mysql: "PRIMARY",
            },
            Self::ProductSeller => Names::Foreign { table: "products", key: "products_user_id_fkey" },
            Self::PaymentCode => Names::Unique {
                table: "payments",
                sqlite: "payments.payment_code",
                postgres: "payments_payment_code",
                mysql: "payments_payment_code",
            },
            Self::IdempotencyKey => Names::Unique {
                table: "idempotency_keys",
                sqlite: "idempotency_keys.user_id, idempotency_keys.idempotency_key",
                postgres: "idempotency_keys_user_id_idempotency_key",
                mysql: "idempotency_keys_user_id_idempotency_key",
            },
            Self::Notification => Names::Unique {
                table: "notifications",
                sqlite: "notifications.fingerprint",
                postgres: "notifications_fingerprint",
                mysql: "notifications_fingerprint",
            },
            Self::PaymentBuyer => Names::Foreign { table: "payments", key: "payments_user_id_fkey" },
        }
    }
}

/// What the databases call a constraint.
enum Names {
    /// A unique key.
    Unique {
        /// Precedes the key since MySQL 8.0.19.
        table: &'static str,
        /// SQLite names the columns.
        sqlite: &'static str,
        /// The constraint.
        postgres: &'static str,
        /// The index.
        mysql: &'static str,
    },
    /// A foreign key.
    Foreign {
        /// The table whose rows refer to others.
        table: &'static str,
        /// SQLite does not name the constraint: no statement may insert into two tables that have one.
        key: &'static str,
    },
}

impl Names {
    fn tell_of(&self, kind: &DatabaseErrorKind, information: &(dyn DatabaseErrorInformation + Send + Sync)) -> bool {
        let message = information.message();
        match (self, kind) {
            (Self::Unique { table, sqlite, postgres, mysql }, DatabaseErrorKind::UniqueViolation) => {
                if let Some(name) = information.constraint_name() {
                    return name == *postgres;
                }
                // MySQL and MariaDB quote the refused value, which a client chose, before the name of the key. So the
                // name has to end the message.
                message == format!("UNIQUE constraint failed: {sqlite}")
                    || message.ends_with(&format!("for key '{mysql}'"))
                    || message.ends_with(&format!("for key '{table}.{mysql}'"))
            }
            (Self::Foreign { table, key }, DatabaseErrorKind::ForeignKeyViolation) => {
                if let Some(name) = information.constraint_name() {
                    return name == *key;
                }
                // None of these messages quotes a value.
                message == "FOREIGN KEY constraint failed"
                    || message.contains(&format!("`{table}`, CONSTRAINT `{key}` FOREIGN KEY"))
            }
            _ => false,
        }
    }
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
    fn an_error_that_is_made_here_is_understood_as_one_of_the_database() {
        for constraint in Constraint::ALL {
            assert_eq!(Constraint::violated_by(&constraint.violation()), Some(constraint));
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

    #[test]
    fn a_missing_seller_is_told_by_each_database_and_a_used_one_is_something_else() {
        let violated = |message: &str| {
            let information = Box::new(message.to_owned());
            Constraint::violated_by(&Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, information))
        };
        let refused = "a foreign key constraint fails (`shop`.`products`, CONSTRAINT `products_user_id_fkey` FOREIGN KEY \
                       (`user_id`) REFERENCES `users` (`id`))";
        for message in ["FOREIGN KEY constraint failed", &format!("Cannot add or update a child row: {refused}")] {
            assert_eq!(violated(message), Some(Constraint::ProductSeller), "{message}");
        }
        assert_eq!(violated("a foreign key constraint fails (`shop`.`orders`, CONSTRAINT `orders_fkey`)"), None);
    }
}
