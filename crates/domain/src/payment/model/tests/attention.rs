//! What does not fit, what a person says to it, and fees.

use super::*;

/// What the gateway might tell of an order of 20,000, over 20,071, without saying what is in it.
fn contradicted(at: DateTime<Utc>) -> Payment {
    let mut payment = opened();
    let odd = odd(&payment, TransactionStatus::Settlement);
    assert_eq!(payment.apply_report(&odd, true, at), ReportOutcome::Contradicts);
    payment
}

pub(super) fn odd(payment: &Payment, status: TransactionStatus) -> GatewayReport {
    let mut odd = report(payment, "odd", status);
    odd.transaction.amount = Money::from_whole(20_071).unwrap();
    odd
}

/// The same, telling what is in it.
fn with_fee(payment: &Payment, status: TransactionStatus) -> GatewayReport {
    let mut paid = report(payment, "odd", status);
    paid.transaction.fee = Money::from_whole(71).unwrap();
    paid
}

#[test]
fn what_is_contradicted_keeps_its_pieces_and_is_asked_about_until_a_person_settles_it() {
    let mut payment = contradicted(after(1));
    assert_eq!(payment.attention(), Some(Attention::Contradicted));
    let told = payment.record().contradiction.as_ref().unwrap().told.clone();
    assert_eq!(told, "settlement by qris over 20071 IDR: the order's total is 20000");
    for later in [70, 80, 24 * 60 + 80, 7 * 24 * 60] {
        payment.checked(true, after(later));
        assert!(!payment.expire(after(later)), "{later}");
        assert_eq!((payment.record().state, payment.record().reservation), (State::Pending, Reservation::Held));
        assert!(payment.record().next_check.is_some_and(|at| at > after(later)), "{later}");
    }
    assert_eq!(payment.record().next_check, Some(after(8 * 24 * 60)), "daily in the end");
    // Neither is what another attempt comes to a reason to give the pieces back.
    learn(&mut payment, "b", TransactionStatus::Cancel, after(7 * 24 * 60));
    assert_eq!((payment.record().state, payment.record().reservation), (State::Cancel, Reservation::Held));
}

#[test]
fn a_paid_payment_of_which_something_odd_is_told_is_asked_about_until_that_is_explained() {
    let mut payment = opened();
    learn(&mut payment, "a", TransactionStatus::Settlement, after(1));
    assert_eq!(payment.record().next_check, None);
    let mut refund = report(&payment, "a", TransactionStatus::Refund);
    refund.transaction.amount = Money::from_whole(1).unwrap();
    assert_eq!(payment.apply_report(&refund, true, after(2)), ReportOutcome::Contradicts);
    for later in [2, 80, 7 * 24 * 60] {
        payment.checked(true, after(later));
        assert!(payment.record().next_check.is_some_and(|at| at > after(later)), "{later}");
    }
    learn(&mut payment, "a", TransactionStatus::Refund, after(7 * 24 * 60));
    assert_eq!((payment.record().state, payment.attention()), (State::Refund, None));
    assert_eq!(payment.record().next_check, None);
}

#[test]
fn what_is_told_of_another_transaction_neither_replaces_nor_explains_a_contradiction() {
    let mut payment = contradicted(after(1));
    let mut other = report(&payment, "b", TransactionStatus::Pending);
    other.transaction.amount = Money::from_whole(999).unwrap();
    assert_eq!(payment.apply_report(&other, true, after(2)), ReportOutcome::Contradicts);
    let told = payment.record().contradiction.clone().unwrap().told;
    assert!(told.contains("settlement by qris over 20071") && told.contains("pending by qris over 999"), "{told}");
    let first = odd(&payment, TransactionStatus::Settlement);
    assert_eq!(payment.apply_report(&first, true, after(3)), ReportOutcome::ContradictsStill);
    assert_eq!(payment.apply_report(&other, true, after(3)), ReportOutcome::ContradictsStill);
    // The other attempt comes to its end in a way that fits, and says nothing of the first one's money.
    learn(&mut payment, "b", TransactionStatus::Expire, after(4));
    assert_eq!((payment.attention(), payment.record().reservation), (Some(Attention::Contradicted), Reservation::Held));
    payment.resolve(Resolution::Paid, after(5)).unwrap();
    assert_eq!((payment.record().state, payment.attention()), (State::Success, None));
    // However much more is told, it is bounded.
    let mut payment = contradicted(after(1));
    for number in 0..50 {
        let mut more = report(&payment, &format!("t-{number}"), TransactionStatus::Pending);
        more.transaction.amount = Money::from_whole(number + 1).unwrap();
        payment.apply_report(&more, true, after(2));
    }
    assert!(payment.record().contradiction.as_ref().unwrap().told.chars().count() <= 500);
    assert!(payment.record().events < 20, "{}", payment.record().events);
}

