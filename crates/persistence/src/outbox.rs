//! The outbox: mails that are to be sent.

use crate::audit_log::{self, AuditEntry};
use crate::connection::AnyConnection;
use crate::database::Database;
use crate::dialect::write_transaction;
use crate::payment::{PaymentRow, Stored};
use crate::schema::mails::{
    self, attempts, id, last_error, leased_until, next_at, state, table, uncertain, updated_at,
};
use crate::schema::{payments, users};
use crate::work_queue::{self, QueuedRow, load_unlocked};
use app::audit_log::{Action, Author};
use app::clock::Deadline;
use app::payment::{Audience, ClaimedMail, Mail, MailId, MailNote, MailSelection, MailState, Outbox, SendOutcome};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::Eq;
use diesel::prelude::*;
use domain::error::Error;
use domain::payment::{Payment, Status};
use std::collections::HashMap;

/// In characters. Longer reasons are cut.
const LONGEST_REASON: usize = 500;

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = mails)]
pub(crate) struct MailRow {
    id: String,
    payment_id: String,
    event: i32,
    status: String,
    audience: String,
    state: String,
    attempts: i32,
    uncertain: i32,
    next_at: NaiveDateTime,
    last_error: Option<String>,
    updated_at: NaiveDateTime,
}

fn corrupt(column: &'static str) -> Error {
    Error::internal(format!("mails.{column} holds what the domain does not know"))
}

impl TryFrom<MailRow> for Mail {
    type Error = Error;

    fn try_from(row: MailRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.id.parse().map_err(|_| corrupt("id"))?,
            payment: row.payment_id.parse().map_err(|_| corrupt("payment_id"))?,
            event: row.event.unsigned_abs(),
            status: Status::find(&row.status).ok_or_else(|| corrupt("status"))?,
            audience: Audience::restore(&row.audience).ok_or_else(|| corrupt("audience"))?,
            state: MailState::restore(&row.state).ok_or_else(|| corrupt("state"))?,
            attempts: row.attempts.unsigned_abs(),
            uncertain: row.uncertain.unsigned_abs(),
            next_at: row.next_at.and_utc(),
            error: row.last_error,
        })
    }
}

impl MailRow {
    /// The mail as an entry of its payment's timeline.
    pub(crate) fn note(self) -> Result<MailNote, Error> {
        let at = self.updated_at.and_utc();
        let mail = Mail::try_from(self)?;
        Ok(MailNote {
            at,
            audience: mail.audience,
            status: mail.status,
            state: mail.state,
            attempts: mail.attempts,
            error: mail.error,
        })
    }
}

/// Claimed mails with their payments, and the names and addresses of those to whom they go.
struct StoredMails {
    rows: Vec<MailRow>,
    payments: Stored,
    people: HashMap<String, (String, String)>,
}

/// The columns that keep a mail from being claimed. Servers of the previous release check `next_at` alone.
fn leased(until: NaiveDateTime) -> (Eq<next_at, NaiveDateTime>, Eq<leased_until, Option<NaiveDateTime>>) {
    (next_at.eq(until), leased_until.eq(Some(until)))
}

impl QueuedRow for MailRow {
    fn load_due(connection: &mut AnyConnection, limit: u32, now: NaiveDateTime) -> QueryResult<Vec<Self>> {
        let due = table
            .filter(state.eq(MailState::Queued.as_str()))
            .filter(next_at.le(now))
            .filter(leased_until.is_null().or(leased_until.le(now)))
            .order((next_at, id))
            .limit(limit.into());
        load_unlocked!(connection, due)
    }

    fn lease(&self, connection: &mut AnyConnection, now: NaiveDateTime, until: NaiveDateTime) -> QueryResult<usize> {
        // A server whose lease has ended may still record that it has sent the mail, which leaves `next_at` as it was.
        let due = table.find(&self.id).filter(next_at.le(now)).filter(attempts.eq(self.attempts));
        let due = due.filter(leased_until.is_null().or(leased_until.le(now)));
        let due = due.filter(state.eq(MailState::Queued.as_str()));
        // An attempt counts when it begins: a mail at which the process dies is not tried for ever.
        diesel::update(due).set((leased(until), attempts.eq(attempts + 1))).execute(connection)
    }
}

