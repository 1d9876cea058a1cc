//! The content of an order's page, and the actions of a payer on it.

use chrono::{DateTime, Utc};
use domain::money::Money;
use domain::payment::{PaymentId, TransactionStatus};

/// An action of a payer on the page of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Pay,
    /// An attempt to pay that is denied. The payer may try again.
    Deny,
    Cancel,
    Expire,
    /// A refund of the whole amount, as a merchant makes it.
    Refund,
}

impl Action {
    pub const ALL: [Self; 5] = [Self::Pay, Self::Deny, Self::Cancel, Self::Expire, Self::Refund];

    /// The action's name in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Deny => "deny",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::Refund => "refund",
        }
    }

    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

/// The content of an order's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPage {
    /// The last segment of the page's path.
    pub token: String,
    pub order: PaymentId,
    pub name: String,
    pub quantity: i32,
    pub total: Money,
    pub payer_name: String,
    /// The status of the latest attempt to pay.
    pub status: Option<TransactionStatus>,
    pub expires_at: DateTime<Utc>,
    pub actions: Vec<Action>,
}

/// Why an action was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    #[error("no such page")]
    UnknownPage,
    #[error("the action is not possible now")]
    NotPossible,
}
