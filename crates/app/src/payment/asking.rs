//! Asks the gateway about a payment, and decides whether the answer is about this payment.
//!
//! An answer names its order and counts for no other. For some payment methods (DANA, the virtual accounts of BSI, Danamon,
//! Seabank, Saqu) Midtrans answers with the transaction id in the place of the order id. Then the question decides:
//!
//! - Asked by order id, which only the shop assigns, the gateway itself found the transaction under that id.
//! - Asked by transaction id, which comes from a notification and is not covered by its signature, the answer may be about
//!   any order: a buyer who paid for a cheap order could name its transaction for an expensive one, or for another one at
//!   the same price. The shop therefore also asks by order id, and the answer counts only if that leads to the same
//!   transaction over the same amount.

use crate::clock::Deadline;
use crate::payment::gateway::{Gateway, GatewayError, Subject};
use domain::payment::{GatewayReport, Payment, PaymentId};

/// Whether a report names this order or none.
fn may_be_about(report: &GatewayReport, order: &str) -> bool {
    report.order.as_deref().is_none_or(|named| named == order)
}

/// Whether two reports are about the same transaction over the same amount. One may be newer than the other.
fn is_same_payment(one: &GatewayReport, other: &GatewayReport) -> bool {
    (&one.transaction.id, one.transaction.amount, one.transaction.fee)
        == (&other.transaction.id, other.transaction.amount, other.transaction.fee)
        && (&one.currency, one.is_foreign) == (&other.currency, other.is_foreign)
}

fn about(report: GatewayReport, order: PaymentId) -> GatewayReport {
    GatewayReport { order: Some(order.to_string()), ..report }
}

