//! The events of payments.

use crate::money::Money;
use crate::payment::{Resolution, State, Status};
use chrono::{DateTime, Utc};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Counted from one within the payment.
    pub number: u32,
    pub at: DateTime<Utc>,
    pub kind: EventKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Ordered,
    /// The gateway made the payment page.
    Opened,
    Moved {
        from: State,
        to: State,
    },
    Sold,
    Released,
    /// Pieces were reserved again, because money arrived late.
    ReservedAgain,
    /// It is paid, and no stock is left for it.
    Unfulfilled,
    /// The refunded total increased.
    Refunded {
        /// The new total, including refunded fees.
        in_all: Money,
    },
    /// The payer paid a fee for the payment method on top of the total. It belongs neither to the shop nor to the seller.
    FeePaid {
        in_all: Money,
    },
    /// The gateway reported a transaction that does not match the payment; it waits for an operator.
    Contradicted {
        /// The amount of that transaction.
        over: Money,
    },
    /// A later report of the same transaction matches: the payment no longer waits for an operator.
    Explained,
    /// An operator resolved the contradiction.
    Resolved(Resolution),
}

impl EventKind {
    /// Returns the new status if this event changes what buyer and seller see.
    #[must_use]
    pub fn shown(self) -> Option<Status> {
        match self {
            Self::Opened => Some(Status::Pending),
            Self::Moved { from, to } if from.status() != to.status() => Some(to.status()),
            _ => None,
        }
    }
}
