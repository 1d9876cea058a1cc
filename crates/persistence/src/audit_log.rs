//! The audit log.

use crate::connection::AnyConnection;
use crate::database::Database;
use crate::login_attempts::account_digest;
use crate::schema::audit_log::{self, action, actor, client, details, happened_at, id, subject, table};
use crate::schema::{mails, products};
use app::audit_log::{About, Action, AuditLog, Author, Entry, EntryId};
use app::client::ClientAddress;
use app::clock::Deadline;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::error::Error;

/// In characters. Longer details are cut.
pub(crate) const LONGEST_DETAILS: usize = 255;

pub(crate) struct AuditEntry<'a> {
    pub(crate) action: Action,
    pub(crate) author: Author,
    pub(crate) client: Option<ClientAddress>,
    pub(crate) subject: &'a str,
    pub(crate) details: &'a str,
}

/// Adds an entry in the transaction that does what the entry says.
pub(crate) fn add(connection: &mut AnyConnection, entry: &AuditEntry<'_>, now: DateTime<Utc>) -> QueryResult<()> {
    let entry = (
        id.eq(EntryId::generate().to_string()),
        happened_at.eq(now.naive_utc()),
        action.eq(entry.action.as_str()),
        actor.eq(entry.author.to_string()),
        client.eq(entry.client.map(|address| address.to_string())),
        subject.eq(entry.subject),
        details.eq(entry.details),
    );
    diesel::insert_into(table).values(entry).execute(connection).map(drop)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_log)]
struct EntryRow {
    happened_at: NaiveDateTime,
    action: String,
    actor: String,
    client: Option<String>,
    subject: String,
    details: String,
}

impl TryFrom<EntryRow> for Entry {
    type Error = Error;

    fn try_from(row: EntryRow) -> Result<Self, Error> {
        let done = Action::restore(&row.action);
        Ok(Self {
            at: row.happened_at.and_utc(),
            action: done.ok_or_else(|| Error::internal("audit_log.action holds what the domain does not know"))?,
            author: row.actor,
            client: row.client,
            subject: row.subject,
            details: row.details,
        })
    }
}

impl Database {
    /// Whether a product, withdrawn or not, or a mail has this id. Entries may be about such a thing.
    ///
    /// # Errors
    /// Those of a query.
    pub async fn has_thing(&self, thing: &str, by: Deadline) -> Result<bool, Error> {
        let thing = thing.to_owned();
        let found = self.read(by, move |connection| {
            let products: i64 = products::table.find(&thing).count().get_result(connection)?;
            let mails: i64 = mails::table.find(&thing).count().get_result(connection)?;
            Ok(products + mails > 0)
        });
        Ok(found.await?)
    }
}

#[async_trait]
impl AuditLog for Database {
    async fn entries(&self, about: About, limit: u32, by: Deadline) -> Result<Vec<Entry>, Error> {
        let wanted = match about {
            About::Everything => None,
            About::Account(account) => Some(account_digest(&account)),
            About::Thing(thing) => Some(thing),
        };
        let rows: Vec<EntryRow> = self
            .read(by, move |connection| {
                let newest = table.order((happened_at.desc(), id.desc())).limit(limit.into());
                let newest = newest.select(EntryRow::as_select()).into_boxed();
                match &wanted {
                    Some(wanted) => newest.filter(subject.eq(wanted)).load(connection),
                    None => newest.load(connection),
                }
            })
            .await?;
        rows.into_iter().map(Entry::try_from).collect()
    }

    async fn purge(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error> {
        let before = before.naive_utc();
        let purged =
            self.write(by, move |connection| diesel::delete(table.filter(happened_at.lt(before))).execute(connection));
        Ok(purged.await?)
    }
}
