//! The gateway's notifications: kept as they come, and taken as a hint to ask.
//!
//! A notification's signature does not cover what it says of the status, so a captured one could be sent again with another.
//! Therefore none is believed: whatever it says, the gateway itself is asked, and its answer counts.

use crate::access::Access;
use crate::clock::{Clock, Deadline};
use crate::context::Context;
use crate::error::{Error, ErrorCode, Reason, ViolationCode, Violations};
use crate::id::uuid_id;
use crate::observe::{Observer, PaymentReport};
use crate::payment::asking::ask;
use crate::payment::gateway::{Gateway, Signed, Subject};
use crate::payment::{
    Bell, Cause, Contradiction, Kept, Learnt, Notifications, Payment, PaymentId, Payments, PendingNotification,
    TransactionStatus,
};
use crate::quota::Allowance;
use crate::use_case::{Kind, UseCase};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

uuid_id! {
    /// Identifies a notification: a UUID version 7.
    NotificationId
}

/// How long a notification is worked at before its sender is answered; the gateway waits for 15 s and wants 5.
const APPLY_TIME: Duration = Duration::from_secs(4);
/// When others may try what was begun: after [`APPLY_TIME`], and not long after, for the server may have died.
const LEASE: TimeDelta = TimeDelta::seconds(6);
/// How many notifications are taken up in one go.
const BATCH: u32 = 5;
/// When others may try those that were taken up in one go.
const BATCH_LEASE: TimeDelta = TimeDelta::seconds(30);
/// The wait after the first failure; each further one doubles it, up to [`LONGEST_WAIT`].
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(2);
/// The longest wait between two attempts.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(5);
/// How often a notification is tried of which the gateway knows nothing when asked.
const UNCONFIRMED_AFTER: u32 = 5;
/// How often a notification is tried while the gateway is away: about four hours. Its payment is asked about all the same.
const GIVEN_UP_AFTER: u32 = 50;
/// What the order of a notification begins with that the gateway's dashboard sends when its owner tries out the address.
const TRIAL: &str = "payment_notif_test_";
/// How often the gateway is asked again at once where something else became known meanwhile.
const ASK_AGAIN: usize = 3;

/// A notification, as it arrived; an absent field is an empty one.
#[derive(Clone, Debug, Default)]
pub struct NotificationForm {
    /// What the gateway calls the payment.
    pub order_id: String,
    /// The gateway's name for the attempt to pay.
    pub transaction_id: String,
    /// How it stands.
    pub transaction_status: String,
    /// What the gateway's fraud detection says of it.
    pub fraud_status: String,
    /// The gateway's code.
    pub status_code: String,
    /// The amount.
    pub gross_amount: String,
    /// The signature.
    pub signature_key: String,
    /// How much was given back, in whatever words tell one amount from another.
    pub refund_amount: String,
    /// Whether the bank has confirmed what was given back.
    pub bank_confirmed: bool,
    /// All of it, as it was sent.
    pub body: String,
}

/// A notification whose signature is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What the gateway calls the payment.
    pub order: String,
    /// The gateway's name for the attempt to pay, where it was told.
    pub transaction: Option<String>,
    /// How that stands, in the gateway's words.
    pub status: String,
    /// What makes it the same as another.
    pub fingerprint: String,
    /// All of it, as it was sent, but for its signature.
    pub body: String,
}

impl Received {
    /// The payment that it is about, where it can be one of ours.
    #[must_use]
    pub fn payment(&self) -> Option<PaymentId> {
        payment_of(&self.order)
    }
}

/// The payment that the gateway means by an order; only the spelling that we have sent is one of ours.
fn payment_of(order: &str) -> Option<PaymentId> {
    order.parse().ok().filter(|id: &PaymentId| id.to_string() == order)
}

impl NotificationForm {
    /// What two notifications have in common that tell the same. What was given back has to be among it: the amount of the
    /// order, and with it the signature, stays the same whatever is given back.
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

    fn received(self) -> Received {
        let fingerprint = self.fingerprint();
        let transaction = Some(self.transaction_id).filter(|id| !id.is_empty());
        Received { order: self.order_id, transaction, status: self.transaction_status, fingerprint, body: self.body }
    }

    /// Whether the fields that the signature covers are spelled so that none of them can be taken for a part of another.
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

/// What came of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The gateway confirmed news.
    Applied,
    /// The gateway told what was known.
    NothingNew,
    /// What the gateway told is about another order, amount, currency or merchant than the payment's.
    Contradicted,
    /// The gateway knew nothing of it when asked.
    Unconfirmed,
    /// There is no such payment.
    UnknownOrder,
    /// The gateway was away for too long.
    GivenUp,
}

