//! Showing one product to anybody.

use crate::access::Access;
use crate::context::Context;
use crate::entity_tag::{etag, etag_with};
use crate::pipeline::{Kind, UseCase};
use crate::product::{ProductImages, ProductQueries};
use crate::rate_limit::RateLimitClass;
use chrono::{DateTime, Utc};
use domain::error::{Error, ErrorCode};
use domain::money::Money;
use domain::product::{ImageAddress, Product, ProductId};
use domain::user::UserId;
use domain::version::Version;
use std::sync::Arc;

/// What anybody sees of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductView {
    /// Identifies the product.
    pub id: ProductId,
    /// Whose it is.
    pub seller: UserId,
    /// What it is called.
    pub name: String,
    /// What is told of it.
    pub description: String,
    /// What one piece costs.
    pub price: Money,
    /// How many pieces there are.
    pub stock: i32,
    /// Where to find its image; empty where it has none.
    pub image_url: String,
    /// Whether that address is good for a while only.
    pub image_url_ends: bool,
    /// How often it has been changed.
    pub version: Version,
    /// When it was first offered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
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

    /// The entity tag of an answer that shows this view and may be kept. Where the address of the image ends, so does the tag:
    /// whoever asks with it once another address has taken its place is shown that one.
    #[must_use]
    pub fn etag(&self) -> String {
        if self.image_url_ends { etag_with(self.version, &self.image_url) } else { etag(self.version) }
    }
}

/// Shows one product to anybody.
pub struct ViewProduct {
    /// The products.
    pub products: Arc<dyn ProductQueries>,
    /// Their images.
    pub images: Arc<ProductImages>,
}

/// Reads a product's identifier; what is none names no product.
pub(super) fn wanted(id: &str) -> Result<ProductId, Error> {
    if id.trim().is_empty() {
        return Err(Error::id_required("product"));
    }
    id.parse().map_err(|_| ErrorCode::ProductNotFound.into())
}

impl UseCase for ViewProduct {
    const NAME: &'static str = "view_product";
    const KIND: Kind = Kind::Query;
    const ACCESS: Access = Access::Public;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest, ErrorCode::ProductNotFound];
    /// The product's identifier, as it arrived.
    type Input = String;
    type Output = ProductView;

    async fn execute(&self, context: &Context, id: String) -> Result<ProductView, Error> {
        let product = self.products.product(wanted(&id)?, context.deadline).await?;
        self.images.show(&product.ok_or(ErrorCode::ProductNotFound)?).await
    }
}
