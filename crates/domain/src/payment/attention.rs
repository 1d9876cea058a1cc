//! Payments that wait for an operator: the gateway contradicts them, or they are paid and no stock is left.

use crate::money::Money;
use crate::payment::{GatewayReport, PaymentRecord, State};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The longest text of the gateway that a contradiction quotes, in characters.
const MAX_QUOTE: usize = 64;

/// The longest description of a contradiction, in characters.
const MAX_TOLD: usize = 500;
/// Separates the descriptions of different transactions.
const SEPARATOR: &str = "; also: ";

/// Why a payment waits for an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Attention {
    /// It is paid, and no stock is left for it.
    Unfulfilled,
    /// The gateway reported a transaction that does not match the payment: money may have arrived.
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

/// A report of the gateway that does not match the payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The gateway's id of the transaction; empty if more than one transaction is involved.
    pub transaction: String,
    /// What the gateway reported and why it does not match, on one line for operators.
    pub told: String,
    /// Whether no operator has resolved it yet.
    pub is_open: bool,
}

impl Contradiction {
    /// Describes a report that does not match for this reason.
    pub(super) fn of(report: &GatewayReport, reason: String) -> Self {
        let transaction = &report.transaction;
        let (status, kind) = (transaction.status.as_str(), plain(&transaction.payment_type));
        let told = format!("{status} by {kind} over {} {}: {reason}", transaction.gross(), plain(&report.currency));
        Self { transaction: transaction.id.clone(), told, is_open: true }
    }

    /// Whether it already contains another contradiction.
    pub(super) fn has_told(&self, other: &Self) -> bool {
        let is_about_it = self.transaction == other.transaction || self.transaction.is_empty();
        is_about_it && self.told.split(SEPARATOR).any(|told| told == other.told)
    }

    /// Merges contradictions of two transactions. Neither explains the other, so only an operator can resolve them.
    pub(super) fn and(&self, other: Self) -> Self {
        let told = format!("{}{SEPARATOR}{}", self.told, other.told);
        // What does not fit in here is in the payment's timeline.
        let told = if told.chars().count() > MAX_TOLD { self.told.clone() } else { told };
        Self { transaction: String::new(), told, is_open: true }
    }
}

/// Shortens a text of the gateway and removes control characters.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_QUOTE).collect()
}

/// Returns why a report does not match a payment, if so.
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

/// How an operator resolves a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Resolution {
    Paid,
    /// No money arrived, or it was given back.
    Failed,
}

impl Resolution {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name for operators.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// The state that the payment is closed with.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Paid => State::Success,
            Self::Failed => State::Failure,
        }
    }

    /// Returns the resolution that closes with this state.
    #[must_use]
    pub fn restore(state: State) -> Option<Self> {
        Self::ALL.iter().copied().find(|resolution| resolution.state() == state)
    }
}

/// Why an operator cannot resolve a payment this way.
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

/// An operator's resolution of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualResolution {
    pub resolution: Resolution,
    /// The account of the operating system.
    pub operator: String,
    pub reason: String,
}