/// Claims mails that are due, and loads what they are about.
fn claim(
    connection: &mut AnyConnection,
    limit: u32,
    now: NaiveDateTime,
    retry_at: NaiveDateTime,
) -> QueryResult<StoredMails> {
    let rows: Vec<MailRow> = work_queue::claim(connection, limit, now, retry_at)?;
    let about = payments::table.filter(payments::id.eq_any(rows.iter().map(|row| row.payment_id.as_str())));
    let about: Vec<PaymentRow> = about.select(PaymentRow::as_select()).load(connection)?;
    let concerned = about.iter().flat_map(|payment| [payment.user_id.as_str(), payment.seller_id.as_str()]);
    let people: Vec<(String, String, String)> = users::table
        .filter(users::id.eq_any(concerned))
        .select((users::id, users::name, users::email))
        .load(connection)?;
    let people = people.into_iter().map(|(user, name, email)| (user, (name, email))).collect();
    Ok(StoredMails { rows, payments: Stored::complete(connection, about)?, people })
}

impl StoredMails {
    fn claimed(self) -> Result<Vec<ClaimedMail>, Error> {
        let payments: HashMap<_, Payment> = self.payments.payments()?.into_iter().map(|p| (p.record().id, p)).collect();
        let mut claimed = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let mail = Mail::try_from(row)?;
            let payment = payments.get(&mail.payment).cloned().ok_or_else(|| corrupt("payment_id"))?;
            let recipient = match mail.audience {
                Audience::Buyer => payment.record().buyer,
                Audience::Seller => payment.seller(),
            };
            let (name, email) = self.people.get(&recipient.to_string()).cloned().ok_or_else(|| corrupt("audience"))?;
            claimed.push(ClaimedMail { mail, payment, name, email });
        }
        Ok(claimed)
    }
}

/// The states of mails that need no more work.
fn done() -> [&'static str; 3] {
    MailState::DONE.map(MailState::as_str)
}

/// Records how an attempt ended. A mail that another server has sent meanwhile stays sent.
fn record_attempt(
    connection: &mut AnyConnection,
    mail: MailId,
    attempt: &SendOutcome,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let queued = table.find(mail.to_string()).filter(state.ne_all(done()));
    let reason = |error: &str| error.chars().take(LONGEST_REASON).collect::<String>();
    let free = leased_until.eq(None::<NaiveDateTime>);
    match attempt {
        SendOutcome::Done(delivery) => {
            let done = (free, state.eq(delivery.state().as_str()), last_error.eq(None::<String>), updated_at.eq(now));
            diesel::update(queued).set(done).execute(connection)
        }
        SendOutcome::Deferred { due, error } => {
            let back = (
                free,
                next_at.eq(due.naive_utc()),
                attempts.eq(attempts - 1),
                last_error.eq(reason(error)),
                updated_at.eq(now),
            );
            diesel::update(queued).set(back).execute(connection)
        }
        SendOutcome::Failed { due, error, is_uncertain } => {
            let again = (
                free,
                next_at.eq(due.naive_utc()),
                uncertain.eq(uncertain + i32::from(*is_uncertain)),
                last_error.eq(reason(error)),
                updated_at.eq(now),
            );
            diesel::update(queued).set(again).execute(connection)
        }
        SendOutcome::Dead { error } => {
            let dead = (free, state.eq(MailState::Dead.as_str()), last_error.eq(reason(error)), updated_at.eq(now));
            diesel::update(queued).set(dead).execute(connection)
        }
    }
    .map(drop)
}

