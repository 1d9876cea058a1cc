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
    /// Identifies an entry.
    EntryId
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Action {
    /// Somebody has logged in.
    LoggedIn,
    /// Log-ins at an account have failed so often in a row that it is slowed down, or closed.
    LoginsFailed,
    /// An operator has opened an account again.
    Unlocked,
    /// A seller has changed a product's price.
    PriceChanged,
    /// A seller has changed a product's stock.
    StockChanged,
    /// An operator has had mails tried again.
    MailsRetried,
    /// An operator has settled a payment by their word.
    PaymentResolved,
}

impl Action {
    /// The name in the storage and for operators.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Rebuilds an action from storage.
    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

/// Who did it.
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

/// One entry, as operators read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was done.
    pub at: DateTime<Utc>,
    /// What was done.
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

/// Whose entries are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// All.
    Everything,
    /// Those of one account's log-ins.
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
