//! What happens to payments, and the mails that are queued with it.

use crate::connection::AnyConnection;
use crate::dialect::on_each;
use crate::schema::{mails, payment_events};
use app::payment::mail::recipients;
use app::payment::{Cause, MailId, MailState};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::error::Error;
use domain::money::Money;
use domain::payment::{Event, EventKind, PaymentId, Resolution, State};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = payment_events, treat_none_as_default_value = false)]
pub(super) struct EventRow {
    payment_id: String,
    number: i32,
    kind: String,
    from_state: Option<String>,
    to_state: Option<String>,
    amount: Option<i64>,
    cause: String,
    cause_id: Option<String>,
    happened_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = mails)]
struct QueuedMail {
    id: String,
    payment_id: String,
    event: i32,
    status: &'static str,
    audience: &'static str,
    state: &'static str,
    attempts: i32,
    uncertain: i32,
    next_at: NaiveDateTime,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

const fn name_of(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Ordered => "ordered",
        EventKind::Opened => "opened",
        EventKind::Moved { .. } => "moved",
        EventKind::Sold => "sold",
        EventKind::Released => "released",
        EventKind::ReservedAgain => "reserved_again",
        EventKind::Unfulfilled => "unfulfilled",
        EventKind::Refunded { .. } => "refunded",
        EventKind::FeePaid { .. } => "fee_paid",
        EventKind::Contradicted { .. } => "contradicted",
        EventKind::Explained => "explained",
        EventKind::Resolved(_) => "resolved",
    }
}

impl EventRow {
    fn new(payment: PaymentId, event: &Event, cause: Cause) -> Self {
        let (from, to) = match event.kind {
            EventKind::Moved { from, to } => (Some(from.as_str().to_owned()), Some(to.as_str().to_owned())),
            EventKind::Resolved(resolution) => (None, Some(resolution.state().as_str().to_owned())),
            _ => (None, None),
        };
        let amount = match event.kind {
            EventKind::Refunded { in_all: amount }
            | EventKind::FeePaid { in_all: amount }
            | EventKind::Contradicted { over: amount } => Some(amount.minor()),
            _ => None,
        };
        let cause_id = match cause {
            Cause::Notification(id) => Some(id.to_string()),
            Cause::Order | Cause::Check | Cause::Operator => None,
        };
        Self {
            payment_id: payment.to_string(),
            number: i32::try_from(event.number).unwrap_or(i32::MAX),
            kind: name_of(event.kind).to_owned(),
            from_state: from,
            to_state: to,
            amount,
            cause: cause.as_str().to_owned(),
            cause_id,
            happened_at: event.at.naive_utc(),
        }
    }

    fn kind(&self) -> Option<EventKind> {
        let state = |name: &Option<String>| name.as_deref().and_then(State::restore);
        let amount = || Money::from_minor(self.amount?);
        match self.kind.as_str() {
            "moved" => Some(EventKind::Moved { from: state(&self.from_state)?, to: state(&self.to_state)? }),
            "refunded" => Some(EventKind::Refunded { in_all: amount()? }),
            "fee_paid" => Some(EventKind::FeePaid { in_all: amount()? }),
            "contradicted" => Some(EventKind::Contradicted { over: amount()? }),
            "resolved" => Some(EventKind::Resolved(Resolution::restore(state(&self.to_state)?)?)),
            name => [
                EventKind::Ordered,
                EventKind::Opened,
                EventKind::Sold,
                EventKind::Released,
                EventKind::ReservedAgain,
                EventKind::Unfulfilled,
                EventKind::Explained,
            ]
            .into_iter()
            .find(|kind| name_of(*kind) == name),
        }
    }

    pub(super) fn event(self) -> Result<(Event, String), Error> {
        let unknown = || Error::internal("payment_events.kind holds what the domain does not know");
        let kind = self.kind().ok_or_else(unknown)?;
        let event = Event { number: self.number.unsigned_abs(), at: self.happened_at.and_utc(), kind };
        let cause = match self.cause_id {
            Some(id) => format!("{} {id}", self.cause),
            None => self.cause,
        };
        Ok((event, cause))
    }
}

/// Stores a payment's events, and queues the mails for each change that buyer or seller see.
pub(super) fn record(
    connection: &mut AnyConnection,
    payment: PaymentId,
    cause: Cause,
    events: &[Event],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    if events.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = events.iter().map(|event| EventRow::new(payment, event, cause)).collect();
    let insert = diesel::insert_into(payment_events::table).values(rows);
    on_each!(connection, inner => insert.execute(inner))?;
    let mails: Vec<_> = events.iter().flat_map(|event| mails_about(payment, event, now.naive_utc())).collect();
    if !mails.is_empty() {
        let insert = diesel::insert_into(mails::table).values(mails);
        on_each!(connection, inner => insert.execute(inner))?;
    }
    Ok(())
}

fn mails_about(payment: PaymentId, event: &Event, now: NaiveDateTime) -> impl Iterator<Item = QueuedMail> + use<> {
    let (status, number) = (event.kind.shown(), i32::try_from(event.number).unwrap_or(i32::MAX));
    recipients(event.kind).iter().filter_map(move |audience| {
        Some(QueuedMail {
            id: MailId::generate().to_string(),
            payment_id: payment.to_string(),
            event: number,
            status: status?.as_str(),
            audience: audience.as_str(),
            state: MailState::Queued.as_str(),
            attempts: 0,
            uncertain: 0,
            next_at: now,
            created_at: now,
            updated_at: now,
        })
    })
}

/// A payment's events after the one with this number, in order.
pub(super) fn after(connection: &mut AnyConnection, payment: PaymentId, number: u32) -> QueryResult<Vec<EventRow>> {
    payment_events::table
        .filter(payment_events::payment_id.eq(payment.to_string()))
        .filter(payment_events::number.gt(i32::try_from(number).unwrap_or(i32::MAX)))
        .order(payment_events::number)
        .select(EventRow::as_select())
        .load(connection)
}
