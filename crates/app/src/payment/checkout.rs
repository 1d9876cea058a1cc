//! Ordering a product and opening the page on which it is paid.
//!
//! Three steps, each of which may be the last when the process dies: the order is recorded with its pieces reserved; the
//! gateway makes a page, outside any transaction; the page is recorded, or the pieces are given back. What is left half made is
//! finished by the [`Reconciler`](super::Reconciler).

use crate::access::Access;
use crate::clock::{Clock, Deadline};
use crate::context::Context;
use crate::payment::gateway::{Gateway, GatewayError, Invoice};
use crate::payment::view::{Audience, PaymentPresenter};
use crate::payment::{Cause, PaymentNotifier, PaymentView, Payments, Placed};
use crate::pipeline::{Kind, UseCase};
use crate::rate_limit::RateLimitClass;
use crate::user::UserQueries;
use chrono::TimeDelta;
use domain::error::{Error, ErrorCode, Reason, Violations};
use domain::payment::{
    AmountLimits, IdempotencyKey, Order, Payment, PaymentCode, PaymentId, PaymentPage, Quantity, ReportOutcome,
};
use domain::product::ProductId;
use domain::user::{Role, UserId};
use std::sync::Arc;
use std::time::Duration;

/// How often another code is drawn where one is taken.
const DRAWS: usize = 5;
/// The time that is kept for recording what the gateway answered.
const RECORD_TIME: Duration = Duration::from_secs(2);
/// How long an order that is being made elsewhere is waited for.
const REPLAY_TIME: Duration = Duration::from_secs(3);
/// How soon a buyer whose order is being made elsewhere may ask again.
const REPLAY_AFTER: Duration = Duration::from_secs(2);

/// What a buyer sends to order something, as it arrived; an absent field is an empty one.
#[derive(Clone, Debug, Default)]
pub struct OrderForm {
    /// The product's identifier.
    pub product_id: String,
    /// How many pieces.
    pub quantity: String,
    /// The key by which an order that is sent again is known again.
    pub idempotency_key: String,
}

/// Draws the codes of payments: nobody can tell the next one.
pub trait PaymentCodes: Send + Sync {
    /// A code that is probably nobody's yet.
    fn draw(&self) -> PaymentCode;
}

/// Orders a product.
pub struct Checkout {
    /// The payments.
    pub payments: Arc<dyn Payments>,
    /// The accounts: the gateway is told who pays.
    pub users: Arc<dyn UserQueries>,
    /// Where the payer pays.
    pub gateway: Arc<dyn Gateway>,
    /// Draws the codes of payments.
    pub codes: Arc<dyn PaymentCodes>,
    /// Shows payments.
    pub presenter: Arc<PaymentPresenter>,
    /// Wakes those who wait for a payment to change.
    pub notifier: Arc<dyn PaymentNotifier>,
    /// Tells when.
    pub clock: Arc<dyn Clock>,
    /// What the gateway carries.
    pub amount_limits: AmountLimits,
    /// For how long an order can be paid.
    pub expiry: TimeDelta,
}

/// The parts of an order's form.
type ParsedOrder = (ProductId, Quantity, Option<IdempotencyKey>);

fn parse(form: &OrderForm) -> Result<ParsedOrder, Error> {
    let mut wrong = Violations::default();
    let product =
        wrong.take("product_id", if form.product_id.trim().is_empty() { Err(Reason::empty()) } else { Ok(()) });
    let quantity = wrong.take("quantity", Quantity::parse(&form.quantity));
    let key = wrong.take("idempotency-key", IdempotencyKey::parse(&form.idempotency_key));
    let (Some(()), Some(quantity), Some(key)) = (product, quantity, key) else {
        return Err(wrong.into_error(ErrorCode::InvalidRequest));
    };
    // What is no identifier names no product.
    let product = form.product_id.trim().parse().map_err(|_| ErrorCode::OrderedProductNotFound)?;
    Ok((product, quantity, key))
}

impl Checkout {
    async fn place(&self, buyer: UserId, wish: ParsedOrder, by: Deadline) -> Result<Placed, Error> {
        let (product, quantity, key) = wish;
        let now = self.clock.now();
        let mut order = Order {
            id: PaymentId::generate(),
            code: self.codes.draw(),
            buyer,
            product,
            quantity,
            key,
            amount_limits: self.amount_limits,
            expires_at: now + self.expiry,
            now,
        };
        for _ in 0..DRAWS {
            match self.payments.place(&order, by).await? {
                Placed::CodeTaken => order.code = self.codes.draw(),
                placed => return Ok(placed),
            }
        }
        Err(Error::unavailable("every code that was drawn for a payment was taken"))
    }

    /// Has the gateway make a page, and records what came of it.
    async fn open(&self, payment: &Payment, by: Deadline) -> Result<Payment, Error> {
        let id = payment.record().id;
        let invoice = invoice_of(payment, &*self.users, by).await?;
        let time = by.remaining().saturating_sub(RECORD_TIME);
        let opened = self.gateway.create_page(&invoice, Deadline::within(time)).await;
        let by = Deadline::within(by.remaining().max(RECORD_TIME));
        match opened {
            Ok(page) => {
                let opened = self.record(id, Some(page), by).await?;
                tracing::info!(payment_id = %id, "payment opened");
                Ok(opened)
            }
            Err(error @ (GatewayError::Unknown(_) | GatewayError::Taken)) => {
                tracing::warn!(payment_id = %id, %error, "a payment is half made; it will be looked after");
                Err(Error::gateway(error))
            }
            Err(error) => {
                self.record(id, None, by).await?;
                Err(match error {
                    GatewayError::CircuitOpen(time) => Error::retry_later(ErrorCode::Unavailable, time),
                    error => Error::gateway(error),
                })
            }
        }
    }

