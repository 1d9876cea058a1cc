//! Withdraws a product.

use crate::access::Access;
use crate::clock::Clock;
use crate::context::{Command, Context};
use crate::entity_tag::EntityTags;
use crate::pipeline::UseCase;
use crate::product::view::wanted;
use crate::product::{ProductTotals, Products};
use crate::rate_limit::RateLimitClass;
use domain::error::{Error, ErrorCode};
use domain::product::ProductId;
use domain::user::Role;
use std::sync::Arc;

pub struct DeleteForm {
    pub id: String,
    /// The versions that the seller expects; `EntityTags::None` accepts any.
    pub expected: EntityTags,
}

pub struct DeleteProduct {
    pub products: Arc<dyn Products>,
    pub totals: Arc<dyn ProductTotals>,
    pub clock: Arc<dyn Clock>,
}

impl UseCase for DeleteProduct {
    const NAME: &'static str = "delete_product";
    type Kind = Command;
    const ACCESS: Access = Access::Only(Role::Seller);
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Write;
    const ERRORS: &'static [ErrorCode] =
        &[ErrorCode::InvalidRequest, ErrorCode::ProductNotFound, ErrorCode::Forbidden, ErrorCode::ProductChanged];
    type Input = DeleteForm;
    type Output = ProductId;

    async fn execute(&self, context: &Context<Command>, form: DeleteForm) -> Result<ProductId, Error> {
        let DeleteForm { id, expected } = form;
        let seller = context.actor.seller()?;
        let by = context.deadline;
        let product = self.products.product(wanted(&id)?, by).await?.ok_or(ErrorCode::ProductNotFound)?;
        let owned = product.owned_by(seller)?;
        self.products.delete(&owned, &expected, self.clock.now(), by).await?;
        self.totals.changed();
        let id = owned.product().id();
        tracing::info!(product_id = %id, user_id = %seller.id(), "product withdrawn");
        Ok(id)
    }
}
