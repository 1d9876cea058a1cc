//! The status machine: the statuses of single transactions at the gateway, and the payment's state that follows from them.
//!
//! A payer may try several times on one page; each attempt is a transaction at the gateway. The known status of a
//! transaction only moves forward in the order of [`TransactionStatus`], and a payment's [`State`] is a function of the
//! known statuses, not of the order in which they arrived: reports may come twice, late, or in any order.

use strum::{EnumString, IntoStaticStr, VariantArray};

/// The status of one transaction (docs.midtrans.com, "Transaction status cycle"). A later variant replaces an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum TransactionStatus {
    /// A card's limit is reserved.
    Authorize,
    /// The payer has chosen a way to pay and has yet to pay.
    Pending,
    /// A card is charged, and the merchant is asked whether to accept that.
    Challenge,
    /// A card is charged.
    Capture,
    /// The gateway failed at it.
    Failure,
    /// It was not paid in time.
    Expire,
    /// The merchant called it off.
    Cancel,
    /// It is paid.
    Settlement,
    /// The payer's bank or the gateway refused it; also a settlement that a bank took back within minutes.
    Deny,
    /// A part was given back.
    PartialRefund,
    /// All was given back.
    Refund,
    /// The payer's bank took a part back.
    PartialChargeback,
    /// The payer's bank took all back.
    Chargeback,
}

impl TransactionStatus {
    /// Every status there is, in order.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name in storage. It is also the gateway's name, except for [`Self::Challenge`], which is a `capture` there.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Parses the gateway's fields in any case; returns `None` for an unknown status.
    #[must_use]
    pub fn read(transaction_status: &str, fraud_status: &str) -> Option<Self> {
        let status = transaction_status.trim().to_ascii_lowercase();
        let fraud = fraud_status.trim().to_ascii_lowercase();
        match (status.as_str(), fraud.as_str()) {
            ("capture", "challenge") => Some(Self::Challenge),
            ("capture", "deny") => Some(Self::Deny),
            ("expired", _) => Some(Self::Expire),
            (name, _) => Self::restore(name).filter(|status| *status != Self::Challenge),
        }
    }

    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// Whether the attempt may still go on, so that the gateway will report more.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Authorize | Self::Pending | Self::Challenge)
    }

    /// The state of a payment with only this transaction.
    const fn state(self) -> State {
        match self {
            Self::Authorize | Self::Pending => State::Pending,
            Self::Challenge => State::Review,
            Self::Capture | Self::Settlement => State::Success,
            Self::Failure => State::Failure,
            Self::Expire => State::Expire,
            Self::Cancel => State::Cancel,
            Self::Deny => State::Deny,
            Self::PartialRefund => State::PartialRefund,
            Self::Refund => State::Refund,
            Self::PartialChargeback | Self::Chargeback => State::Chargeback,
        }
    }
}

/// The state of a payment. Of several transactions the one with the last variant decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum State {
    /// An attempt was refused; the payer may try again while the page is open.
    Deny,
    /// It could not be begun, or the gateway failed at it.
    Failure,
    /// It was not paid in time.
    Expire,
    /// It was called off.
    Cancel,
    /// It waits for the payer.
    Pending,
    /// The payer has paid by card, and the merchant is asked whether to accept that.
    Review,
    /// It is paid.
    Success,
    /// A part was given back.
    PartialRefund,
    /// All was given back.
    Refund,
    /// The payer's bank took it back.
    Chargeback,
}

impl State {
    pub const ALL: &[Self] = Self::VARIANTS;

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// The status that buyer and seller see.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Pending | Self::Review => Status::Pending,
            Self::Success => Status::Success,
            Self::Deny => Status::Deny,
            Self::Cancel => Status::Cancel,
            Self::Expire => Status::Expire,
            Self::Failure => Status::Failure,
            Self::PartialRefund => Status::PartialRefund,
            Self::Refund => Status::Refund,
            Self::Chargeback => Status::Chargeback,
        }
    }

    /// Whether money arrived, even if it was refunded since.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Success | Self::PartialRefund | Self::Refund | Self::Chargeback)
    }

    /// Whether a payment may move directly to another state.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            // Another attempt may follow a denied one, and may end in any state.
            Self::Deny | Self::Pending | Self::Review => true,
            // Only money that arrives reopens a closed payment.
            Self::Failure | Self::Expire | Self::Cancel => next.is_paid() || (next > self && next < Self::Pending),
            // A bank may take a settlement back within minutes, and a card's charge may be called off.
            Self::Success => next.is_paid() || next < Self::Pending,
            Self::PartialRefund => matches!(next, Self::Refund | Self::Chargeback),
            Self::Refund => matches!(next, Self::Chargeback),
            Self::Chargeback => false,
        }
    }
}