#[test]
fn a_payment_that_is_open_when_its_time_is_long_over_is_asked_about_until_the_gateway_has_answered() {
    let late = 60 + 10 + 24 * 60 + 30;
    let mut payment = opened();
    payment.checked(false, after(late));
    assert_eq!(payment.record().state, State::Pending);
    assert!(payment.record().next_check.is_some_and(|at| at > after(late)), "the gateway was away");
    // It answers that the payer has begun, as it has for a day: nobody will pay that any more.
    learn(&mut payment, "a", TransactionStatus::Pending, after(late + 5));
    assert!(payment.expire(after(late + 10)));
    payment.checked(true, after(late + 10));
    assert_eq!((payment.record().state, payment.record().next_check), (State::Expire, None));
    // Money that comes after all counts.
    learn(&mut payment, "a", TransactionStatus::Settlement, after(late + 20));
    assert!(payment.record().state.is_paid());
}

#[test]
fn a_half_made_order_that_is_contradicted_is_not_failed() {
    let mut payment = ordered();
    let odd = odd(&payment, TransactionStatus::Settlement);
    payment.apply_report(&odd, true, after(1));
    payment.fail(after(20));
    assert_eq!((payment.record().state, payment.record().reservation), (State::Pending, Reservation::Held));
    assert!(!payment.may_be_opened(after(2)), "somebody has paid there");
}

#[test]
fn a_person_settles_what_is_contradicted() {
    for (resolution, state, reservation, status) in [
        (Resolution::Paid, State::Success, Reservation::Sold, Status::Success),
        (Resolution::Failed, State::Failure, Reservation::Released { on_shelf: 0 }, Status::Failure),
    ] {
        let mut payment = contradicted(after(1));
        payment.resolve(resolution, after(2)).unwrap();
        assert_eq!((payment.record().state, payment.record().reservation), (state, reservation));
        assert_eq!((payment.attention(), payment.record().next_check), (None, None));
        assert_eq!(shown(&mut payment), [status]);
        // The same again is no news, and something else is.
        let (same, other) = (odd(&payment, TransactionStatus::Settlement), odd(&payment, TransactionStatus::Refund));
        assert_eq!(payment.apply_report(&same, true, after(3)), ReportOutcome::ContradictsStill);
        assert_eq!(payment.attention(), None);
        assert_eq!(payment.apply_report(&other, true, after(4)), ReportOutcome::Contradicts);
        assert_eq!(payment.attention(), Some(Attention::Contradicted));
    }
}

#[test]
fn who_has_settled_a_payment_may_think_better_of_it() {
    let mut payment = contradicted(after(1));
    payment.resolve(Resolution::Paid, after(2)).unwrap();
    payment.resolve(Resolution::Failed, after(3)).unwrap();
    assert_eq!(
        (payment.record().state, payment.record().reservation),
        (State::Failure, Reservation::Released { on_shelf: 0 })
    );
}

#[test]
fn who_was_wrong_may_say_so_when_the_gateway_has_told_the_rest() {
    let mut payment = contradicted(after(1));
    payment.resolve(Resolution::Paid, after(2)).unwrap();
    let expired = with_fee(&payment, TransactionStatus::Expire);
    assert_eq!(payment.apply_report(&expired, true, after(3)), ReportOutcome::News);
    assert_eq!((payment.record().state, &payment.record().contradiction), (State::Success, &None));
    payment.resolve(Resolution::Failed, after(4)).unwrap();
    assert!(!payment.record().state.is_paid());
    assert_eq!(payment.record().reservation, Reservation::Released { on_shelf: 0 });
    assert_eq!(payment.resolve(Resolution::Paid, after(5)), Err(ResolutionError::NothingWaits));
}