    /// Records a page, or that there is none and will be none.
    async fn record(&self, id: PaymentId, page: Option<PaymentPage>, by: Deadline) -> Result<Payment, Error> {
        let now = self.clock.now();
        let change = Box::new(move |payment: &mut Payment| {
            match &page {
                Some(page) => payment.open(page.clone(), now),
                None => payment.fail(now),
            }
            ReportOutcome::News
        });
        let changed = self.payments.change(id, Cause::Order, change, now, by).await?;
        self.notifier.notify(id);
        let (payment, _) = changed.ok_or_else(|| Error::internal("a payment that was just recorded is not there"))?;
        Ok(payment)
    }

    /// Answers an order that has been sent before as it was answered then.
    async fn replay(&self, first: Payment, wish: &ParsedOrder, by: Deadline) -> Result<PaymentView, Error> {
        let (product, quantity, key) = wish;
        if (first.product(), first.record().quantity) != (*product, *quantity) {
            return Err(ErrorCode::IdempotencyKeyReused.into());
        }
        let patience = Deadline::within(REPLAY_TIME.min(by.remaining()));
        let mut subscription = self.notifier.subscribe(first.record().id);
        let mut first = first;
        while first.is_awaiting_page() && !patience.has_passed() {
            let Some(subscription) = &mut subscription else { break };
            subscription.changed(patience).await;
            let again = match key {
                Some(key) => self.payments.ordered_before(first.record().buyer, key, by).await?,
                None => None,
            };
            first = again.unwrap_or(first);
        }
        if first.is_awaiting_page() {
            return Err(Error::retry_later(ErrorCode::IdempotencyKeyInUse, REPLAY_AFTER));
        }
        if first.record().page.is_none() {
            return Err(ErrorCode::GatewayFailed.into());
        }
        self.presenter.first_answer(&first).await
    }
}

/// What the gateway is told of a payment.
pub(super) async fn invoice_of(payment: &Payment, users: &dyn UserQueries, by: Deadline) -> Result<Invoice, Error> {
    let record = payment.record();
    let payer = users.profile(record.buyer, by).await?.ok_or(ErrorCode::TokenInvalid)?;
    let details = record.product.details();
    Ok(Invoice {
        order: record.id,
        item: record.product.id().to_string(),
        name: details.name.as_str().to_owned(),
        price: details.price.money(),
        quantity: record.quantity,
        total: record.total,
        payer_name: payer.name,
        payer_email: payer.email,
        begins_at: record.created_at,
        expires_at: record.expires_at,
    })
}

impl UseCase for Checkout {
    const NAME: &'static str = "create_payment";
    const KIND: Kind = Kind::Command;
    const ACCESS: Access = Access::Only(Role::Buyer);
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Write;
    const ERRORS: &'static [ErrorCode] = &[
        ErrorCode::InvalidRequest,
        ErrorCode::IdempotencyKeyReused,
        ErrorCode::IdempotencyKeyInUse,
        ErrorCode::OrderedProductNotFound,
        ErrorCode::InsufficientStock,
        ErrorCode::GatewayFailed,
    ];
    type Input = OrderForm;
    type Output = PaymentView;

    async fn execute(&self, context: &Context, form: OrderForm) -> Result<PaymentView, Error> {
        let buyer = context.actor.identity()?.id;
        let by = context.deadline;
        let wish = parse(&form)?;
        if let Some(key) = &wish.2
            && let Some(first) = self.payments.ordered_before(buyer, key, by).await?
        {
            return self.replay(first, &wish, by).await;
        }
        let payment = match self.place(buyer, wish.clone(), by).await? {
            Placed::Now(payment) => payment,
            Placed::Before(first) => return self.replay(first, &wish, by).await,
            Placed::CodeTaken => return Err(Error::internal("a code that is taken is drawn anew")),
        };
        let record = payment.record();
        tracing::info!(payment_id = %record.id, product_id = %payment.product(), user_id = %buyer, "payment ordered");
        let opened = self.open(&payment, by).await?;
        self.presenter.show(&opened, Audience::Buyer).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::error::ViolationCode;

    #[test]
    fn what_is_missing_is_named_in_the_order_of_the_fields() {
        let error = parse(&OrderForm::default()).unwrap_err();
        assert_eq!(error.message(), "product_id is empty");
        let wrong: Vec<_> = error.violations().iter().map(|wrong| (wrong.field(), wrong.code())).collect();
        assert_eq!(wrong, [("product_id", ViolationCode::Empty), ("quantity", ViolationCode::Empty)]);
    }

    #[test]
    fn what_is_no_identifier_names_no_product() {
        let form = OrderForm { product_id: "teapot".to_owned(), quantity: "1".to_owned(), ..OrderForm::default() };
        assert_eq!(parse(&form).unwrap_err().code(), ErrorCode::OrderedProductNotFound);
    }
}
