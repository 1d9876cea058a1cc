//! The audit log: who did what that somebody may have to answer for (OWASP ASVS 5.0, 16.3).
//!
//! The storage writes an entry in the transaction of what it tells of, so that there is none without the other. What happens
//! to payments is in their own events, which name their causes; only what a person says of one is here too.

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
    /// Log-ins at an account have failed so often in a row that it is slowed down, or closed.
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
    /// An account, whose token it was done with.
    User(UserId),
    /// Whoever may run commands on the shop's machines.
    Operator,
    /// Whoever knew an account's password.
    Owner,
    /// Somebody who did not.
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
    /// Who did it, as [`Author`] spells it.
    pub author: String,
    /// Where they were: the address of a client, where one was there.
    pub client: Option<String>,
    /// What it was done to: a product, a mail, a payment, or an account by a digest of its e-mail address, because anybody may try
    /// anybody's.
    pub subject: String,
    /// What more there is to tell, such as a price before and after.
    pub details: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    Everything,
    Account(Email),
    /// Those of one product, mail or payment, by its identifier.
    Thing(String),
}

/// What has been written down. There is no method that writes: entries come with what they tell of.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// The newest entries, newest first.
    async fn entries(&self, about: About, limit: u32, by: Deadline) -> Result<Vec<Entry>, Error>;

    /// Drops entries from before a moment, and tells how many.
    async fn purge(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error>;
}
