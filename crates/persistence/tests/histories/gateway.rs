//! A payment gateway in memory, which has the truth that the shop has to find out.

use app::clock::Deadline;
use app::payment::{Gateway, GatewayError, Invoice, NotificationForm, Signed, Subject};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::money::Money;
use domain::payment::{GatewayReport, PaymentPage, Transaction, TransactionStatus};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It refuses an order.
    Refuses,
    /// It cannot be reached.
    Away,
    /// It does what it is asked for, and its answer is lost.
    LosesAnswers,
    /// It is not asked.
    CircuitOpen,
}

/// How an attempt to pay goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    Pay,
    Challenge,
    Deny,
    Expire,
    Cancel,
    Refund,
    ChargeBack,
}

/// What the gateway knows of an order.
#[derive(Clone, Debug)]
struct Known {
    total: Money,
    /// The fee on top of the amount.
    fee: Money,
    /// Whether answers name the transaction instead of the order.
    is_unnamed: bool,
    /// Whether the gateway reports another amount than was ordered.
    has_wrong_amount: bool,
    is_open: bool,
    expires_at: DateTime<Utc>,
    transactions: Vec<(String, TransactionStatus)>,
}

#[derive(Default)]
struct State {
    orders: BTreeMap<String, Known>,
    notifications: Vec<NotificationForm>,
    fault: Option<(Fault, u8)>,
}

#[derive(Default)]
pub(crate) struct FakeGateway(Mutex<State>);

fn signature(order: &str, status_code: &str, amount: &str) -> String {
    let mut hasher = DefaultHasher::new();
    ("the key", order, status_code, amount).hash(&mut hasher);
    format!("{:0128x}", hasher.finish())
}

fn code_of(status: TransactionStatus) -> &'static str {
    match status {
        TransactionStatus::Pending | TransactionStatus::Challenge => "201",
        TransactionStatus::Deny => "202",
        TransactionStatus::Expire => "407",
        _ => "200",
    }
}

impl State {
    /// Has a notification sent about an order's latest attempt.
    fn notify(&mut self, order: &str) {
        let Some(known) = self.orders.get(order) else { return };
        let Some((transaction, status)) = known.transactions.last().cloned() else { return };
        let (name, fraud) = match status {
            TransactionStatus::Challenge => ("capture", "challenge"),
            other => (other.as_str(), "accept"),
        };
        let gross_amount = format!("{}.00", known.total.whole() + known.fee.whole());
        self.notifications.push(NotificationForm {
            order_id: order.to_owned(),
            transaction_id: transaction,
            transaction_status: name.to_owned(),
            fraud_status: fraud.to_owned(),
            status_code: code_of(status).to_owned(),
            signature_key: signature(order, code_of(status), &gross_amount),
            gross_amount,
            ..NotificationForm::default()
        });
    }

    fn fault(&mut self) -> Option<Fault> {
        let (fault, left) = self.fault?;
        self.fault = (left > 1).then(|| (fault, left - 1));
        Some(fault)
    }
}

impl FakeGateway {
    pub(crate) fn set_fault(&self, fault: Fault, calls: u8) {
        self.0.lock().unwrap().fault = Some((fault, calls));
    }

    pub(crate) fn clear_fault(&self) {
        self.0.lock().unwrap().fault = None;
    }

    /// The orders that have a page.
    pub(crate) fn orders(&self) -> Vec<String> {
        self.0.lock().unwrap().orders.keys().cloned().collect()
    }

    pub(crate) fn truth(&self, order: &str) -> Vec<TransactionStatus> {
        let state = self.0.lock().unwrap();
        state
            .orders
            .get(order)
            .map(|known| known.transactions.iter().map(|(_, status)| *status).collect())
            .unwrap_or_default()
    }

    /// From now on, reports another amount than was ordered, or the right one.
    pub(crate) fn set_wrong_amount(&self, order: &str, has_wrong_amount: bool) {
        if let Some(known) = self.0.lock().unwrap().orders.get_mut(order) {
            known.has_wrong_amount = has_wrong_amount;
        }
    }

    pub(crate) fn has_wrong_amount(&self, order: &str) -> bool {
        self.0.lock().unwrap().orders.get(order).is_some_and(|known| known.has_wrong_amount)
    }

    /// The payer chooses a way to pay, where the page is open and nothing is under way.
    pub(crate) fn begin(&self, order: &str, now: DateTime<Utc>) {
        let mut state = self.0.lock().unwrap();
        let Some(known) = state.orders.get_mut(order).filter(|known| known.is_open && now < known.expires_at) else {
            return;
        };
        let is_free = known.transactions.last().is_none_or(|(_, status)| *status == TransactionStatus::Deny);
        if is_free {
            let number = known.transactions.len();
            known.transactions.push((format!("{order}-{number}"), TransactionStatus::Pending));
            state.notify(order);
        }
    }

