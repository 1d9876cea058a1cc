//! What happens to payments.

use crate::money::Money;
use crate::payment::{Resolution, State, Status};
use chrono::{DateTime, Utc};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number among the payment's events, counted from one.
    pub number: u32,
    pub at: DateTime<Utc>,
    pub kind: EventKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Ordered,
    /// The gateway has made a page on which to pay.
    Opened,
    Moved {
        from: State,
        to: State,
    },
    Sold,
    Released,
    /// Pieces were reserved once more, for money that came late.
    ReservedAgain,
    /// It is paid, and there are no pieces left for it.
    Unfulfilled,
    /// So much of the money has been given back in all.
    Refunded {
        /// How much, with what was given back of the payer's fees.
        in_all: Money,
    },
    /// The payer has paid so much in all for the way of paying, on top of the total. It is not the shop's, nor the seller's.
    FeePaid {
        in_all: Money,
    },
    /// The gateway has told of something that does not fit the payment; a person has to look at it.
    Contradicted {
        /// Over how much that is.
        over: Money,
    },
    /// The gateway has since told of the same in a way that fits: nobody has to look at it any more.
    Explained,
    /// A person has settled what the gateway's word alone did not.
    Resolved(Resolution),
}

impl EventKind {
    /// The status that buyer and seller see from then on, where this event is what changed it.
    #[must_use]
    pub fn shown(self) -> Option<Status> {
        match self {
            Self::Opened => Some(Status::Pending),
            Self::Moved { from, to } if from.status() != to.status() => Some(to.status()),
            _ => None,
        }
    }
}
