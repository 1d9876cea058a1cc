//! The inbox: notifications of the gateway, as they came.

use crate::connection::AnyConnection;
use crate::constraint::Constraint;
use crate::database::Database;
use crate::dialect::write_transaction;
use crate::schema::notifications::{self, attempts, fingerprint, judged_at, next_at, table, times, verdict};
use crate::schema::payments;
use crate::work_queue::{self, QueuedRow, load_unlocked};
use app::clock::Deadline;
use app::payment::{
    NotificationId, NotificationNote, NotificationOutcome, Notifications, PendingNotification, StoreOutcome,
    StoredNotification,
};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::error::Error;

/// In characters. Longer fields are cut; those of genuine notifications are much shorter.
const LONGEST: usize = 255;
const LONGEST_STATUS: usize = 64;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = notifications, treat_none_as_default_value = false)]
pub(crate) struct NotificationRow {
    id: String,
    order_id: String,
    transaction_id: Option<String>,
    transaction_status: String,
    fingerprint: String,
    body: String,
    received_at: NaiveDateTime,
    times: i32,
    verdict: Option<String>,
    judged_at: Option<NaiveDateTime>,
    attempts: i32,
    next_at: Option<NaiveDateTime>,
}

fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

impl NotificationRow {
    fn new(received: &StoredNotification, now: NaiveDateTime, retry_at: NaiveDateTime, is_known: bool) -> Self {
        let unknown = (!is_known).then_some(NotificationOutcome::UnknownOrder);
        Self {
            id: NotificationId::generate().to_string(),
            order_id: cut(&received.order, LONGEST),
            transaction_id: received.transaction.as_deref().map(|id| cut(id, LONGEST)),
            transaction_status: cut(&received.status, LONGEST_STATUS),
            fingerprint: received.fingerprint.clone(),
            body: received.body.clone(),
            received_at: now,
            times: 1,
            verdict: unknown.map(|unknown| unknown.as_str().to_owned()),
            judged_at: unknown.map(|_| now),
            attempts: 1,
            next_at: is_known.then_some(retry_at),
        }
    }

    /// The notification as an entry of its payment's timeline.
    pub(crate) fn note(self) -> NotificationNote {
        NotificationNote {
            at: self.received_at.and_utc(),
            status: self.transaction_status,
            times: self.times.unsigned_abs(),
            outcome: self.verdict,
            body: self.body,
        }
    }

    fn pending(self) -> Option<PendingNotification> {
        let id = self.id.parse().ok();
        if id.is_none() {
            tracing::error!("notifications.id holds what the domain does not know");
        }
        Some(PendingNotification {
            id: id?,
            order: self.order_id,
            transaction: self.transaction_id,
            attempts: self.attempts.unsigned_abs(),
        })
    }
}

/// Stores a notification, or counts it where the same one is stored already.
fn store(
    connection: &mut AnyConnection,
    row: &mut NotificationRow,
    received: &StoredNotification,
) -> QueryResult<StoreOutcome> {
    let is_known = match received.payment() {
        Some(id) => {
            let payment = payments::table.find(id.to_string()).select(payments::id);
            payment.get_result::<String>(connection).optional()?.is_some()
        }
        None => false,
    };
    if !is_known {
        let now = row.received_at;
        *row = NotificationRow { id: row.id.clone(), ..NotificationRow::new(received, now, now, false) };
    }
    match diesel::insert_into(table).values(&*row).execute(connection) {
        Ok(_) if is_known => Ok(row.id.parse().map_or(StoreOutcome::Duplicate, StoreOutcome::New)),
        Ok(_) => Ok(StoreOutcome::UnknownOrder),
        Err(error) if Constraint::Notification.is_violated_by(&error) => {
            let same = table.filter(fingerprint.eq(&row.fingerprint));
            diesel::update(same).set(times.eq(times + 1)).execute(connection)?;
            Ok(if is_known { StoreOutcome::Duplicate } else { StoreOutcome::UnknownOrder })
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn complete(
    connection: &mut AnyConnection,
    id: NotificationId,
    what: NotificationOutcome,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let judged = (verdict.eq(what.as_str()), judged_at.eq(now.naive_utc()), next_at.eq(None::<NaiveDateTime>));
    // The first outcome stays.
    diesel::update(table.find(id.to_string()).filter(verdict.is_null())).set(judged).execute(connection).map(drop)
}

impl QueuedRow for NotificationRow {
    fn load_due(connection: &mut AnyConnection, limit: u32, now: NaiveDateTime) -> QueryResult<Vec<Self>> {
        let due = table.filter(next_at.le(now)).order((next_at, notifications::id)).limit(limit.into());
        load_unlocked!(connection, due)
    }

    fn lease(&self, connection: &mut AnyConnection, now: NaiveDateTime, until: NaiveDateTime) -> QueryResult<usize> {
        let due = table.find(&self.id).filter(next_at.le(now)).filter(attempts.eq(self.attempts));
        diesel::update(due).set((next_at.eq(until), attempts.eq(attempts + 1))).execute(connection)
    }
}

#[async_trait]
impl Notifications for Database {
    async fn store(
        &self,
        received: &StoredNotification,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<StoreOutcome, Error> {
        let received = received.clone();
        let mut row = NotificationRow::new(&received, now.naive_utc(), retry_at.naive_utc(), true);
        Ok(self.write(by, move |connection| store(connection, &mut row, &received)).await?)
    }

    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<PendingNotification>, Error> {
        let (now, retry_at) = (now.naive_utc(), retry_at.naive_utc());
        let claim = self.write(by, move |connection| {
            write_transaction(connection, |connection| work_queue::claim(connection, limit, now, retry_at))
        });
        Ok(claim.await?.into_iter().filter_map(NotificationRow::pending).collect())
    }

    async fn complete(
        &self,
        id: NotificationId,
        what: NotificationOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error> {
        Ok(self.write(by, move |connection| complete(connection, id, what, now)).await?)
    }

    async fn postpone(&self, id: NotificationId, due: DateTime<Utc>, by: Deadline) -> Result<(), Error> {
        let due = due.naive_utc();
        self.write(by, move |connection| {
            let waiting = table.find(id.to_string()).filter(verdict.is_null());
            diesel::update(waiting).set(next_at.eq(due)).execute(connection)
        })
        .await?;
        Ok(())
    }
}
