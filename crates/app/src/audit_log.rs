//! The audit log: security-relevant actions and their authors (OWASP ASVS 5.0, 16.3).
//!
//! Storage writes an entry in the transaction of the action, so that neither exists without the other. Changes of payments
//! are in their own events, which name their causes; the audit log has only operators' resolutions.

use crate::clock::Deadline;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::Error;
use domain::user::{Email, UserId};
use std::fmt;
use strum::{EnumString, IntoStaticStr};

domain::id::uuid_id! {
    EntryId
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Action {
    LoggedIn,
    /// So many log-ins in a row failed that the account is slowed down or locked.
    LoginsFailed,
    Unlocked,
    PriceChanged,
    StockChanged,
    MailsRetried,
    PaymentResolved,
}

impl Action {
    /// The name in the storage and for operators.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The account whose token was used.
    User(UserId),
    /// Somebody who may run commands on the shop's machines.
    Operator,
    /// Somebody who knew the account's password.
    Owner,
    /// Somebody who did not know the account's password.
    Stranger,
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::Owner => f.write_str("owner"),
            Self::Stranger => f.write_str("stranger"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: DateTime<Utc>,
    pub action: Action,
    /// The text of an [`Author`].
    pub author: String,
    /// The client's address, if a client called.
    pub client: Option<String>,
    /// The id of a product, mail or payment, or a digest of an account's e-mail address: anybody may try to log in with
    /// anybody's address.
    pub subject: String,
    /// Details, such as a price before and after.
    pub details: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    Everything,
    Account(Email),
    /// One product, mail or payment, by its id.
    Thing(String),
}

/// Reads the audit log. The port has no method that writes: storage writes an entry with its action. Errors are those of
/// [`Payments`](crate::payment::Payments); each call may be repeated.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Returns up to `limit` entries, the newest first.
    async fn entries(&self, about: About, limit: u32, by: Deadline) -> Result<Vec<Entry>, Error>;

    /// Deletes entries from before a moment and returns their number.
    async fn purge(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}