impl Verdict {
    /// Every verdict there is.
    pub const ALL: [Self; 6] =
        [Self::Applied, Self::NothingNew, Self::Contradicted, Self::Unconfirmed, Self::UnknownOrder, Self::GivenUp];

    /// The name in storage, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::NothingNew => "nothing_new",
            Self::Contradicted => "contradicted",
            Self::Unconfirmed => "unconfirmed",
            Self::UnknownOrder => "unknown_order",
            Self::GivenUp => "given_up",
        }
    }

    /// Rebuilds a verdict from storage.
    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == name)
    }

    /// The verdict on a notification by what came of the gateway's answer; none where it has to be asked again.
    #[must_use]
    pub const fn of(learnt: Learnt) -> Option<Self> {
        match learnt {
            Learnt::News => Some(Self::Applied),
            Learnt::Known => Some(Self::NothingNew),
            Learnt::Contradicts | Learnt::ContradictsStill => Some(Self::Contradicted),
            Learnt::AskAgain => None,
        }
    }
}

/// Applies what notifications hint at.
pub struct Inbox {
    /// The notifications.
    pub notifications: Arc<dyn Notifications>,
    /// The payments that they are about.
    pub payments: Arc<dyn Payments>,
    /// Who is asked.
    pub gateway: Arc<dyn Gateway>,
    /// Wakes those who wait for a payment to change.
    pub bell: Arc<dyn Bell>,
    /// Tells when.
    pub clock: Arc<dyn Clock>,
    /// Takes reports.
    pub observer: Arc<dyn Observer>,
}

impl Inbox {
    /// Applies what is due, and tells how many notifications it looked at: where that is not zero there may be more.
    ///
    /// # Errors
    /// Those of the storage. That the gateway is away is noted there, to be tried again later.
    pub async fn run(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let by = Deadline::within(APPLY_TIME);
        let pending = self.notifications.claim(BATCH, now, now + BATCH_LEASE, by).await?;
        for notification in &pending {
            self.apply(notification, Deadline::within(APPLY_TIME)).await?;
        }
        Ok(pending.len())
    }

    /// Asks the gateway what a notification hints at, and takes note of its answer.
    async fn apply(&self, notification: &PendingNotification, by: Deadline) -> Result<(), Error> {
        let Some(id) = payment_of(&notification.order) else {
            return self.judge(notification, Verdict::UnknownOrder, by).await;
        };
        let subject = notification.transaction.clone().map_or(Subject::Order(id), Subject::Transaction);
        for _ in 0..ASK_AGAIN {
            let Some(known) = self.payments.payment(id, by).await? else {
                return self.judge(notification, Verdict::UnknownOrder, by).await;
            };
            let report = match ask(&*self.gateway, &known, &subject, by).await {
                // The gateway may yet come to know it under the order's own name.
                Ok(Some(report)) if report.order.is_none() && notification.attempts < UNCONFIRMED_AFTER => {
                    return self.postpone(notification, by).await;
                }
                Ok(Some(report)) => report,
                Ok(None) if notification.attempts >= UNCONFIRMED_AFTER => {
                    return self.judge(notification, Verdict::Unconfirmed, by).await;
                }
                Ok(None) => return self.postpone(notification, by).await,
                Err(error) => {
                    tracing::warn!(payment_id = %id, %error, "a notification has to wait");
                    return self.postpone(notification, by).await;
                }
            };
            let (now, version) = (self.clock.now(), known.record().version);
            let change = Box::new(move |payment: &mut Payment| {
                let is_fresh = payment.record().version == version;
                payment.learn(&report, is_fresh, now)
            });
            let cause = Cause::Notification(notification.id);
            let Some((payment, learnt)) = self.payments.change(id, cause, change, now, by).await? else {
                return self.judge(notification, Verdict::UnknownOrder, by).await;
            };
            if let Some(verdict) = Verdict::of(learnt) {
                self.observer.payment(PaymentReport::Notification(verdict));
                if verdict == Verdict::Applied {
                    let status = payment.record().state.status().as_str();
                    tracing::info!(payment_id = %id, status, "payment status updated");
                    self.bell.ring(id);
                }
                if learnt == Learnt::Contradicts {
                    warn_of(&payment);
                    self.bell.ring(id);
                }
                return Ok(());
            }
        }
        self.postpone(notification, by).await
    }

