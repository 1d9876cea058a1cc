//! What waits for a person: payments of which the gateway tells something that does not fit, and those that are paid and have no
//! pieces.

use crate::money::Money;
use crate::payment::{GatewayReport, PaymentRecord, State};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The longest text of the gateway's that is kept of what does not fit, in characters.
const MAX_WORD: usize = 64;

/// The longest text of what does not fit that is kept, in characters.
const MAX_TOLD: usize = 500;
/// What stands between what was told of different transactions.
const AND: &str = "; also: ";

/// Why a payment waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Attention {
    /// It is paid, and there are no pieces for it.
    Unfulfilled,
    /// The gateway has told of something that does not fit the payment: money may have come.
    Contradicted,
}

impl Attention {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name in storage and for operators.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// Something that the gateway told of a payment and that did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The transaction that it was about, by the gateway's name for it; empty where it was about more than one.
    pub transaction: String,
    /// What the gateway told and why it does not fit, for operators, on one line.
    pub told: String,
    /// Whether nobody has settled it yet.
    pub is_open: bool,
}

impl Contradiction {
    /// What a report tells that does not fit for this reason.
    pub(super) fn of(report: &GatewayReport, reason: String) -> Self {
        let transaction = &report.transaction;
        let (status, kind) = (transaction.status.as_str(), plain(&transaction.payment_type));
        let told = format!("{status} by {kind} over {} {}: {reason}", transaction.gross(), plain(&report.currency));
        Self { transaction: transaction.id.clone(), told, is_open: true }
    }

    /// Whether it tells what another one does.
    pub(super) fn has_told(&self, other: &Self) -> bool {
        let is_about_it = self.transaction == other.transaction || self.transaction.is_empty();
        is_about_it && self.told.split(AND).any(|told| told == other.told)
    }

    /// What two of different transactions tell together. As neither explains the other, only a person can settle that.
    pub(super) fn and(&self, other: Self) -> Self {
        let told = format!("{}{AND}{}", self.told, other.told);
        // What there is no room for is in the payment's story.
        let told = if told.chars().count() > MAX_TOLD { self.told.clone() } else { told };
        Self { transaction: String::new(), told, is_open: true }
    }
}

/// A text of the gateway's, short and without characters that do something.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_WORD).collect()
}

/// Why a report does not fit a payment, if it does not.
pub(super) fn objection(report: &GatewayReport, record: &PaymentRecord) -> Option<String> {
    let GatewayReport { order, transaction, currency, is_foreign } = report;
    if *is_foreign {
        return Some("it is another merchant's".to_owned());
    }
    match order {
        None => return Some("it names no order, and the order's own name does not lead to it".to_owned()),
        Some(order) if *order != record.id.to_string() => {
            return Some(format!("it is about the order {}", plain(order)));
        }
        Some(_) => {}
    }
    if currency != Money::CURRENCY {
        return Some(format!("the currency is not {}", Money::CURRENCY));
    }
    (transaction.amount != record.total).then(|| match transaction.fee {
        Money::ZERO => format!("the order's total is {}", record.total),
        fee => format!("the order's total is {}, and the fee in it {fee}", record.total),
    })
}

/// As what a person settles a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Resolution {
    Paid,
    /// No money has come, or it was given back.
    Failed,
}

impl Resolution {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name for operators.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// The state that a payment is closed with.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Paid => State::Success,
            Self::Failed => State::Failure,
        }
    }

    /// Finds a resolution by the state that it closes with.
    #[must_use]
    pub fn restore(state: State) -> Option<Self> {
        Self::ALL.iter().copied().find(|resolution| resolution.state() == state)
    }
}

/// Why a person's word does not settle a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolutionError {
    #[error("nothing about it waits for a person")]
    NothingWaits,
    #[error(
        "the gateway has confirmed that it is paid; give the money back in the gateway's dashboard, which tells of it"
    )]
    Paid,
    #[error("the gateway asks whether to accept a card's charge; answer there, and it tells what came of it")]
    UnderReview,
    #[error("it is paid, and there are still not enough pieces; raise the stock, or give the money back")]
    NoPieces,
}

/// A person's word on a payment, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualResolution {
    pub resolution: Resolution,
    /// Who says so: the account of the operating system.
    pub operator: String,
    pub reason: String,
}
