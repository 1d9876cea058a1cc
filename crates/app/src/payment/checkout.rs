//! Orders a product and opens its payment page.
//!
//! Checkout has three steps, and the process may die after each of them: record the order and reserve its pieces; have the
//! gateway make a page, outside any transaction; record the page, or release the pieces. The
//! [`Reconciler`](super::Reconciler) finishes orders that stopped in between.

use crate::access::Access;
use crate::clock::{Clock, Deadline};
use crate::context::{Command, Context};
use crate::payment::gateway::{Gateway, GatewayError, Invoice};
use crate::payment::view::{Audience, PaymentPresenter};
use crate::payment::{Cause, PaymentNotifier, PaymentView, Payments, PlaceOutcome};
use crate::pipeline::UseCase;
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

/// The maximum number of payment codes that are drawn for one order.
const DRAWS: usize = 5;
/// The time reserved for recording the gateway's answer.
const RECORD_TIME: Duration = Duration::from_secs(2);
/// How long a repeated order waits for the first one.
const REPLAY_TIME: Duration = Duration::from_secs(3);
/// When a buyer may repeat an order that is still in progress.
const REPLAY_AFTER: Duration = Duration::from_secs(2);

/// The order as it arrived; an absent field is empty.
#[derive(Clone, Debug, Default)]
pub struct OrderForm {
    pub product_id: String,
    pub quantity: String,
    /// The key by which a repeated order is recognised.
    pub idempotency_key: String,
}

/// Draws payment codes that nobody can predict. May be repeated.
pub trait PaymentCodes: Send + Sync {
    /// Draws a code that is probably unused.
    fn draw(&self) -> PaymentCode;
}

pub struct Checkout {
    pub payments: Arc<dyn Payments>,
    /// The gateway gets the payer's name and e-mail.
    pub users: Arc<dyn UserQueries>,
    pub gateway: Arc<dyn Gateway>,
    pub codes: Arc<dyn PaymentCodes>,
    pub presenter: Arc<PaymentPresenter>,
    pub notifier: Arc<dyn PaymentNotifier>,
    pub clock: Arc<dyn Clock>,
    pub amount_limits: AmountLimits,
    /// How long an order can be paid.
    pub expiry: TimeDelta,
}

#[derive(Clone, Debug)]
struct ParsedOrder {
    product: ProductId,
    quantity: Quantity,
    key: Option<IdempotencyKey>,
}

fn parse(form: &OrderForm) -> Result<ParsedOrder, Error> {
    let mut wrong = Violations::default();
    let product =
        wrong.take("product_id", if form.product_id.trim().is_empty() { Err(Reason::empty()) } else { Ok(()) });
    let quantity = wrong.take("quantity", Quantity::parse(&form.quantity));
    let key = wrong.take("idempotency-key", IdempotencyKey::parse(&form.idempotency_key));
    let (Some(()), Some(quantity), Some(key)) = (product, quantity, key) else {
        return Err(wrong.into_error(ErrorCode::InvalidRequest));
    };
    // An id that is not a UUID matches no product.
    let product = form.product_id.trim().parse().map_err(|_| ErrorCode::OrderedProductNotFound)?;
    Ok(ParsedOrder { product, quantity, key })
}

impl Checkout {
    async fn place(&self, buyer: UserId, parsed: ParsedOrder, by: Deadline) -> Result<PlaceOutcome, Error> {
        let ParsedOrder { product, quantity, key } = parsed;
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
                PlaceOutcome::CodeTaken => order.code = self.codes.draw(),
                placed => return Ok(placed),
            }
        }
        Err(Error::unavailable("every code that was drawn for a payment was taken"))
    }

    /// Has the gateway make a page, and records the result.
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

    /// Records a page, or that the gateway will not make one.
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

    /// Answers a repeated order like the first one.
    async fn replay(&self, first: Payment, parsed: &ParsedOrder, by: Deadline) -> Result<PaymentView, Error> {
        let ParsedOrder { product, quantity, key } = parsed;
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

/// Builds the invoice that the gateway gets.
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
    type Kind = Command;
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

    async fn execute(&self, context: &Context<Command>, form: OrderForm) -> Result<PaymentView, Error> {
        let buyer = context.actor.identity()?.id;
        let by = context.deadline;
        let parsed = parse(&form)?;
        if let Some(key) = &parsed.key
            && let Some(first) = self.payments.ordered_before(buyer, key, by).await?
        {
            return self.replay(first, &parsed, by).await;
        }
        let payment = match self.place(buyer, parsed.clone(), by).await? {
            PlaceOutcome::Created(payment) => payment,
            PlaceOutcome::Repeated(first) => return self.replay(first, &parsed, by).await,
            PlaceOutcome::CodeTaken => return Err(Error::internal("a code that is taken is drawn anew")),
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