/// Makes mails due at once, and returns how many.
fn retry(connection: &mut AnyConnection, which: MailSelection, now: DateTime<Utc>) -> QueryResult<usize> {
    let at = now.naive_utc();
    let queued = state.eq(MailState::Queued.as_str());
    let again = (queued, attempts.eq(0), uncertain.eq(0), next_at.eq(at), updated_at.eq(at));
    let is_free = leased_until.is_null().or(leased_until.le(at));
    let (retried, subject) = match which {
        MailSelection::One(mail) => {
            let unsent = table.find(mail.to_string()).filter(state.ne_all(done())).filter(is_free);
            (diesel::update(unsent).set(again).execute(connection)?, mail.to_string())
        }
        MailSelection::AllFailed => {
            let has_failed = state.eq(MailState::Dead.as_str()).or(queued.and(last_error.is_not_null()));
            let failed = table.filter(has_failed).filter(is_free);
            (diesel::update(failed).set(again).execute(connection)?, "all mails that failed".to_owned())
        }
    };
    if retried > 0 {
        let (action, author, details) = (Action::MailsRetried, Author::Operator, format!("{retried} mails"));
        let entry = AuditEntry { action, author, client: None, subject: &subject, details: &details };
        audit_log::add(connection, &entry, now)?;
    }
    Ok(retried)
}

impl Database {
    /// `None` where the mail does not exist.
    ///
    /// # Errors
    /// Those of a query.
    pub async fn mail_state(&self, mail: MailId, by: Deadline) -> Result<Option<MailState>, Error> {
        let found = self.read(by, move |connection| {
            table.find(mail.to_string()).select(state).first::<String>(connection).optional()
        });
        let found = found.await?;
        found.map(|found| MailState::restore(&found).ok_or_else(|| corrupt("state"))).transpose()
    }
}

#[async_trait]
impl Outbox for Database {
    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<ClaimedMail>, Error> {
        let (now, retry_at) = (now.naive_utc(), retry_at.naive_utc());
        let stored = self
            .write(by, move |connection| {
                write_transaction(connection, |connection| claim(connection, limit, now, retry_at))
            })
            .await?;
        stored.claimed()
    }

    async fn renew(&self, ids: &[MailId], until: DateTime<Utc>, by: Deadline) -> Result<(), Error> {
        let ids: Vec<_> = ids.iter().map(MailId::to_string).collect();
        let renewed = self.write(by, move |connection| {
            let held = table.filter(id.eq_any(&ids)).filter(state.eq(MailState::Queued.as_str()));
            let held = held.filter(leased_until.is_not_null());
            diesel::update(held).set(leased(until.naive_utc())).execute(connection)
        });
        renewed.await?;
        Ok(())
    }

    async fn is_hastened(&self, since: DateTime<Utc>, by: Deadline) -> Result<bool, Error> {
        let since = since.naive_utc();
        let found = self.read(by, move |connection| {
            // A mail that has failed since then is due later, unless an operator has made it due at once.
            let hastened = table.filter(state.eq(MailState::Queued.as_str())).filter(last_error.is_not_null());
            let hastened = hastened.filter(updated_at.ge(since)).filter(next_at.le(updated_at));
            hastened.select(id).first::<String>(connection).optional()
        });
        Ok(found.await?.is_some())
    }

    async fn record_attempt(
        &self,
        mail: MailId,
        attempt: &SendOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error> {
        let attempt = attempt.clone();
        Ok(self.write(by, move |connection| record_attempt(connection, mail, &attempt, now.naive_utc())).await?)
    }

    async fn mails(&self, wanted: Option<MailState>, limit: u32, by: Deadline) -> Result<Vec<Mail>, Error> {
        let rows: Vec<MailRow> = self
            .read(by, move |connection| {
                let mails = table.order((next_at, id)).limit(limit.into()).select(MailRow::as_select()).into_boxed();
                match wanted {
                    Some(wanted) => mails.filter(state.eq(wanted.as_str())).load(connection),
                    None => mails.load(connection),
                }
            })
            .await?;
        rows.into_iter().map(Mail::try_from).collect()
    }

    async fn retry(&self, which: MailSelection, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error> {
        let retried =
            self.write(by, move |connection| write_transaction(connection, |connection| retry(connection, which, now)));
        Ok(retried.await?)
    }

    async fn purge(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error> {
        let before = before.naive_utc();
        let purged = self.write(by, move |connection| {
            let old = table.filter(state.eq_any(done())).filter(updated_at.lt(before));
            diesel::delete(old).execute(connection)
        });
        Ok(purged.await?)
    }
}
