//! Receives the gateway's notifications: stores each one, then asks the gateway about its payment.
//!
//! A notification's signature does not cover its status, so a captured notification could be sent again with another status.
//! The shop therefore trusts no notification: it asks the gateway, and only the answer counts.

use crate::access::Access;
use crate::clock::Deadline;
use crate::context::{Command, Context};
use crate::observe::PaymentReport;
use crate::payment::gateway::Signed;
use crate::payment::{PendingNotification, StoreOutcome, WebhookWorker};
use crate::pipeline::UseCase;
use crate::rate_limit::RateLimitClass;
use chrono::TimeDelta;
use domain::error::{Error, ErrorCode, Reason, ViolationCode, Violations};
use domain::payment::{PaymentId, TransactionStatus};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// The time limit for applying a notification before the gateway gets its answer. The gateway waits for 15 s and recommends
/// 5 s.
pub(super) const APPLY_TIME: Duration = Duration::from_secs(4);
/// How long the notification is claimed: slightly longer than [`APPLY_TIME`], because the server may die.
const LEASE: TimeDelta = TimeDelta::seconds(6);
/// The prefix of the order id in test notifications of the gateway's dashboard.
const TRIAL: &str = "payment_notif_test_";

/// A notification as it arrived; an absent field is empty.
#[derive(Clone, Debug, Default)]
pub struct NotificationForm {
    pub order_id: String,
    pub transaction_id: String,
    pub transaction_status: String,
    pub fraud_status: String,
    pub status_code: String,
    pub gross_amount: String,
    pub signature_key: String,
    /// The refunded amount, in any spelling that differs between amounts.
    pub refund_amount: String,
    /// Whether the bank confirmed the refund.
    pub bank_confirmed: bool,
    pub body: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredNotification {
    pub order: String,
    /// The gateway's transaction id, if the notification has one.
    pub transaction: Option<String>,
    pub status: String,
    /// Equal for copies of one notification.
    pub fingerprint: String,
    /// The body without its signature.
    pub body: String,
}

impl StoredNotification {
    /// The payment's id, if the order id can be one of the shop's.
    #[must_use]
    pub fn payment(&self) -> Option<PaymentId> {
        payment_of(&self.order)
    }
}

/// Parses an order id. Only the canonical spelling, which the shop sends, matches a payment.
pub(super) fn payment_of(order: &str) -> Option<PaymentId> {
    order.parse().ok().filter(|id: &PaymentId| id.to_string() == order)
}

impl NotificationForm {
    /// Returns a digest that copies of one notification share. It includes the refunded amount: the order's amount, and with
    /// it the signature, is the same for every refund.
    fn fingerprint(&self) -> String {
        let confirmed = if self.bank_confirmed { "confirmed" } else { "" };
        let parts = [
            &self.order_id,
            &self.transaction_id,
            &self.transaction_status.to_ascii_lowercase(),
            &self.status_code,
            &self.fraud_status.to_ascii_lowercase(),
            &self.refund_amount,
        ];
        let mut digest = Sha256::new();
        for part in parts.into_iter().map(String::as_str).chain([confirmed]) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn received(self) -> StoredNotification {
        let fingerprint = self.fingerprint();
        let transaction = Some(self.transaction_id).filter(|id| !id.is_empty());
        StoredNotification {
            order: self.order_id,
            transaction,
            status: self.transaction_status,
            fingerprint,
            body: self.body,
        }
    }

    /// Whether the signed fields have a form in which no part of one can be read as a part of another.
    fn is_well_formed(&self) -> bool {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let amount = self.gross_amount.split_once('.');
        let is_amount = amount
            .is_some_and(|(whole, cents)| digits(whole) && whole.len() <= 15 && digits(cents) && cents.len() == 2);
        let is_signature =
            self.signature_key.len() == 128 && self.signature_key.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits(&self.status_code) && self.status_code.len() == 3 && is_amount && is_signature
    }
}

pub struct ReceiveNotification {
    pub worker: Arc<WebhookWorker>,
    /// Whether to refuse an invalid signature. Production always does.
    pub require_signature: bool,
}

impl ReceiveNotification {
    /// Refuses forged notifications before they reach the database.
    fn check(&self, form: &NotificationForm) -> Result<(), Error> {
        let mut wrong = Violations::default();
        for (field, value) in [("order_id", &form.order_id), ("transaction_status", &form.transaction_status)] {
            if value.trim().is_empty() {
                wrong.add(field, &Reason::new(ViolationCode::Empty, "missing {field}"));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong.into_error(ErrorCode::InvalidRequest));
        }
        let signed = Signed {
            order: &form.order_id,
            status_code: &form.status_code,
            gross_amount: &form.gross_amount,
            signature: &form.signature_key,
        };
        if form.is_well_formed() && self.worker.gateway.verify_signature(&signed) {
            return Ok(());
        }
        self.worker.observer.payment(PaymentReport::Forged);
        if self.require_signature {
            return Err(ErrorCode::SignatureInvalid.into());
        }
        tracing::warn!("a notification without a right signature is taken: payment.webhook.require_signature is off");
        Ok(())
    }
}

impl UseCase for ReceiveNotification {
    const NAME: &'static str = "receive_notification";
    type Kind = Command;
    const ACCESS: Access = Access::Public;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Notification;
    const ERRORS: &'static [ErrorCode] =
        &[ErrorCode::InvalidRequest, ErrorCode::SignatureInvalid, ErrorCode::NotifiedOrderNotFound];
    type Input = NotificationForm;
    type Output = ();

