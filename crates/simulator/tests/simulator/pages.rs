//! A page from its opening to its end.

use crate::{invoice, known, look, open, opened, options, soon, start};
use app::payment::{Gateway, GatewayError, Invoice, Subject};
use chrono::TimeDelta;
use domain::money::Money;
use domain::payment::{GatewayReport, PaymentId, PaymentPage, TransactionStatus};
use futures_util::FutureExt;
use simulator::{Action, ActionError, OrderPage, Simulator};
use uuid::Uuid;

const ATTEMPTS: [Action; 4] = [Action::Pay, Action::Deny, Action::Cancel, Action::Expire];

fn close(simulator: &Simulator, page: &PaymentPage) -> Result<(), GatewayError> {
    simulator.close_page(page, soon()).now_or_never().unwrap()
}

fn status(report: Option<&GatewayReport>) -> Option<TransactionStatus> {
    report.map(|report| report.transaction.status)
}

#[test]
fn a_page_shows_what_is_bought_and_can_be_found_by_its_address() {
    let (simulator, _) = open(options());
    let invoice = invoice();
    let page = opened(&simulator, &invoice);
    assert_eq!(page.url, format!("https://shop.example/try/simulator/{}", page.token));
    assert_eq!(page.token.parse::<Uuid>().unwrap().get_version_num(), 4, "drawn at random");
    let expected = OrderPage {
        token: page.token.clone(),
        order: invoice.order,
        name: invoice.name.clone(),
        quantity: 2,
        total: invoice.total,
        payer_name: "Budi".to_owned(),
        status: None,
        expires_at: invoice.expires_at,
        actions: ATTEMPTS.to_vec(),
    };
    assert_eq!(simulator.page(&page.token), Some(expected));
    for unknown in ["", "x", &invoice.order.to_string(), &Uuid::new_v4().to_string()] {
        assert_eq!(simulator.page(unknown), None, "{unknown}");
        assert_eq!(simulator.act(unknown, Action::Pay), Err(ActionError::UnknownPage), "{unknown}");
    }
}

#[test]
fn nothing_is_known_of_an_order_until_somebody_has_begun_to_pay() {
    let (simulator, _) = open(options());
    let invoice = invoice();
    let page = opened(&simulator, &invoice);
    assert_eq!(known(&simulator, invoice.order), None);
    assert_eq!(known(&simulator, PaymentId::generate()), None);
    simulator.act(&page.token, Action::Pay).unwrap();
    let report = known(&simulator, invoice.order).unwrap();
    assert_eq!((report.order.clone(), report.currency.as_str()), (Some(invoice.order.to_string()), "IDR"));
    assert_eq!(report.transaction.status, TransactionStatus::Settlement);
    assert_eq!((report.transaction.amount, report.transaction.refunded), (invoice.total, Money::ZERO));
    assert_eq!(look(&simulator, &Subject::Transaction(report.transaction.id.clone())), Some(report));
    assert_eq!(look(&simulator, &Subject::Transaction(Uuid::new_v4().to_string())), None);
}

#[test]
fn opening_again_before_anybody_has_paid_makes_the_only_page_there_is() {
    let (simulator, clock) = open(options());
    let invoice = invoice();
    let first = opened(&simulator, &invoice);
    // Even where the first can be paid no longer, or was closed.
    clock.forward(61);
    let again = Invoice { expires_at: start() + TimeDelta::minutes(90), ..invoice };
    let second = opened(&simulator, &again);
    close(&simulator, &second).unwrap();
    let third = opened(&simulator, &again);
    for old in [&first, &second] {
        assert_eq!(simulator.page(&old.token), None);
        assert_eq!(simulator.act(&old.token, Action::Pay), Err(ActionError::UnknownPage));
    }
    let shown = simulator.page(&third.token).unwrap();
    assert_eq!((shown.expires_at, shown.actions.as_slice()), (again.expires_at, ATTEMPTS.as_slice()));
    simulator.act(&third.token, Action::Pay).unwrap();
}

#[test]
fn once_somebody_has_begun_to_pay_the_order_is_taken() {
    for action in ATTEMPTS {
        let (simulator, clock) = open(options());
        let invoice = invoice();
        let page = opened(&simulator, &invoice);
        simulator.act(&page.token, action).unwrap();
        for _ in 0..2 {
            let again = simulator.create_page(&invoice, soon()).now_or_never().unwrap();
            assert!(matches!(again, Err(GatewayError::Taken)), "{action:?} {again:?}");
            let closed = close(&simulator, &page);
            assert!(matches!(closed, Err(GatewayError::Taken)), "{action:?} {closed:?}");
            assert!(simulator.page(&page.token).is_some(), "the page goes on showing what became of it");
            clock.forward(100);
        }
    }
}

