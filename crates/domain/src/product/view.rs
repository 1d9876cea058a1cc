//! Showing one product to anybody.

use crate::access::Access;
use crate::context::Context;
use crate::error::{Error, ErrorCode};
use crate::money::Money;
use crate::product::{Gallery, ImageAddress, Product, ProductId, ProductQueries};
use crate::quota::Allowance;
use crate::use_case::{Kind, UseCase};
use crate::user::UserId;
use crate::version::Version;
use chrono::{DateTime, Utc};
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
        if self.image_url_ends { self.version.etag_with(&self.image_url) } else { self.version.etag() }
    }
}

/// Shows one product to anybody.
pub struct ViewProduct {
    /// The products.
    pub products: Arc<dyn ProductQueries>,
    /// Their images.
    pub gallery: Arc<Gallery>,
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
    const ALLOWANCE: Allowance = Allowance::Read;
    /// The product's identifier, as it arrived.
    type Input = String;
    type Output = ProductView;

    async fn execute(&self, context: &Context, id: String) -> Result<ProductView, Error> {
        let product = self.products.product(wanted(&id)?, context.deadline).await?;
        self.gallery.show(&product.ok_or(ErrorCode::ProductNotFound)?).await
    }
}