    async fn execute(&self, context: &Context<Command>, form: NotificationForm) -> Result<(), Error> {
        self.check(&form)?;
        if form.order_id.starts_with(TRIAL) {
            // The dashboard's user tests the URL and the key. No payment has such an order id.
            tracing::info!("the gateway's dashboard has tried out the address for notifications, and it works");
            return Ok(());
        }
        let worker = &self.worker;
        let received = form.received();
        let now = worker.clock.now();
        if TransactionStatus::read(&received.status, "").is_none() {
            tracing::warn!(status = received.status, "a notification tells a status that is not known here");
        }
        let kept = worker.notifications.store(&received, now, now + LEASE, context.deadline).await?;
        let id = match kept {
            StoreOutcome::New(id) => id,
            StoreOutcome::Duplicate => return Ok(()),
            StoreOutcome::UnknownOrder => return Err(ErrorCode::NotifiedOrderNotFound.into()),
        };
        let pending = PendingNotification { id, order: received.order, transaction: received.transaction, attempts: 0 };
        let by = Deadline::within(APPLY_TIME.min(context.deadline.remaining()));
        // The notification is stored: the worker repeats what fails from here on, so the gateway gets a success.
        if let Err(error) = worker.apply(&pending, by).await {
            tracing::warn!(
                code = error.code().as_str(),
                causes = domain::error::causes(&error),
                "a notification has to wait"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form() -> NotificationForm {
        NotificationForm {
            order_id: "0192f3c4-0000-7000-8000-000000000001".to_owned(),
            transaction_id: "t-1".to_owned(),
            transaction_status: "settlement".to_owned(),
            status_code: "200".to_owned(),
            gross_amount: "10000.00".to_owned(),
            signature_key: "ab".repeat(64),
            ..NotificationForm::default()
        }
    }

    #[test]
    fn what_the_signature_covers_has_one_spelling() {
        assert!(form().is_well_formed());
        for break_it in [
            (|form: &mut NotificationForm| form.status_code = "20".to_owned()) as fn(&mut NotificationForm),
            |form| form.status_code = "2000".to_owned(),
            |form| form.gross_amount = "10000".to_owned(),
            |form| form.gross_amount = "10000.0".to_owned(),
            |form| form.gross_amount = ".00".to_owned(),
            |form| form.gross_amount = "1234567890123456.00".to_owned(),
            |form| form.signature_key = "ab".repeat(63),
            |form| form.signature_key = "zz".repeat(64),
            |form| form.signature_key = String::new(),
        ] {
            let mut broken = form();
            break_it(&mut broken);
            assert!(!broken.is_well_formed(), "{broken:?}");
        }
    }

    #[test]
    fn two_that_tell_of_different_refunds_are_different() {
        let first = NotificationForm { refund_amount: "10.00".to_owned(), ..form() };
        let second = NotificationForm { refund_amount: "20.00".to_owned(), ..form() };
        let confirmed = NotificationForm { bank_confirmed: true, ..second.clone() };
        assert_ne!(first.fingerprint(), second.fingerprint());
        assert_ne!(second.fingerprint(), confirmed.fingerprint());
        let shouting = NotificationForm { transaction_status: "SETTLEMENT".to_owned(), ..form() };
        assert_eq!(shouting.fingerprint(), form().fingerprint());
    }

    #[test]
    fn only_our_own_spelling_of_an_order_is_one_of_ours() {
        assert!(payment_of(&form().order_id).is_some());
        for other in ["", "ORDER-101", "0192F3C4-0000-7000-8000-000000000001", "0192f3c4000070008000000000000001"] {
            assert!(payment_of(other).is_none(), "{other}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn whatever_is_notified_is_well_formed_or_not(
            text in any::<String>(), amount in "[0-9]{0,17}(\\.[0-9]{0,3})?|\\PC{0,9}", code in "[0-9]{0,4}|\\PC{0,4}",
        ) {
            let told = NotificationForm {
                order_id: text.clone(),
                transaction_id: text.clone(),
                transaction_status: text.clone(),
                gross_amount: amount.clone(),
                status_code: code,
                ..form()
            };
            if told.is_well_formed() {
                prop_assert!(domain::money::Money::read(&amount).is_some() || amount.len() > 15, "{}", amount);
            }
            let received = told.received();
            prop_assert_eq!(received.fingerprint.len(), 64);
            prop_assert!(received.payment().is_none_or(|payment| payment.to_string() == text));
        }
    }
}