/// Asks the gateway about a payment or one of its transactions. Returns `None` if the answer is not certainly about this
/// payment. A paid transaction without a certain order is returned without an order: such a report contradicts the payment.
pub(super) async fn ask(
    gateway: &dyn Gateway,
    payment: &Payment,
    subject: &Subject,
    by: Deadline,
) -> Result<Option<GatewayReport>, GatewayError> {
    let id = payment.record().id;
    let Some(report) = gateway.fetch_status(subject, by).await? else { return Ok(None) };
    if report.order.is_some() {
        return Ok(Some(report));
    }
    let is_ours = match subject {
        Subject::Order(asked) => *asked == id,
        // A transaction that was found to belong to this order stays with it.
        Subject::Transaction(_) => payment.record().transactions.iter().any(|known| known.id == report.transaction.id),
    };
    if is_ours {
        return Ok(Some(about(report, id)));
    }
    let own = gateway.fetch_status(&Subject::Order(id), by).await?;
    let own = own.filter(|own| may_be_about(own, &id.to_string()));
    Ok(match own {
        Some(own) if is_same_payment(&own, &report) => Some(about(own, id)),
        _ if report.transaction.is_paid() => Some(report),
        own => own.map(|own| about(own, id)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::fixtures::opened;
    use crate::payment::gateway::{Invoice, Signed};
    use async_trait::async_trait;
    use chrono::DateTime;
    use domain::money::Money;
    use domain::payment::{PaymentPage, ReportOutcome, State, Transaction, TransactionStatus};
    use futures_util::FutureExt;
    use std::collections::HashMap;
    use std::time::Duration;

    /// A gateway with one answer for each id.
    #[derive(Default)]
    struct FakeGateway(HashMap<String, GatewayReport>);

    #[async_trait]
    impl Gateway for FakeGateway {
        async fn create_page(&self, _invoice: &Invoice, _by: Deadline) -> Result<PaymentPage, GatewayError> {
            Err(GatewayError::Taken)
        }

        async fn fetch_status(&self, subject: &Subject, _by: Deadline) -> Result<Option<GatewayReport>, GatewayError> {
            let name = match subject {
                Subject::Order(id) => id.to_string(),
                Subject::Transaction(id) => id.clone(),
            };
            Ok(self.0.get(&name).cloned())
        }

        async fn close_page(&self, _page: &PaymentPage, _by: Deadline) -> Result<(), GatewayError> {
            Err(GatewayError::Taken)
        }

        fn verify_signature(&self, _signed: &Signed<'_>) -> bool {
            false
        }
    }

    fn unnamed(payment: &Payment, transaction: &str, status: TransactionStatus) -> GatewayReport {
        let transaction = Transaction {
            id: transaction.to_owned(),
            status,
            payment_type: "dana".to_owned(),
            amount: payment.record().total,
            fee: Money::ZERO,
            refunded: Money::ZERO,
        };
        GatewayReport { order: None, transaction, currency: "IDR".to_owned(), is_foreign: false }
    }

    fn ask_about(gateway: &FakeGateway, payment: &Payment, subject: &Subject) -> Option<GatewayReport> {
        let by = Deadline::within(Duration::from_secs(1));
        ask(gateway, payment, subject, by).now_or_never().unwrap().unwrap()
    }

    fn transaction(name: &str) -> Subject {
        Subject::Transaction(name.to_owned())
    }

    /// Applies a notification that names this transaction.
    fn apply(gateway: &FakeGateway, payment: &mut Payment, name: &str) -> Option<ReportOutcome> {
        let report = ask_about(gateway, payment, &transaction(name))?;
        Some(payment.apply_report(&report, true, DateTime::UNIX_EPOCH))
    }

    #[test]
    fn an_answer_without_its_order_counts_where_the_orders_own_name_leads_to_it() {
        let mut payment = opened();
        let id = payment.record().id;
        let settled = unnamed(&payment, "t-1", TransactionStatus::Settlement);
        let named = GatewayReport { order: Some(id.to_string()), ..settled.clone() };
        for own in [settled.clone(), named] {
            let mut payment = payment.clone();
            let gateway = FakeGateway([("t-1".to_owned(), settled.clone()), (id.to_string(), own)].into());
            assert_eq!(apply(&gateway, &mut payment, "t-1"), Some(ReportOutcome::News));
            assert_eq!(payment.record().state, State::Success);
        }
        // A question by order id needs no second one.
        let gateway = FakeGateway([(id.to_string(), settled)].into());
        let report = ask_about(&gateway, &payment, &Subject::Order(id)).unwrap();
        assert_eq!(payment.apply_report(&report, true, DateTime::UNIX_EPOCH), ReportOutcome::News);
    }

    /// A buyer paid for a cheap order, or for another one at the same price, and names that transaction for this order.
    #[test]
    fn money_for_another_order_pays_for_none_of_ours() {
        let payment = opened();
        let id = payment.record().id;
        let others = unnamed(&payment, "t-cheap", TransactionStatus::Settlement);
        let mut cheaper = others.clone();
        cheaper.transaction.amount = Money::from_whole(1).unwrap();
        let pending = unnamed(&payment, "t-own", TransactionStatus::Pending);
        let stranger = GatewayReport { order: Some(PaymentId::generate().to_string()), ..others.clone() };
        let another_amount = GatewayReport {
            transaction: Transaction { amount: Money::from_whole(1).unwrap(), ..others.transaction.clone() },
            ..others.clone()
        };
        for paid in [others, cheaper] {
            // The order id leads to nothing, to another attempt, to somebody else's order, to another amount.
            for own in [None, Some(pending.clone()), Some(stranger.clone()), Some(another_amount.clone())] {
                let mut payment = payment.clone();
                if own.as_ref() == Some(&paid) {
                    continue;
                }
                let mut gateway = FakeGateway([("t-cheap".to_owned(), paid.clone())].into());
                gateway.0.extend(own.map(|own| (id.to_string(), own)));
                assert_eq!(apply(&gateway, &mut payment, "t-cheap"), Some(ReportOutcome::Contradicts));
                assert_eq!(payment.record().state, State::Pending);
                assert!(payment.record().transactions.is_empty() && payment.attention().is_some());
            }
        }
    }

    #[test]
    fn what_is_no_money_and_cannot_be_told_to_be_ours_is_nothing() {
        let payment = opened();
        let id = payment.record().id;
        let pending = unnamed(&payment, "t-1", TransactionStatus::Pending);
        let mut gateway = FakeGateway([("t-1".to_owned(), pending)].into());
        assert_eq!(ask_about(&gateway, &payment, &transaction("t-1")), None);
        // The order id leads to a later attempt, which counts.
        let latest = unnamed(&payment, "t-2", TransactionStatus::Settlement);
        gateway.0.insert(id.to_string(), latest.clone());
        assert_eq!(ask_about(&gateway, &payment, &transaction("t-1")), Some(about(latest, id)));
    }

    #[test]
    fn what_was_found_to_be_ours_stays_so() {
        let mut payment = opened();
        let id = payment.record().id;
        let begun = unnamed(&payment, "t-1", TransactionStatus::Pending);
        payment.apply_report(&about(begun, id), true, DateTime::UNIX_EPOCH);
        let gateway = FakeGateway([("t-1".to_owned(), unnamed(&payment, "t-1", TransactionStatus::Settlement))].into());
        assert_eq!(apply(&gateway, &mut payment, "t-1"), Some(ReportOutcome::News));
        assert_eq!(payment.record().state, State::Success);
    }
}