#[test]
fn a_persons_word_does_not_take_the_place_of_the_gateways() {
    let mut payment = opened();
    assert_eq!(payment.resolve(Resolution::Paid, after(1)), Err(ResolutionError::NothingWaits), "nobody has paid");
    learn(&mut payment, "a", TransactionStatus::Settlement, after(1));
    assert_eq!(payment.resolve(Resolution::Failed, after(1)), Err(ResolutionError::NothingWaits));
    let refund = odd(&payment, TransactionStatus::Refund);
    payment.apply_report(&refund, true, after(2));
    assert_eq!(payment.resolve(Resolution::Failed, after(3)), Err(ResolutionError::Paid));
    payment.resolve(Resolution::Paid, after(3)).unwrap();
    assert_eq!((payment.record().closed, payment.attention()), (None, None), "it is paid by the gateway's word");
    let mut payment = contradicted(after(1));
    learn(&mut payment, "a", TransactionStatus::Challenge, after(2));
    assert_eq!(payment.resolve(Resolution::Failed, after(3)), Err(ResolutionError::UnderReview));
    assert_eq!(payment.attention(), Some(Attention::Contradicted), "nothing has changed");
}

#[test]
fn what_the_gateway_confirms_counts_whatever_a_person_has_said() {
    // Money that comes after all is not lost.
    let mut payment = contradicted(after(1));
    payment.resolve(Resolution::Failed, after(2)).unwrap();
    learn(&mut payment, "b", TransactionStatus::Settlement, after(3));
    assert_eq!((payment.record().state, payment.attention()), (State::Success, Some(Attention::Unfulfilled)));
    // That an attempt failed does not undo what a person knows, and money that goes back does.
    let mut payment = contradicted(after(1));
    payment.resolve(Resolution::Paid, after(2)).unwrap();
    for failed in [TransactionStatus::Deny, TransactionStatus::Expire, TransactionStatus::Cancel] {
        learn(&mut payment, "b", failed, after(3));
        assert_eq!((payment.record().state, payment.record().reservation), (State::Success, Reservation::Sold));
    }
    let refund = with_fee(&payment, TransactionStatus::Refund);
    payment.apply_report(&refund, true, after(4));
    assert_eq!(payment.record().state, State::Refund);
}

#[test]
fn pieces_that_are_missing_are_told_until_they_are_there() {
    let mut payment = opened();
    payment.expire(after(80));
    let odd = odd(&payment, TransactionStatus::Settlement);
    payment.apply_report(&odd, true, after(81));
    payment.resolve(Resolution::Paid, after(82)).unwrap();
    assert_eq!((payment.record().state, payment.attention()), (State::Success, Some(Attention::Unfulfilled)));
    assert_eq!(payment.resolve(Resolution::Paid, after(83)), Err(ResolutionError::NoPieces));
    let mut record = payment.record().clone();
    record.reservation = Reservation::Released { on_shelf: 2 };
    let mut payment = Payment::restore(record);
    payment.resolve(Resolution::Paid, after(84)).unwrap();
    assert_eq!((payment.record().reservation, payment.attention()), (Reservation::Sold, None));
}

#[test]
fn what_is_told_again_in_a_way_that_fits_waits_for_nobody() {
    let mut payment = contradicted(after(1));
    payment.take_events();
    let paid = with_fee(&payment, TransactionStatus::Settlement);
    assert_eq!(payment.apply_report(&paid, true, after(2)), ReportOutcome::News);
    assert_eq!((payment.record().state, payment.attention()), (State::Success, None));
    let news: Vec<_> = payment.take_events().into_iter().map(|event| event.kind).collect();
    let fee = Money::from_whole(71).unwrap();
    let moved = EventKind::Moved { from: State::Pending, to: State::Success };
    assert_eq!(news, [EventKind::Explained, EventKind::FeePaid { in_all: fee }, moved, EventKind::Sold]);
}

#[test]
fn a_fee_is_not_the_orders_and_goes_back_with_it() {
    let mut payment = opened();
    let waiting = with_fee(&payment, TransactionStatus::Pending);
    payment.apply_report(&waiting, true, after(1));
    assert_eq!(payment.fee(), Money::ZERO, "nobody has paid it yet");
    for status in [TransactionStatus::Settlement, TransactionStatus::PartialRefund, TransactionStatus::Refund] {
        let mut told = with_fee(&payment, status);
        if status == TransactionStatus::Refund {
            told.transaction.refunded = Money::from_whole(20_071).unwrap();
        }
        assert_eq!(payment.apply_report(&told, true, after(2)), ReportOutcome::News);
        assert_eq!(payment.fee(), Money::from_whole(71).unwrap());
    }
    assert_eq!((payment.record().state, payment.refunded()), (State::Refund, Money::from_whole(20_071).unwrap()));
    let news = payment.take_events();
    assert_eq!(news.iter().filter(|event| matches!(event.kind, EventKind::FeePaid { .. })).count(), 1, "told once");
}
