//! A payment's timeline.

use crate::access::Access;
use crate::context::{Context, Query};
use crate::payment::PaymentQueries;
use crate::payment::mail::MailState;
use crate::payment::view::{Audience, find};
use crate::pipeline::UseCase;
use crate::rate_limit::RateLimitClass;
use chrono::{DateTime, Utc};
use domain::error::{Error, ErrorCode};
use domain::payment::{Event, EventKind, Payment, Status};
use std::sync::Arc;

/// The events of a payment, and the notifications and mails about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The events and their causes, in order.
    pub events: Vec<(Event, String)>,
    /// In the order of their arrival.
    pub notifications: Vec<NotificationNote>,
    /// In the order in which they were queued.
    pub mails: Vec<MailNote>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationNote {
    pub at: DateTime<Utc>,
    pub status: String,
    pub times: u32,
    /// `None` while it waits.
    pub outcome: Option<String>,
    /// The body of the first copy.
    pub body: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailNote {
    /// When it was queued or last tried.
    pub at: DateTime<Utc>,
    pub audience: Audience,
    pub status: Status,
    pub state: MailState,
    pub attempts: u32,
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    pub at: DateTime<Utc>,
    /// The kind of entry: `ordered`, `opened`, `status`, `sold`, `released`, `reserved_again`, `unfulfilled`, `refunded`,
    /// `fee_paid`, `contradicted`, `explained`, `resolved`, `notification` or `mail`.
    pub kind: &'static str,
    pub text: String,
}

impl Timeline {
    /// Returns the entries in order of time, without e-mail addresses.
    #[must_use]
    pub fn lines(&self, payment: &Payment) -> Vec<TimelineEntry> {
        let events = self.events.iter().map(|(event, cause)| event_line(event, cause, payment));
        let notifications = self.notifications.iter().map(notification_line);
        let mails = self.mails.iter().map(mail_line);
        let mut lines: Vec<_> = events.chain(notifications).chain(mails).collect();
        // The sort is stable: entries of one moment keep their order.
        lines.sort_by_key(|line| line.at);
        lines
    }
}

fn event_line(event: &Event, cause: &str, payment: &Payment) -> TimelineEntry {
    let record = payment.record();
    let pieces = counted(record.quantity.count().unsigned_abs(), "piece");
    let (kind, text) = match event.kind {
        EventKind::Ordered => (
            "ordered",
            format!("{pieces} reserved, {} left, total {}", record.product.details().stock.count(), record.total),
        ),
        EventKind::Opened => ("opened", "payment page opened, status pending".to_owned()),
        EventKind::Moved { from, to } => ("status", format!("from {} to {} ({cause})", from.as_str(), to.as_str())),
        EventKind::Sold => ("sold", format!("{pieces} sold")),
        EventKind::Released => ("released", format!("{pieces} given back")),
        EventKind::ReservedAgain => ("reserved_again", format!("{pieces} reserved once more for money that came late")),
        EventKind::Unfulfilled => ("unfulfilled", format!("paid, when {pieces} could not be had any more")),
        EventKind::Refunded { in_all } => ("refunded", format!("{in_all} given back in all")),
        EventKind::FeePaid { in_all } => {
            ("fee_paid", format!("the payer paid {in_all} more for the way of paying, which is not the seller's"))
        }
        EventKind::Contradicted { over } => {
            ("contradicted", format!("the gateway told of {over} in a way that does not fit; somebody looks at it"))
        }
        EventKind::Explained => ("explained", "the gateway has told of it since in a way that fits".to_owned()),
        EventKind::Resolved(resolution) => ("resolved", format!("settled as {} by a person", resolution.as_str())),
    };
    TimelineEntry { at: event.at, kind, text }
}

fn notification_line(note: &NotificationNote) -> TimelineEntry {
    let outcome = note.outcome.as_deref().unwrap_or("waiting");
    let times = if note.times == 1 { String::new() } else { format!(", {} times", note.times) };
    TimelineEntry { at: note.at, kind: "notification", text: format!("{}{times}: {outcome}", note.status) }
}

fn mail_line(note: &MailNote) -> TimelineEntry {
    let MailNote { audience, status, state, attempts, .. } = note;
    let tried = counted(*attempts, "attempt");
    let what = match state {
        MailState::Logged => "logged, not sent".to_owned(),
        MailState::Written => "written to a file, not sent".to_owned(),
        MailState::Queued if *attempts == 0 => "queued".to_owned(),
        MailState::Queued | MailState::Sent | MailState::Dead => format!("{} after {tried}", state.as_str()),
    };
    TimelineEntry { at: note.at, kind: "mail", text: format!("{status} to the {}: {what}", audience.as_str()) }
}

/// `1 piece`, `2 pieces`.
fn counted(number: u32, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Shows a payment's timeline to its buyer or its seller.
pub struct ViewTimeline {
    pub payments: Arc<dyn PaymentQueries>,
}

impl UseCase for ViewTimeline {
    const NAME: &'static str = "view_timeline";
    type Kind = Query;
    const ACCESS: Access = Access::Authenticated;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::PaymentNotFound, ErrorCode::Forbidden];
    /// The payment's identifier, as it arrived.
    type Input = String;
    type Output = Vec<TimelineEntry>;

    async fn execute(&self, context: &Context<Query>, id: String) -> Result<Vec<TimelineEntry>, Error> {
        let (payment, _) = find(&*self.payments, context, &id).await?;
        let story = self.payments.timeline(payment.record().id, context.deadline).await?;
        Ok(story.lines(&payment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_told_by_what_has_become_of_it() {
        for (state, attempts, told) in [
            (MailState::Queued, 0, "queued"),
            (MailState::Queued, 2, "queued after 2 attempts"),
            (MailState::Sent, 1, "sent after 1 attempt"),
            (MailState::Sent, 3, "sent after 3 attempts"),
            (MailState::Logged, 1, "logged, not sent"),
            (MailState::Written, 1, "written to a file, not sent"),
            (MailState::Dead, 10, "dead after 10 attempts"),
        ] {
            let (audience, status) = (Audience::Buyer, Status::Pending);
            let note = MailNote { at: DateTime::UNIX_EPOCH, audience, status, state, attempts, error: None };
            assert_eq!(mail_line(&note).text, format!("pending to the buyer: {told}"));
        }
    }
}
