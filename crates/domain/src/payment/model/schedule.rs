//! When the gateway is asked about a payment, and for how long its pieces stay reserved.

use super::Payment;
use crate::payment::Reservation;
use crate::payment::status::State;
use chrono::{DateTime, TimeDelta, Utc};

/// When the gateway is asked for the first time after the order.
pub(super) const FIRST_CHECK: TimeDelta = TimeDelta::seconds(30);
/// How long pieces stay reserved after the page has closed: the payer may be on the bank's page at that moment.
pub const GRACE: TimeDelta = TimeDelta::minutes(10);
/// How long after [`GRACE`] a payment that the gateway does not know is closed.
pub(super) const CLOSE_UNKNOWN_AFTER: TimeDelta = TimeDelta::minutes(10);
/// How long the gateway is asked about a payment after its reservation has ended.
pub(super) const CHECK_FOR: TimeDelta = TimeDelta::hours(24);
/// How often the gateway is asked after that about a payment that waits for an operator.
const ASK_DAILY: TimeDelta = TimeDelta::hours(24);
/// How long a page is requested again after a failure.
const OPEN_UNTIL: TimeDelta = TimeDelta::minutes(15);

impl Payment {
    /// The end of the reservation if nobody pays.
    #[must_use]
    pub fn hold_until(&self) -> DateTime<Utc> {
        self.record.expires_at + GRACE
    }

    /// Whether a page may still be requested if the gateway does not know the order.
    #[must_use]
    pub fn may_be_opened(&self, now: DateTime<Utc>) -> bool {
        self.is_awaiting_page() && now < self.record.created_at + OPEN_UNTIL && now < self.record.expires_at
    }

    /// Plans the next question to the gateway: after 5, 15 and 60 minutes, at the end of the reservation, then hourly for a
    /// day, then daily while the payment waits for an operator or is still open because the gateway does not answer. For a
    /// page: at once, then at growing intervals.
    pub(super) fn plan_check(&mut self, now: DateTime<Utc>) {
        let record = &self.record;
        let open_attempt = record.transactions.iter().any(|transaction| transaction.status.is_open());
        let is_over = record.state.is_paid() || matches!(record.state, State::Cancel | State::Failure);
        let (is_held, waits) = (record.reservation == Reservation::Held, self.is_contradicted());
        let next = if is_over && !open_attempt && !waits {
            None
        } else if now >= self.hold_until() + CHECK_FOR {
            let is_open = matches!(record.state, State::Pending | State::Review);
            (waits || is_open).then(|| now + ASK_DAILY)
        } else if self.is_awaiting_page() && now < record.created_at + OPEN_UNTIL {
            Some(now + TimeDelta::seconds(15 << record.checks.min(4)))
        } else if matches!(record.state, State::Deny | State::Expire) && !open_attempt && !is_held && !waits {
            // The payer may have begun another attempt that nobody has reported yet.
            (record.checks == 0).then(|| now + TimeDelta::minutes(5))
        } else {
            let planned = [5, 15, 60].map(|minutes| record.created_at + TimeDelta::minutes(minutes));
            let ends = [self.hold_until(), self.hold_until() + CLOSE_UNKNOWN_AFTER];
            let next = planned.into_iter().chain(ends).filter(|at| *at > now).min();
            Some(next.unwrap_or(now + TimeDelta::hours(1)))
        };
        self.record.next_check = next;
    }
}
