//! How much work on payments is waiting, for the metrics.

use crate::connection::AnyConnection;
use crate::database::Database;
use crate::executor::JobKind;
use crate::schema::{mails, notifications, payments};
use app::clock::Deadline;
use app::payment::MailState;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::dsl::{count_star, min, sum};
use diesel::prelude::*;
use domain::error::Error;
use domain::payment::Attention;

/// How much work on payments is waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Notifications that have not been applied yet.
    pub notifications: i64,
    /// How long the oldest notification has waited, in seconds.
    pub notifications_age: i64,
    /// Mails that are yet to be sent.
    pub mails: i64,
    /// How long the oldest mail has waited, in seconds.
    pub mails_age: i64,
    /// Mails that are not tried any more.
    pub dead_mails: i64,
    /// Attempts that may have sent their mail, of mails that are not known to be sent.
    pub uncertain_mails: i64,
    /// Paid payments whose reservation was released.
    pub unfulfilled: i64,
    /// Payments that the gateway contradicts and that no operator has resolved.
    pub contradicted: i64,
}

fn count(connection: &mut AnyConnection, now: NaiveDateTime) -> QueryResult<Backlog> {
    let age = |since: Option<NaiveDateTime>| since.map_or(TimeDelta::zero(), |since| now - since).num_seconds().max(0);
    let waiting = notifications::table.filter(notifications::next_at.is_not_null());
    let (notified, first): (i64, Option<NaiveDateTime>) =
        waiting.select((count_star(), min(notifications::received_at))).get_result(connection)?;
    let queued = mails::table.filter(mails::state.eq(MailState::Queued.as_str()));
    let (queued, oldest): (i64, Option<NaiveDateTime>) =
        queued.select((count_star(), min(mails::created_at))).get_result(connection)?;
    let dead = mails::table.filter(mails::state.eq(MailState::Dead.as_str()));
    let unsent = mails::table.filter(mails::state.eq_any([MailState::Queued, MailState::Dead].map(MailState::as_str)));
    let uncertain: Option<i64> = unsent.select(sum(mails::uncertain)).get_result(connection)?;
    let waiting = payments::table.filter(payments::needs_attention.eq(true));
    let contradicted = waiting.filter(payments::attention.eq(Attention::Contradicted.as_str()));
    let (waiting, contradicted): (i64, i64) = (
        waiting.select(count_star()).get_result(connection)?,
        contradicted.select(count_star()).get_result(connection)?,
    );
    Ok(Backlog {
        notifications: notified,
        notifications_age: age(first),
        mails: queued,
        mails_age: age(oldest),
        dead_mails: dead.select(count_star()).get_result(connection)?,
        uncertain_mails: uncertain.unwrap_or_default(),
        unfulfilled: waiting - contradicted,
        contradicted,
    })
}

impl Database {
    /// # Errors
    /// Those of the storage.
    pub async fn backlog(&self, now: DateTime<Utc>, by: Deadline) -> Result<Backlog, Error> {
        Ok(self.read_as(JobKind::LongRead, by, move |connection| count(connection, now.naive_utc())).await?)
    }
}
