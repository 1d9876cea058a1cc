mod attention;

use super::*;
use crate::actor::{Actor, Identity};
use crate::payment::{AmountLimits, Order, PaymentCode, Quantity, Status};
use crate::product::{Description, Details, Picture, Price, ProductName, Stock};
use crate::user::Role;
use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::select;

fn start() -> DateTime<Utc> {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn after(minutes: i64) -> DateTime<Utc> {
    start() + TimeDelta::minutes(minutes)
}

/// An order of two pieces at 10,000 each that can be paid for an hour.
fn ordered() -> Payment {
    let seller = Actor::User(Identity { id: UserId::generate(), role: Role::Seller }).seller().unwrap();
    let details = Details {
        name: ProductName::parse("Teapot").unwrap(),
        description: Description::parse("Of clay").unwrap(),
        price: Price::parse("10000").unwrap(),
        stock: Stock::parse("5").unwrap(),
        picture: Picture::None,
    };
    let product = Product::offer(seller, details, start());
    let order = Order {
        id: PaymentId::generate(),
        code: PaymentCode::of(0),
        buyer: UserId::generate(),
        product: product.id(),
        quantity: Quantity::parse("2").unwrap(),
        key: None,
        amount_limits: AmountLimits { min_total: Money::ZERO, max_total: Money::MAX },
        expires_at: after(60),
        now: start(),
    };
    order.payment(&product).unwrap()
}

fn opened() -> Payment {
    let mut payment = ordered();
    let page = PaymentPage { token: "t".to_owned(), url: "https://example.com/t".to_owned() };
    payment.open(page, start());
    payment.take_events();
    payment
}

fn report(payment: &Payment, transaction: &str, status: TransactionStatus) -> GatewayReport {
    let total = payment.record().total;
    let refunded = match status {
        TransactionStatus::Refund => total,
        TransactionStatus::PartialRefund => Money::from_minor(total.minor() / 2).unwrap(),
        _ => Money::ZERO,
    };
    let transaction = Transaction {
        id: transaction.to_owned(),
        status,
        payment_type: "qris".to_owned(),
        amount: total,
        fee: Money::ZERO,
        refunded,
    };
    let order = Some(payment.record().id.to_string());
    GatewayReport { order, transaction, currency: "IDR".to_owned(), is_foreign: false }
}

fn learn(payment: &mut Payment, transaction: &str, status: TransactionStatus, now: DateTime<Utc>) -> ReportOutcome {
    let report = report(payment, transaction, status);
    payment.apply_report(&report, true, now)
}

fn shown(payment: &mut Payment) -> Vec<Status> {
    payment.take_events().into_iter().filter_map(|event| event.kind.shown()).collect()
}

#[test]
fn an_order_is_paid() {
    let mut payment = ordered();
    assert!(payment.is_awaiting_page());
    payment.open(PaymentPage { token: "t".to_owned(), url: "https://example.com".to_owned() }, after(0));
    assert!(!payment.is_awaiting_page());
    assert_eq!(learn(&mut payment, "a", TransactionStatus::Pending, after(1)), ReportOutcome::News);
    assert_eq!(learn(&mut payment, "a", TransactionStatus::Pending, after(2)), ReportOutcome::Known);
    assert_eq!(learn(&mut payment, "a", TransactionStatus::Settlement, after(3)), ReportOutcome::News);
    assert_eq!(shown(&mut payment), [Status::Pending, Status::Success]);
    let record = payment.record();
    assert_eq!((record.state, record.reservation, record.next_check), (State::Success, Reservation::Sold, None));
    assert_eq!(learn(&mut payment, "a", TransactionStatus::Pending, after(4)), ReportOutcome::Known, "it comes late");
    assert_eq!(payment.record().state, State::Success);
}

#[test]
fn a_refused_attempt_leaves_room_for_another_while_the_page_is_open() {
    let mut payment = opened();
    learn(&mut payment, "a", TransactionStatus::Deny, after(1));
    assert_eq!((payment.record().state, payment.record().reservation), (State::Deny, Reservation::Held));
    learn(&mut payment, "b", TransactionStatus::Pending, after(2));
    assert_eq!(payment.record().state, State::Pending);
    learn(&mut payment, "b", TransactionStatus::Settlement, after(3));
    assert_eq!(shown(&mut payment), [Status::Deny, Status::Pending, Status::Success]);
    assert_eq!(payment.record().reservation, Reservation::Sold);
}

#[test]
fn a_refused_attempt_that_nobody_follows_up_gives_the_pieces_back_in_the_end() {
    let mut payment = opened();
    learn(&mut payment, "a", TransactionStatus::Deny, after(1));
    payment.checked(true, after(69));
    assert_eq!(payment.record().reservation, Reservation::Held);
    payment.checked(true, after(70));
    assert_eq!(payment.record().reservation, Reservation::Released { on_shelf: 0 });
    assert_eq!((payment.record().state, payment.record().next_check), (State::Deny, None));
}

#[test]
fn a_card_that_ran_out_of_time_can_be_tried_again_and_nothing_else_can() {
    for (payment_type, reservation) in
        [("credit_card", Reservation::Held), ("bank_transfer", Reservation::Released { on_shelf: 0 })]
    {
        let mut payment = opened();
        let mut report = report(&payment, "a", TransactionStatus::Expire);
        report.transaction.payment_type = payment_type.to_owned();
        payment.apply_report(&report, true, after(1));
        assert_eq!((payment.record().state, payment.record().reservation), (State::Expire, reservation));
    }
}

#[test]
fn a_bank_may_take_a_settlement_back() {
    let mut payment = opened();
    learn(&mut payment, "a", TransactionStatus::Settlement, after(1));
    learn(&mut payment, "a", TransactionStatus::Deny, after(2));
    assert_eq!(
        (payment.record().state, payment.record().reservation),
        (State::Deny, Reservation::Released { on_shelf: 0 })
    );
    let settled = report(&payment, "a", TransactionStatus::Settlement);
    assert_eq!(
        payment.apply_report(&settled, false, after(3)),
        ReportOutcome::AskAgain,
        "it may be the one that was taken back"
    );
}

#[test]
fn what_the_gateway_never_heard_of_expires_and_gives_its_pieces_back_once() {
    let mut payment = opened();
    assert!(!payment.expire(after(79)));
    assert!(payment.expire(after(80)));
    assert!(!payment.expire(after(81)));
    assert_eq!(shown(&mut payment), [Status::Expire]);
    assert_eq!(payment.record().reservation, Reservation::Released { on_shelf: 0 });
    learn(&mut payment, "a", TransactionStatus::Pending, after(82));
    assert_eq!(payment.record().state, State::Expire, "what was closed is not opened by an attempt");
}

#[test]
fn an_order_that_never_had_a_page_fails() {
    let mut payment = ordered();
    assert!(payment.may_be_opened(after(14)) && !payment.may_be_opened(after(15)));
    payment.fail(after(15));
    assert_eq!(shown(&mut payment), [Status::Failure]);
    assert_eq!(payment.record().reservation, Reservation::Released { on_shelf: 0 });
    payment.fail(after(16));
    assert!(payment.news().is_empty());
}

#[test]
fn a_report_about_something_else_is_none() {
    let mut payment = opened();
    let right = report(&payment, "a", TransactionStatus::Settlement);
    let mut wrong = [right.clone(), right.clone(), right.clone(), right.clone(), right];
    wrong[0].order = Some(PaymentId::generate().to_string());
    wrong[1].order = None;
    wrong[2].currency = "USD".to_owned();
    wrong[3].transaction.amount = Money::from_minor(1).unwrap();
    wrong[4].is_foreign = true;
    for report in wrong {
        assert_eq!(payment.apply_report(&report, true, after(1)), ReportOutcome::Contradicts, "{report:?}");
        assert_eq!(payment.apply_report(&report, true, after(2)), ReportOutcome::ContradictsStill, "{report:?}");
    }
    assert_eq!(payment.record().state, State::Pending);
    assert!(payment.record().transactions.is_empty());
    let told = payment.take_events().into_iter().filter(|event| matches!(event.kind, EventKind::Contradicted { .. }));
    assert_eq!(told.count(), 5, "once each");
}

#[test]
fn what_is_given_back_in_parts_adds_up_and_is_told_once() {
    let mut payment = opened();
    learn(&mut payment, "a", TransactionStatus::Settlement, after(1));
    let mut part = report(&payment, "a", TransactionStatus::PartialRefund);
    part.transaction.refunded = Money::from_whole(5_000).unwrap();
    payment.apply_report(&part, true, after(2));
    part.transaction.refunded = Money::from_whole(8_000).unwrap();
    assert_eq!(payment.apply_report(&part, true, after(3)), ReportOutcome::News);
    assert_eq!(payment.refunded(), Money::from_whole(8_000).unwrap());
    learn(&mut payment, "a", TransactionStatus::Refund, after(4));
    assert_eq!(shown(&mut payment), [Status::Success, Status::PartialRefund, Status::Refund]);
    assert_eq!(payment.refunded(), payment.record().total);
}

#[test]
fn a_payment_is_not_given_up_because_the_gateway_was_away() {
    let mut payment = opened();
    learn(&mut payment, "a", TransactionStatus::Deny, after(1));
    payment.checked(true, after(5));
    for away in [70, 75, 80] {
        payment.checked(false, after(away));
        assert_eq!(payment.record().next_check, Some(after(away + 5)));
    }
    assert_eq!(payment.record().reservation, Reservation::Released { on_shelf: 0 });
    payment.checked(true, after(85));
    assert_eq!(payment.record().next_check, None);
    payment.checked(false, after(70 + 24 * 60));
    assert_eq!(payment.record().next_check, None, "it is asked for a day and no longer");
}

#[test]
fn the_gateway_is_asked_at_the_times_that_were_promised() {
    let mut payment = opened();
    let mut asked = Vec::new();
    while let Some(at) = payment.record().next_check.filter(|at| *at <= after(200)) {
        asked.push((at - start()).num_minutes());
        payment.checked(true, at);
    }
    assert_eq!(asked, [5, 15, 60, 70, 80, 140, 200]);
    payment.expire(after(201));
    assert_eq!(payment.record().next_check, None);
}

fn is_open(record: &PaymentRecord) -> bool {
    record.contradiction.as_ref().is_some_and(|contradiction| contradiction.is_open)
}

/// The ways of one transaction, as they are published.
fn history() -> impl Strategy<Value = Vec<TransactionStatus>> {
    use TransactionStatus as T;
    select(vec![
        vec![T::Pending, T::Settlement],
        vec![T::Pending, T::Settlement, T::PartialRefund, T::Refund],
        vec![T::Pending, T::Settlement, T::Chargeback],
        vec![T::Pending, T::Expire],
        vec![T::Pending, T::Cancel],
        vec![T::Pending, T::Deny],
        vec![T::Challenge, T::Capture, T::Settlement],
        vec![T::Challenge, T::Deny],
        vec![T::Capture, T::Settlement, T::PartialChargeback, T::Chargeback],
        vec![T::Capture, T::Cancel],
        vec![T::Deny],
        vec![T::Authorize, T::Capture, T::Settlement],
        vec![T::Pending, T::Failure],
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// However what is known arrives, shuffled and several times, the payment ends in the same state, its pieces are given
    /// back at most once, and every change that is seen is told once.
    #[test]
    fn any_order_of_arrival_ends_in_the_same_state(
        histories in proptest::collection::vec(history(), 1..4),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 30),
    ) {
        let told: Vec<_> = histories
            .iter()
            .enumerate()
            .flat_map(|(number, history)| history.iter().map(move |status| (format!("t-{number}"), *status)))
            .collect();
        let mut straight = opened();
        for (transaction, status) in &told {
            learn(&mut straight, transaction, *status, after(1));
        }
        let mut payment = opened();
        let mut arrivals: Vec<_> = order.iter().map(|index| index.get(&told).clone()).collect();
        // What the gateway repeats in the end, whatever was lost before.
        arrivals.extend(told.iter().rev().cloned());
        let (mut released, mut status) = (0, Status::Pending);
        for (transaction, known) in arrivals {
            let was_paid = payment.record().state.is_paid();
            // What comes late is never fresh: the gateway has told more since.
            let report = report(&payment, &transaction, known);
            payment.apply_report(&report, false, after(1));
            prop_assert!(!was_paid || payment.record().state != State::Pending);
            for event in payment.take_events() {
                released += u32::from(event.kind == EventKind::Released);
                if let Some(next) = event.kind.shown() {
                    prop_assert_ne!(next, status);
                    status = next;
                }
            }
        }
        prop_assert_eq!(payment.record().state, straight.record().state);
        prop_assert_eq!(status, payment.record().state.status());
        prop_assert!(released <= 1);
    }

    /// Whatever happens and when, the pieces are where the state says that they are.
    #[test]
    fn the_pieces_are_always_where_they_belong(
        steps in proptest::collection::vec((select(TransactionStatus::ALL.to_vec()), 0..3_usize, 0..9_u8, 1..30_i64), 1..40),
    ) {
        let mut payment = ordered();
        let mut minutes = 0;
        for (status, transaction, what, pause) in steps {
            minutes += pause;
            let now = after(minutes);
            match what {
                0 => payment.open(PaymentPage { token: "t".to_owned(), url: "https://e.com".to_owned() }, now),
                1 => payment.fail(now),
                2 => drop(payment.expire(now)),
                3 => payment.checked(true, now),
                4 => drop(payment.resolve(Resolution::Paid, now)),
                5 => drop(payment.resolve(Resolution::Failed, now)),
                6 => {
                    let odd = attention::odd(&payment, status);
                    payment.apply_report(&odd, true, now);
                }
                _ => drop(learn(&mut payment, &format!("t-{transaction}"), status, now)),
            }
            let is_odd = |event: &Event| matches!(event.kind, EventKind::Moved { from, to } if !from.may_become(to));
            prop_assert!(!payment.news().iter().any(is_odd), "{:?}", payment.news());
            payment.take_events();
            let record = payment.record();
            let waits = payment.attention().is_some();
            match (record.state, record.reservation) {
                (State::Success | State::PartialRefund, Reservation::Released { .. }) => prop_assert!(waits),
                (_, Reservation::Held) if waits => {}
                (State::Success | State::PartialRefund, Reservation::Sold) if !waits => {}
                (State::Success | State::PartialRefund, Reservation::Sold) => prop_assert!(is_open(record)),
                (State::Refund | State::Chargeback, _) => prop_assert_eq!(waits, is_open(record)),
                (State::Cancel | State::Failure, reservation) => {
                    prop_assert!(!matches!(reservation, Reservation::Held | Reservation::Sold), "{reservation:?}");
                }
                (State::Pending | State::Review | State::Deny | State::Expire, reservation) => {
                    prop_assert!(reservation != Reservation::Sold, "{:?}", record.state);
                }
                (state, reservation) => prop_assert!(false, "{state:?} with {reservation:?}"),
            }
        }
    }
}