    /// The latest attempt goes on, where the published steps allow that.
    pub(crate) fn transition(&self, order: &str, transition: Transition) {
        use TransactionStatus as T;
        let mut state = self.0.lock().unwrap();
        let Some(known) = state.orders.get_mut(order) else { return };
        let Some((_, status)) = known.transactions.last_mut() else { return };
        let next = match (transition, *status) {
            (Transition::Pay, T::Pending) => T::Settlement,
            (Transition::Pay, T::Challenge) => T::Capture,
            (Transition::Pay, T::Capture) => T::Settlement,
            (Transition::Challenge, T::Pending) => T::Challenge,
            (Transition::Deny, T::Pending | T::Challenge | T::Settlement) => T::Deny,
            (Transition::Expire, T::Pending) => T::Expire,
            (Transition::Cancel, T::Pending | T::Capture) => T::Cancel,
            (Transition::Refund, T::Settlement) => T::Refund,
            (Transition::ChargeBack, T::Settlement) => T::Chargeback,
            _ => return,
        };
        // A chargeback of a settlement ends the order.
        let was_paid = *status == T::Settlement;
        *status = next;
        known.is_open = next == T::Deny && !was_paid;
        state.notify(order);
    }

    /// Nobody pays any more.
    pub(crate) fn close_all_orders(&self) {
        for order in self.orders() {
            self.transition(&order, Transition::Expire);
            // The merchant has not accepted it in time.
            if self.truth(&order).last() == Some(&TransactionStatus::Challenge) {
                self.transition(&order, Transition::Deny);
            }
            if let Some(known) = self.0.lock().unwrap().orders.get_mut(&order) {
                known.is_open = false;
            }
        }
    }

    /// A notification that has been sent, taken away or left to come again.
    pub(crate) fn notification(&self, index: usize, is_taken: bool) -> Option<NotificationForm> {
        let notifications = &mut self.0.lock().unwrap().notifications;
        let index = index.checked_rem(notifications.len())?;
        Some(if is_taken { notifications.remove(index) } else { notifications[index].clone() })
    }

    /// Whether the shop finds out what a notification says without it. The shop does not ask about payments that are paid.
    pub(crate) fn may_be_lost(notification: &NotificationForm) -> bool {
        !matches!(&*notification.transaction_status, "refund" | "chargeback" | "deny" | "cancel")
    }
}

#[async_trait]
impl Gateway for FakeGateway {
    async fn create_page(&self, invoice: &Invoice, _by: Deadline) -> Result<PaymentPage, GatewayError> {
        let mut state = self.0.lock().unwrap();
        let order = invoice.order.to_string();
        let fault = state.fault();
        match fault {
            Some(Fault::Refuses) => return Err(GatewayError::Refused("400".into())),
            Some(Fault::Away) => return Err(GatewayError::Failed("refused".into())),
            Some(Fault::CircuitOpen) => return Err(GatewayError::CircuitOpen(Duration::from_secs(1))),
            Some(Fault::LosesAnswers) | None => {}
        }
        let number = state.orders.len() as u64;
        let known = state.orders.entry(order.clone()).or_insert(Known {
            total: invoice.total,
            fee: Money::from_whole(number % 2 * 71).unwrap(),
            is_unnamed: number % 3 == 2,
            has_wrong_amount: false,
            is_open: true,
            expires_at: invoice.expires_at,
            transactions: Vec::new(),
        });
        if !known.transactions.is_empty() {
            return Err(GatewayError::Taken);
        }
        if fault.is_some() {
            return Err(GatewayError::Unknown("lost".into()));
        }
        Ok(PaymentPage { url: format!("https://example.com/{order}"), token: order })
    }

    async fn fetch_status(&self, subject: &Subject, _by: Deadline) -> Result<Option<GatewayReport>, GatewayError> {
        let mut state = self.0.lock().unwrap();
        match state.fault() {
            Some(Fault::CircuitOpen) => return Err(GatewayError::CircuitOpen(Duration::from_secs(1))),
            Some(_) => return Err(GatewayError::Failed("away".into())),
            None => {}
        }
        let found = state.orders.iter().find_map(|(order, known)| {
            let found = match subject {
                Subject::Order(id) if id.to_string() == *order => known.transactions.last(),
                Subject::Order(_) => None,
                Subject::Transaction(id) => known.transactions.iter().find(|(transaction, _)| transaction == id),
            };
            found.map(|(id, status)| (order.clone(), known.clone(), id.clone(), *status))
        });
        Ok(found.map(|(order, known, id, status)| GatewayReport {
            order: (!known.is_unnamed).then_some(order),
            is_foreign: false,
            currency: Money::CURRENCY.to_owned(),
            transaction: Transaction {
                id,
                status,
                payment_type: "bank_transfer".to_owned(),
                amount: if known.has_wrong_amount { Money::from_whole(1).unwrap() } else { known.total },
                fee: known.fee,
                refunded: if status == TransactionStatus::Refund { known.total } else { Money::ZERO },
            },
        }))
    }

    async fn close_page(&self, page: &PaymentPage, _by: Deadline) -> Result<(), GatewayError> {
        let mut state = self.0.lock().unwrap();
        match state.orders.get_mut(&page.token) {
            Some(known) if known.transactions.is_empty() => {
                known.is_open = false;
                Ok(())
            }
            _ => Err(GatewayError::Refused("transaction is on progress".into())),
        }
    }

    fn verify_signature(&self, signed: &Signed<'_>) -> bool {
        signed.signature == signature(signed.order, signed.status_code, signed.gross_amount)
    }
}
