//! Changes a product.

use crate::access::Access;
use crate::clock::{Clock, Deadline};
use crate::context::{Command, Context};
use crate::entity_tag::EntityTags;
use crate::pipeline::UseCase;
use crate::product::view::wanted;
use crate::product::{ImageField, ProductForm, ProductImages, ProductTotals, ProductView, Products};
use crate::rate_limit::RateLimitClass;
use domain::error::{Error, ErrorCode, Violations};
use domain::product::{Changes, Owned, Picture, Product};
use domain::user::Role;
use std::sync::Arc;

pub struct UpdateForm {
    pub id: String,
    /// An empty field does not change.
    pub fields: ProductForm,
    /// The versions that the seller expects; `EntityTags::None` accepts any.
    pub expected: EntityTags,
}

pub struct UpdateProduct {
    pub products: Arc<dyn Products>,
    pub images: Arc<ProductImages>,
    pub totals: Arc<dyn ProductTotals>,
    pub clock: Arc<dyn Clock>,
}

impl UpdateProduct {
    /// Ignores the URL of the product's own stored image: a client that sends a product back as it read it changes nothing.
    async fn forget_own_address(&self, owned: &Owned, image: &mut ImageField) -> Result<(), Error> {
        if let (ImageField::Url(url), Picture::Stored(_)) = (&*image, &owned.product().details().picture)
            && without_query(&self.images.show(owned.product()).await?.image_url) == without_query(url.trim())
        {
            *image = ImageField::Absent;
        }
        Ok(())
    }

    async fn apply(
        &self,
        owned: Owned,
        changes: Changes,
        expected: &EntityTags,
        by: Deadline,
    ) -> Result<Product, Error> {
        if changes.is_empty() {
            return Ok(owned.into_product());
        }
        let changed = self.products.update(&owned, &changes, expected, self.clock.now(), by).await;
        if changed.is_err()
            && let Some(key) = changes.picture.as_ref().and_then(Picture::stored)
        {
            self.images.abandon(key).await;
        }
        changed
    }
}

/// A URL without its signature, which differs each time.
fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(address, _)| address)
}

impl UseCase for UpdateProduct {
    const NAME: &'static str = "update_product";
    type Kind = Command;
    const ACCESS: Access = Access::Only(Role::Seller);
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Write;
    const ERRORS: &'static [ErrorCode] = &[
        ErrorCode::InvalidRequest,
        ErrorCode::ProductNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ProductChanged,
        ErrorCode::ImageStoreFailed,
    ];
    type Input = UpdateForm;
    type Output = ProductView;

    async fn execute(&self, context: &Context<Command>, form: UpdateForm) -> Result<ProductView, Error> {
        let UpdateForm { id, mut fields, expected } = form;
        let seller = context.actor.seller()?;
        let by = context.deadline;
        let product = self.products.product(wanted(&id)?, by).await?.ok_or(ErrorCode::ProductNotFound)?;
        let owned = product.owned_by(seller)?;

        let mut wrong = Violations::default();
        if fields.is_cut_off(&mut wrong) {
            return Err(wrong.into_error(ErrorCode::InvalidRequest));
        }
        self.forget_own_address(&owned, &mut fields.image).await?;
        let changes = fields.changes(&mut wrong);
        let image = self.images.inspect(&mut fields.image, &mut wrong, by).await?;
        let (Some(mut changes), Some(image)) = (changes, image) else {
            return Err(wrong.into_error(ErrorCode::InvalidRequest));
        };
        // Checked here so that no image is stored in vain; the change checks it again.
        if !expected.permit(owned.product().version()) {
            return Err(ErrorCode::ProductChanged.into());
        }
        if let Some(image) = image {
            changes.picture = Some(Picture::Stored(self.images.keep(image, by).await?));
        }
        let product = self.apply(owned, changes, &expected, by).await?;
        self.totals.changed();
        tracing::info!(product_id = %product.id(), user_id = %seller.id(), "product changed");
        self.images.show(&product).await
    }
}