    async fn judge(&self, notification: &PendingNotification, verdict: Verdict, by: Deadline) -> Result<(), Error> {
        self.observer.payment(PaymentReport::Notification(verdict));
        self.notifications.judge(notification.id, verdict, self.clock.now(), by).await
    }

    async fn postpone(&self, notification: &PendingNotification, by: Deadline) -> Result<(), Error> {
        if notification.attempts >= GIVEN_UP_AFTER {
            return self.judge(notification, Verdict::GivenUp, by).await;
        }
        // The time to ask may be what has run out.
        let by = if by.has_passed() { Deadline::within(Duration::from_secs(1)) } else { by };
        let due = self.clock.now() + wait_after(notification.attempts);
        self.notifications.postpone(notification.id, due, by).await
    }
}

/// Tells operators that a payment waits for one of them.
pub(super) fn warn_of(payment: &Payment) {
    let record = payment.record();
    let Some(Contradiction { transaction, told, .. }) = &record.contradiction else { return };
    tracing::warn!(payment_id = %record.id, transaction, told, "the gateway contradicts a payment; it waits for a person");
}

/// How long to wait after a failure when there have been this many before.
fn wait_after(attempts: u32) -> TimeDelta {
    let factor = 2_i32.saturating_pow(attempts.min(16));
    FIRST_WAIT.checked_mul(factor).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

/// Takes a notification from the gateway.
pub struct ReceiveNotification {
    /// What is done with it.
    pub inbox: Arc<Inbox>,
    /// Whether one without a right signature is refused. Production always does.
    pub require_signature: bool,
}

impl ReceiveNotification {
    /// Refuses what is not the gateway's, before the database hears of it.
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
        if form.is_well_formed() && self.inbox.gateway.has_signed(&signed) {
            return Ok(());
        }
        self.inbox.observer.payment(PaymentReport::Forged);
        if self.require_signature {
            return Err(ErrorCode::SignatureInvalid.into());
        }
        tracing::warn!("a notification without a right signature is taken: payment.webhook.require_signature is off");
        Ok(())
    }
}

impl UseCase for ReceiveNotification {
    const NAME: &'static str = "receive_notification";
    const KIND: Kind = Kind::Command;
    const ACCESS: Access = Access::Public;
    const ALLOWANCE: Allowance = Allowance::Notification;
    type Input = NotificationForm;
    type Output = ();

    async fn execute(&self, context: &Context, form: NotificationForm) -> Result<(), Error> {
        self.check(&form)?;
        if form.order_id.starts_with(TRIAL) {
            // Its owner is to see that the address is right and the key is the same. There is no such order to look up.
            tracing::info!("the gateway's dashboard has tried out the address for notifications, and it works");
            return Ok(());
        }
        let inbox = &self.inbox;
        let received = form.received();
        let now = inbox.clock.now();
        if TransactionStatus::read(&received.status, "").is_none() {
            tracing::warn!(status = received.status, "a notification tells a status that is not known here");
        }
        let kept = inbox.notifications.keep(&received, now, now + LEASE, context.deadline).await?;
        let id = match kept {
            Kept::New(id) => id,
            Kept::Known => return Ok(()),
            Kept::Unknown => return Err(ErrorCode::NotifiedOrderNotFound.into()),
        };
        let pending = PendingNotification { id, order: received.order, transaction: received.transaction, attempts: 0 };
        let by = Deadline::within(APPLY_TIME.min(context.deadline.remaining()));
        // It is kept: whatever fails from here on is done again by the worker, and is nothing to trouble the sender with.
        if let Err(error) = inbox.apply(&pending, by).await {
            tracing::warn!(
                code = error.code().as_str(),
                causes = crate::error::causes(&error),
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

    #[test]
    fn each_failure_doubles_the_wait_up_to_five_minutes() {
        assert_eq!([0, 1, 2].map(wait_after), [2, 4, 8].map(TimeDelta::seconds));
        assert_eq!(wait_after(30), TimeDelta::minutes(5));
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
                prop_assert!(crate::money::Money::read(&amount).is_some() || amount.len() > 15, "{}", amount);
            }
            let received = told.received();
            prop_assert_eq!(received.fingerprint.len(), 64);
            prop_assert!(received.payment().is_none_or(|payment| payment.to_string() == text));
        }
    }
}
