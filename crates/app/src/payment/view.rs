//! Showing a payment to those whom it concerns.

use crate::access::Access;
use crate::context::Context;
use crate::payment::PaymentQueries;
use crate::pipeline::{Kind, UseCase};
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

/// Who looks at a payment, or hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Who pays.
    Buyer,
    /// Whose product it is.
    Seller,
}

impl Audience {
    /// The name in storage and of the folder with its mails' templates.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Seller => "seller",
        }
    }

    /// Rebuilds an audience from storage.
    #[must_use]
    pub fn restore(name: &str) -> Option<Self> {
        [Self::Buyer, Self::Seller].into_iter().find(|audience| audience.as_str() == name)
    }

    /// As whom somebody may look at a payment.
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

/// What buyer and seller see of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentView {
    /// Identifies the payment.
    pub id: PaymentId,
    /// Which product was ordered.
    pub product_id: ProductId,
    /// Who pays.
    pub buyer: UserId,
    /// What people call it.
    pub code: String,
    /// How many pieces.
    pub quantity: i32,
    /// What they cost together.
    pub total: Money,
    /// How it stands.
    pub status: Status,
    /// Where the buyer pays; empty for others, and where there is no page.
    pub payment_url: String,
    /// What the gateway's own script opens that page by; empty for others, and where there is no page.
    pub token: String,
    /// Whether it waits for a person: it is paid and there are no pieces for it, or the gateway tells what does not fit.
    pub needs_attention: bool,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The product as it was ordered; its stock is what was left then.
    pub product: ProductView,
}

/// Shows payments.
pub struct PaymentPresenter {
    /// The images of products.
    pub images: Arc<ProductImages>,
}

impl PaymentPresenter {
    /// A payment as somebody sees it.
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

    /// A payment as its buyer saw it when it had been ordered, whatever has become of it.
    pub(super) async fn first_answer(&self, payment: &Payment) -> Result<PaymentView, Error> {
        let shown = self.show(payment, Audience::Buyer).await?;
        let opened_at = payment.record().opened_at.unwrap_or(shown.created_at);
        let status = State::Pending.status();
        Ok(PaymentView { status, needs_attention: false, updated_at: opened_at, ..shown })
    }
}

/// Reads a payment's identifier; what is none names no payment.
pub(super) fn wanted(id: &str) -> Result<PaymentId, Error> {
    if id.trim().is_empty() {
        return Err(Error::id_required("payment"));
    }
    id.parse().map_err(|_| ErrorCode::PaymentNotFound.into())
}

/// Finds a payment for somebody whom it concerns.
pub(super) async fn find(
    payments: &dyn PaymentQueries,
    context: &Context,
    id: &str,
) -> Result<(Payment, Audience), Error> {
    let identity = context.actor.identity()?;
    let payment = payments.payment(wanted(id)?, context.deadline).await?.ok_or(ErrorCode::PaymentNotFound)?;
    let audience = Audience::of(identity, &payment)?;
    Ok((payment, audience))
}

/// Shows one payment to its buyer or its seller.
pub struct ViewPayment {
    /// The payments.
    pub payments: Arc<dyn PaymentQueries>,
    /// Shows them.
    pub presenter: Arc<PaymentPresenter>,
}

impl UseCase for ViewPayment {
    const NAME: &'static str = "view_payment";
    const KIND: Kind = Kind::Query;
    const ACCESS: Access = Access::Authenticated;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::PaymentNotFound, ErrorCode::Forbidden];
    /// The payment's identifier, as it arrived.
    type Input = String;
    type Output = PaymentView;

    async fn execute(&self, context: &Context, id: String) -> Result<PaymentView, Error> {
        let (payment, audience) = find(&*self.payments, context, &id).await?;
        self.presenter.show(&payment, audience).await
    }
}
