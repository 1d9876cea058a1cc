//! Actions in any sequence lead to published transitions alone (docs.midtrans.com, "Transaction status cycle").

use crate::{invoice, known, look, opened, remembering, soon};
use app::payment::{Gateway, GatewayError, Subject};
use domain::payment::{GatewayReport, PaymentPage, TransactionStatus};
use futures_util::FutureExt;
use proptest::collection::vec;
use proptest::prelude::*;
use simulator::{Action, ActionError, OrderPage, Simulator};
use std::collections::HashMap;

/// One step of a random history.
#[derive(Clone, Copy, Debug)]
enum Step {
    Act(Action),
    Minutes(i64),
    OpenAgain,
    Close,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        // Refusals are tried again, so that histories have more than one transaction.
        3 => Just(Step::Act(Action::Deny)),
        6 => prop::sample::select(&Action::ALL[..]).prop_map(Step::Act),
        1 => (1_i64..40).prop_map(Step::Minutes),
        1 => Just(Step::OpenAgain),
        1 => Just(Step::Close),
        1 => Just(Step::Restart),
    ]
}

/// What is published: from which status, or from nothing, a transaction may go where.
fn is_published(from: Option<TransactionStatus>, to: TransactionStatus) -> bool {
    use TransactionStatus as S;
    let next: &[S] = match from {
        None => &[S::Authorize, S::Pending, S::Capture, S::Settlement, S::Deny, S::Expire, S::Failure],
        Some(S::Authorize) => &[S::Capture, S::Cancel, S::Deny, S::Expire],
        Some(S::Pending) => &[S::Settlement, S::Capture, S::Deny, S::Cancel, S::Expire],
        Some(S::Capture) => &[S::Settlement, S::Cancel],
        Some(S::Settlement) => &[S::Refund, S::PartialRefund, S::Chargeback, S::PartialChargeback, S::Deny],
        Some(S::PartialRefund) => &[S::PartialRefund, S::Refund],
        Some(S::PartialChargeback) => &[S::Chargeback],
        Some(_) => &[],
    };
    next.contains(&to)
}

/// Whether an action may have taken a transaction from one status to another. To cancel an order at once is to choose a way to
/// pay and to call that off: of the two steps only the second is seen.
fn may_follow(from: Option<TransactionStatus>, to: TransactionStatus) -> bool {
    let unseen = from.is_none() && to == TransactionStatus::Cancel;
    is_published(from, to)
        || unseen
            && is_published(None, TransactionStatus::Pending)
            && is_published(Some(TransactionStatus::Pending), to)
}

/// Everything observable about an order.
fn seen(simulator: &Simulator, token: &str) -> (OrderPage, Option<GatewayReport>) {
    let page = simulator.page(token).unwrap();
    let report = known(simulator, page.order);
    (page, report)
}

/// The order's transactions with their statuses.
#[derive(Default)]
struct Transactions {
    ids: Vec<String>,
    statuses: HashMap<String, TransactionStatus>,
}

impl Transactions {
    /// Checks all orders after a step.
    fn follow(&mut self, simulator: &Simulator, latest: Option<&GatewayReport>) -> Result<(), TestCaseError> {
        if let Some(latest) = latest.map(|report| &report.transaction)
            && !self.ids.contains(&latest.id)
        {
            let all_refused = self.statuses.values().all(|status| *status == TransactionStatus::Deny);
            prop_assert!(all_refused, "nobody pays twice, nor after the end");
            self.ids.push(latest.id.clone());
        }
        prop_assert_eq!(latest.map(|report| &report.transaction.id), self.ids.last(), "the latest is told");
        for id in &self.ids {
            let report = look(simulator, &Subject::Transaction(id.clone()));
            let status = report.map(|report| report.transaction.status);
            let status = status.ok_or_else(|| TestCaseError::fail("a transaction was forgotten"))?;
            let before = self.statuses.insert(id.clone(), status);
            prop_assert!(before == Some(status) || may_follow(before, status), "{before:?} {status:?}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_sequence_of_steps_keeps_to_what_is_published(steps in vec(step(), 0..24)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut simulator, mut clock) = remembering(&path);
        let invoice = invoice();
        let mut token = opened(&simulator, &invoice).token;
        let (mut transactions, mut minutes) = (Transactions::default(), 0);
        for step in steps {
            let before = seen(&simulator, &token);
            match step {
                Step::Act(action) => match simulator.act(&token, action) {
                    Ok(page) => {
                        prop_assert!(before.0.actions.contains(&action), "{action:?} was not offered");
                        prop_assert_eq!(Some(page), simulator.page(&token));
                    }
                    Err(refusal) => {
                        prop_assert_eq!(refusal, ActionError::NotPossible);
                        prop_assert!(!before.0.actions.contains(&action), "{action:?} was offered");
                        prop_assert_eq!(&before, &seen(&simulator, &token), "nothing has changed");
                    }
                },
                Step::Minutes(more) => {
                    clock.forward(more);
                    minutes += more;
                }
                Step::OpenAgain => match simulator.create_page(&invoice, soon()).now_or_never().unwrap() {
                    Ok(page) => {
                        prop_assert!(before.1.is_none(), "somebody has begun");
                        prop_assert!(simulator.page(&token).is_none(), "the page before is revoked");
                        token = page.token;
                    }
                    Err(error) => prop_assert!(before.1.is_some() && matches!(error, GatewayError::Taken)),
                },
                Step::Close => {
                    let page = PaymentPage { token: token.clone(), url: String::new() };
                    let closed = simulator.close_page(&page, soon()).now_or_never().unwrap();
                    prop_assert_eq!(closed.is_ok(), before.1.is_none());
                }
                Step::Restart => {
                    drop(simulator);
                    (simulator, clock) = remembering(&path);
                    clock.forward(minutes);
                    prop_assert_eq!(&before, &seen(&simulator, &token));
                }
            }
            let (page, report) = seen(&simulator, &token);
            prop_assert_eq!(page.status, report.as_ref().map(|report| report.transaction.status));
            let can_pay = page.actions.contains(&Action::Pay);
            prop_assert!(!can_pay || minutes < 60, "the time is over");
            transactions.follow(&simulator, report.as_ref())?;
        }
    }
}
