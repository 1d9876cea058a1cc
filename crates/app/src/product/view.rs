//! Shows one product to everybody.

use crate::access::Access;
use crate::context::{Context, Query};
use crate::entity_tag::{etag, etag_with};
use crate::pipeline::UseCase;
use crate::product::{ProductImages, ProductQueries};
use crate::rate_limit::RateLimitClass;
use chrono::{DateTime, Utc};
use domain::error::{Error, ErrorCode};
use domain::money::Money;
use domain::product::{ImageAddress, Product, ProductId};
use domain::user::UserId;
use domain::version::Version;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductView {
    pub id: ProductId,
    pub seller: UserId,
    pub name: String,
    pub description: String,
    pub price: Money,
    pub stock: i32,
    /// Empty for a product without an image.
    pub image_url: String,
    /// Whether that URL expires.
    pub image_url_ends: bool,
    pub version: Version,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl ProductView {
    pub(super) fn new(product: &Product, image: ImageAddress) -> Self {
        let details = product.details();
        Self {
            id: product.id(),
            seller: product.seller(),
            name: details.name.as_str().to_owned(),
            description: details.description.as_str().to_owned(),
            price: details.price.money(),
            stock: details.stock.count(),
            image_url: image.url,
            image_url_ends: image.ends,
            version: product.version(),
            created_at: product.created_at(),
            updated_at: product.updated_at(),
        }
    }

    /// The entity tag of a cacheable answer with this view. If the image URL expires, the tag changes with it, so that a
    /// client with an old tag gets the new URL.
    #[must_use]
    pub fn etag(&self) -> String {
        if self.image_url_ends { etag_with(self.version, &self.image_url) } else { etag(self.version) }
    }
}

pub struct ViewProduct {
    pub products: Arc<dyn ProductQueries>,
    pub images: Arc<ProductImages>,
}

/// Parses a product's id. An id that is not a UUID matches no product.
pub(super) fn wanted(id: &str) -> Result<ProductId, Error> {
    if id.trim().is_empty() {
        return Err(Error::id_required("product"));
    }
    id.parse().map_err(|_| ErrorCode::ProductNotFound.into())
}

impl UseCase for ViewProduct {
    const NAME: &'static str = "view_product";
    type Kind = Query;
    const ACCESS: Access = Access::Public;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::ProductNotFound];
    /// The product's identifier, as it arrived.
    type Input = String;
    type Output = ProductView;

    async fn execute(&self, context: &Context<Query>, id: String) -> Result<ProductView, Error> {
        let product = self.products.product(wanted(&id)?, context.deadline).await?;
        self.images.show(&product.ok_or(ErrorCode::ProductNotFound)?).await
    }
}
