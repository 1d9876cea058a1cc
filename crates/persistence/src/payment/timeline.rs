//! All that is stored of what happened to a payment.

use crate::connection::AnyConnection;
use crate::notifications::NotificationRow;
use crate::outbox::MailRow;
use crate::payment::events::{self, EventRow};
use crate::schema::{mails, notifications};
use app::payment::Timeline;
use diesel::prelude::*;
use domain::error::Error;
use domain::payment::PaymentId;

pub(super) struct StoredTimeline {
    events: Vec<EventRow>,
    notifications: Vec<NotificationRow>,
    mails: Vec<MailRow>,
}

pub(super) fn read(connection: &mut AnyConnection, id: PaymentId) -> QueryResult<StoredTimeline> {
    let events = events::after(connection, id, 0)?;
    let notifications = notifications::table
        .filter(notifications::order_id.eq(id.to_string()))
        .order((notifications::received_at, notifications::id))
        .select(NotificationRow::as_select())
        .load(connection)?;
    let mails = mails::table
        .filter(mails::payment_id.eq(id.to_string()))
        .order((mails::event, mails::audience))
        .select(MailRow::as_select())
        .load(connection)?;
    Ok(StoredTimeline { events, notifications, mails })
}

impl StoredTimeline {
    pub(super) fn timeline(self) -> Result<Timeline, Error> {
        Ok(Timeline {
            events: self.events.into_iter().map(EventRow::event).collect::<Result<_, _>>()?,
            notifications: self.notifications.into_iter().map(NotificationRow::note).collect(),
            mails: self.mails.into_iter().map(MailRow::note).collect::<Result<_, _>>()?,
        })
    }
}
