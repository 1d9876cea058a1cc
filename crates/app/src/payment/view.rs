//! Shows a payment to its buyer and its seller.

use crate::access::Access;
use crate::context::{Context, Query};
use crate::payment::PaymentQueries;
use crate::pipeline::UseCase;
use crate::product::{ProductImages, ProductView};
use crate::rate_limit::RateLimitClass;
use chrono::{DateTime, Utc};
use domain::actor::Identity;
use domain::error::{Error, ErrorCode};
use domain::money::Money;
use domain::payment::{Payment, PaymentId, State, Status};
use domain::product::ProductId;
use domain::user::UserId;
use std::sync::Arc;
use strum::{EnumString, IntoStaticStr};

/// Who sees a payment, or gets a mail about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Audience {
    Buyer,
    Seller,
}

impl Audience {
    /// The name in storage, and of the folder with the mail templates.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// Returns as whom a caller may see a payment; `Forbidden` for others.
    pub(super) fn of(identity: Identity, payment: &Payment) -> Result<Self, Error> {
        if identity.id == payment.record().buyer {
            Ok(Self::Buyer)
        } else if identity.id == payment.seller() {
            Ok(Self::Seller)
        } else {
            Err(ErrorCode::Forbidden.into())
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentView {
    pub id: PaymentId,
    pub product_id: ProductId,
    pub buyer: UserId,
    pub code: String,
    pub quantity: i32,
    pub total: Money,
    pub status: Status,
    /// The page's URL; empty for the seller and without a page.
    pub payment_url: String,
    /// The token with which the gateway's script opens the page; empty for the seller and without a page.
    pub token: String,
    /// Whether it waits for an operator: it is paid and no stock is left, or the gateway contradicts it.
    pub needs_attention: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The product at the time of the order; its stock is what the order left.
    pub product: ProductView,
}

pub struct PaymentPresenter {
    pub images: Arc<ProductImages>,
}

impl PaymentPresenter {
    /// Returns the payment as this audience sees it.
    pub(super) async fn show(&self, payment: &Payment, audience: Audience) -> Result<PaymentView, Error> {
        let record = payment.record();
        let page = record.page.as_ref().filter(|_| audience == Audience::Buyer);
        Ok(PaymentView {
            id: record.id,
            product_id: payment.product(),
            buyer: record.buyer,
            code: record.code.to_string(),
            quantity: record.quantity.count(),
            total: record.total,
            status: record.state.status(),
            payment_url: page.map(|page| page.url.clone()).unwrap_or_default(),
            token: page.map(|page| page.token.clone()).unwrap_or_default(),
            needs_attention: payment.attention().is_some(),
            created_at: record.created_at,
            updated_at: record.updated_at,
            product: self.images.show(&record.product).await?,
        })
    }

    /// Returns the payment as the buyer saw it after checkout, whatever its present state.
    pub(super) async fn first_answer(&self, payment: &Payment) -> Result<PaymentView, Error> {
        let shown = self.show(payment, Audience::Buyer).await?;
        let opened_at = payment.record().opened_at.unwrap_or(shown.created_at);
        let status = State::Pending.status();
        Ok(PaymentView { status, needs_attention: false, updated_at: opened_at, ..shown })
    }
}

/// Parses a payment's id. An id that is not a UUID matches no payment.
pub(super) fn wanted(id: &str) -> Result<PaymentId, Error> {
    if id.trim().is_empty() {
        return Err(Error::id_required("payment"));
    }
    id.parse().map_err(|_| ErrorCode::PaymentNotFound.into())
}

pub(super) async fn find(
    payments: &dyn PaymentQueries,
    context: &Context<Query>,
    id: &str,
) -> Result<(Payment, Audience), Error> {
    let identity = context.actor.identity()?;
    let payment = payments.payment(wanted(id)?, context.deadline).await?.ok_or(ErrorCode::PaymentNotFound)?;
    let audience = Audience::of(identity, &payment)?;
    Ok((payment, audience))
}

pub struct ViewPayment {
    pub payments: Arc<dyn PaymentQueries>,
    pub presenter: Arc<PaymentPresenter>,
}

impl UseCase for ViewPayment {
    const NAME: &'static str = "view_payment";
    type Kind = Query;
    const ACCESS: Access = Access::Authenticated;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::PaymentNotFound, ErrorCode::Forbidden];
    /// The payment's identifier, as it arrived.
    type Input = String;
    type Output = PaymentView;

    async fn execute(&self, context: &Context<Query>, id: String) -> Result<PaymentView, Error> {
        let (payment, audience) = find(&*self.payments, context, &id).await?;
        self.presenter.show(&payment, audience).await
    }
}
