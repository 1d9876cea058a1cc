//! Offers a product.

use crate::access::Access;
use crate::clock::Clock;
use crate::context::{Command, Context};
use crate::pipeline::UseCase;
use crate::product::{ProductForm, ProductImages, ProductTotals, ProductView, Products};
use crate::rate_limit::RateLimitClass;
use domain::error::{Error, ErrorCode, Violations};
use domain::product::{Picture, Product};
use domain::user::Role;
use std::sync::Arc;

pub struct CreateProduct {
    pub products: Arc<dyn Products>,
    pub images: Arc<ProductImages>,
    pub totals: Arc<dyn ProductTotals>,
    pub clock: Arc<dyn Clock>,
}

impl UseCase for CreateProduct {
    const NAME: &'static str = "create_product";
    type Kind = Command;
    const ACCESS: Access = Access::Only(Role::Seller);
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Write;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::ImageStoreFailed];
    type Input = ProductForm;
    type Output = ProductView;

    async fn execute(&self, context: &Context<Command>, mut form: ProductForm) -> Result<ProductView, Error> {
        let seller = context.actor.seller()?;
        let by = context.deadline;
        let mut wrong = Violations::default();
        if form.is_cut_off(&mut wrong) {
            return Err(wrong.into_error(ErrorCode::InvalidRequest));
        }
        let details = form.details(&mut wrong);
        let image = self.images.inspect(&mut form.image, &mut wrong, by).await?;
        let (Some(mut details), Some(image)) = (details, image) else {
            return Err(wrong.into_error(ErrorCode::InvalidRequest));
        };
        if let Some(image) = image {
            details.picture = Picture::Stored(self.images.keep(image, by).await?);
        }
        let product = Product::offer(seller, details, self.clock.now());
        if let Err(error) = self.products.add(&product, by).await {
            if let Some(key) = product.details().picture.stored() {
                self.images.abandon(key).await;
            }
            return Err(error);
        }
        self.totals.changed();
        tracing::info!(product_id = %product.id(), user_id = %seller.id(), "product offered");
        self.images.show(&product).await
    }
}