/// The part of a payment's state that buyers and sellers see.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Status {
    /// It waits for the payer, or for the merchant's word on it.
    Pending,
    Success,
    /// An attempt was refused; the payer may try again while the page is open.
    Deny,
    Cancel,
    Expire,
    /// It could not be begun, or the gateway failed at it.
    Failure,
    Refund,
    PartialRefund,
    Chargeback,
}

impl Status {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    pub fn states(self) -> impl Iterator<Item = State> {
        State::ALL.iter().copied().filter(move |state| state.status() == self)
    }
}

/// Computes the state from the known transactions and from the state with which the shop closed the payment: because no page
/// could be made, or because nobody had paid in time.
#[must_use]
pub fn state_of(transactions: impl IntoIterator<Item = TransactionStatus>, closed: Option<State>) -> State {
    let known = transactions.into_iter().map(TransactionStatus::state).max();
    match (known, closed) {
        (None, None) => State::Pending,
        // A pending transaction does not reopen a closed payment.
        (None | Some(State::Pending), Some(closed)) => closed,
        (Some(known), closed) => closed.map_or(known, |closed| known.max(closed)),
    }
}

/// Computes the next state after a report. A closed payment stays closed, and a paid one never waits for money again,
/// whatever other attempts the payer begins.
#[must_use]
pub fn next_state(from: State, transactions: &[TransactionStatus], closed: Option<State>) -> State {
    let is_possible = |to: &State| from.may_become(*to);
    let to = state_of(transactions.iter().copied(), closed);
    let ended = transactions.iter().copied().filter(|status| !status.is_open());
    let without_open = if from.is_paid() { Some(state_of(ended, closed)) } else { None };
    Some(to).filter(is_possible).or(without_open.filter(is_possible)).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_name_reads_back() {
        for &status in TransactionStatus::ALL {
            assert_eq!(TransactionStatus::restore(status.as_str()), Some(status));
        }
        for &state in State::ALL {
            assert_eq!(State::restore(state.as_str()), Some(state));
        }
        for &status in Status::ALL {
            assert_eq!(Status::find(status.as_str()), Some(status));
            assert!(status.states().count() > 0);
        }
    }

    #[test]
    fn the_gateways_words_are_read_in_any_case_and_with_its_doubts() {
        for (status, fraud, read) in [
            ("settlement", "accept", TransactionStatus::Settlement),
            ("PENDING", "", TransactionStatus::Pending),
            ("capture", "accept", TransactionStatus::Capture),
            ("capture", "", TransactionStatus::Capture),
            ("capture", "challenge", TransactionStatus::Challenge),
            ("capture", "deny", TransactionStatus::Deny),
            ("expired", "", TransactionStatus::Expire),
        ] {
            assert_eq!(TransactionStatus::read(status, fraud), Some(read), "{status} {fraud}");
        }
        for unknown in ["", "paid", "challenge"] {
            assert_eq!(TransactionStatus::read(unknown, ""), None, "{unknown}");
        }
    }

    /// The steps that the gateway publishes for one transaction.
    const STEPS: [(TransactionStatus, &[TransactionStatus]); 6] = {
        use TransactionStatus as T;
        [
            (T::Authorize, &[T::Capture, T::Cancel, T::Deny, T::Expire]),
            (T::Pending, &[T::Settlement, T::Capture, T::Deny, T::Cancel, T::Expire]),
            (T::Challenge, &[T::Capture, T::Deny]),
            (T::Capture, &[T::Settlement, T::Cancel]),
            (T::Settlement, &[T::Refund, T::PartialRefund, T::Chargeback, T::PartialChargeback, T::Deny]),
            (T::PartialRefund, &[T::Refund]),
        ]
    };

    #[test]
    fn each_step_that_the_gateway_publishes_goes_forward() {
        for (from, next) in STEPS {
            for to in next {
                assert!(from < *to, "{from:?} to {to:?}");
                assert!(from.state() == to.state() || from.state().may_become(to.state()), "{from:?} to {to:?}");
            }
        }
        assert!(TransactionStatus::PartialChargeback < TransactionStatus::Chargeback);
    }

    #[test]
    fn what_was_paid_is_never_shown_as_waiting_again() {
        for state in State::ALL.iter().copied().filter(|state| state.is_paid()) {
            for waiting in [State::Pending, State::Review] {
                assert!(!state.may_become(waiting), "{state:?} to {waiting:?}");
            }
        }
        assert!(!State::ALL.iter().copied().any(|state| State::Chargeback.may_become(state)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn a_state_does_not_depend_on_the_order_of_what_is_known(
            known in proptest::collection::vec(proptest::sample::select(TransactionStatus::ALL.to_vec()), 0..6),
            turn in 0..6_usize,
        ) {
            let mut turned = known.clone();
            if !turned.is_empty() {
                let turn = turn % turned.len();
                turned.rotate_left(turn);
                turned.push(known[0]);
            }
            prop_assert_eq!(state_of(known, None), state_of(turned, None));
        }
    }
}