#[test]
fn a_closed_page_can_not_be_paid_on() {
    let (simulator, _) = open(options());
    let invoice = invoice();
    let page = opened(&simulator, &invoice);
    close(&simulator, &page).unwrap();
    assert_eq!(simulator.page(&page.token).unwrap().actions, []);
    for action in Action::ALL {
        assert_eq!(simulator.act(&page.token, action), Err(ActionError::NotPossible), "{action:?}");
    }
    assert_eq!(known(&simulator, invoice.order), None);
    let unknown = PaymentPage { token: Uuid::new_v4().to_string(), ..page };
    assert!(matches!(close(&simulator, &unknown), Err(GatewayError::Refused(_))));
}

#[test]
fn each_button_does_what_it_says_and_only_a_refused_payer_may_try_again() {
    for (action, status, actions) in [
        (Action::Pay, TransactionStatus::Settlement, &[Action::Refund][..]),
        (Action::Deny, TransactionStatus::Deny, &ATTEMPTS[..]),
        (Action::Cancel, TransactionStatus::Cancel, &[]),
        (Action::Expire, TransactionStatus::Expire, &[]),
    ] {
        let (simulator, _) = open(options());
        let invoice = invoice();
        let page = opened(&simulator, &invoice);
        let shown = simulator.act(&page.token, action).unwrap();
        assert_eq!((shown.status, shown.actions.as_slice()), (Some(status), actions));
        assert_eq!(simulator.page(&page.token), Some(shown));
        assert_eq!(known(&simulator, invoice.order).unwrap().transaction.status, status);
    }
}

#[test]
fn a_refused_payer_who_tries_again_begins_another_transaction() {
    let (simulator, _) = open(options());
    let invoice = invoice();
    let page = opened(&simulator, &invoice);
    let mut ids = Vec::new();
    for action in [Action::Deny, Action::Deny, Action::Pay] {
        simulator.act(&page.token, action).unwrap();
        ids.push(known(&simulator, invoice.order).unwrap().transaction.id);
    }
    let statuses = ids.iter().map(|id| status(look(&simulator, &Subject::Transaction(id.clone())).as_ref()));
    let (deny, paid) = (Some(TransactionStatus::Deny), Some(TransactionStatus::Settlement));
    assert_eq!(statuses.collect::<Vec<_>>(), [deny, deny, paid]);
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_refund_gives_all_back_once_for_the_transaction_that_was_paid() {
    let (simulator, clock) = open(options());
    let invoice = invoice();
    let page = opened(&simulator, &invoice);
    assert_eq!(simulator.act(&page.token, Action::Refund), Err(ActionError::NotPossible));
    simulator.act(&page.token, Action::Pay).unwrap();
    let paid = known(&simulator, invoice.order).unwrap().transaction;
    // A merchant may do so long after the page.
    clock.forward(100_000);
    simulator.act(&page.token, Action::Refund).unwrap();
    let refunded = known(&simulator, invoice.order).unwrap().transaction;
    assert_eq!((refunded.id, refunded.status), (paid.id, TransactionStatus::Refund));
    assert_eq!((refunded.amount, refunded.refunded), (invoice.total, invoice.total));
    for action in Action::ALL {
        assert_eq!(simulator.act(&page.token, action), Err(ActionError::NotPossible), "{action:?}");
    }
}

#[test]
fn what_nobody_pays_can_be_paid_until_it_expires_and_no_longer() {
    let (simulator, clock) = open(options());
    let (unused, refused) = (invoice(), invoice());
    let pages = [&unused, &refused].map(|invoice| opened(&simulator, invoice));
    simulator.act(&pages[1].token, Action::Deny).unwrap();
    clock.forward(59);
    assert!(pages.iter().all(|page| simulator.page(&page.token).unwrap().actions == ATTEMPTS));
    clock.forward(1);
    for page in &pages {
        assert_eq!(simulator.page(&page.token).unwrap().actions, []);
        for action in Action::ALL {
            assert_eq!(simulator.act(&page.token, action), Err(ActionError::NotPossible), "{action:?}");
        }
    }
    assert_eq!(known(&simulator, unused.order), None, "the page has expired, and no transaction with it");
    // A refused transaction has ended already.
    assert_eq!(status(known(&simulator, refused.order).as_ref()), Some(TransactionStatus::Deny));
}
