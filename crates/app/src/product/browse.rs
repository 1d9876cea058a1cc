//! Lists products.

use crate::access::Access;
use crate::context::{Context, Query};
use crate::page::Page;
use crate::pipeline::UseCase;
use crate::product::{BrowseForm, ProductImages, ProductLists, ProductTotals, ProductView};
use crate::rate_limit::RateLimitClass;
use domain::error::{Error, ErrorCode};
use std::sync::Arc;

/// Shows a page of the product list to everybody.
pub struct BrowseProducts {
    pub products: Arc<dyn ProductLists>,
    pub totals: Arc<dyn ProductTotals>,
    pub images: Arc<ProductImages>,
}

impl UseCase for BrowseProducts {
    const NAME: &'static str = "browse_products";
    type Kind = Query;
    const ACCESS: Access = Access::Public;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest];
    type Input = BrowseForm;
    type Output = Page<ProductView>;

    async fn execute(&self, context: &Context<Query>, form: BrowseForm) -> Result<Page<ProductView>, Error> {
        let listing = form.parse()?;
        let limit = listing.page.limit;
        let reader = context.reader();
        let mut products = self.products.list(&listing, reader, context.deadline).await?;
        let more_follow = products.len() > limit as usize;
        products.truncate(limit as usize);
        let given = products.len() as u64;
        let next = products.last().filter(|_| more_follow).map(|last| listing.cursor_behind(last, given));
        let seen = listing.page.offset.saturating_add(given);
        let total = if more_follow || (given == 0 && listing.page.offset > 0) {
            // The total may be older than the list, so it is raised to what the list shows.
            let counted = self.totals.total(&listing.filter, reader, context.deadline).await?;
            if more_follow { counted.max(seen.saturating_add(1)) } else { counted }
        } else {
            seen
        };
        let mut items = Vec::with_capacity(products.len());
        for product in &products {
            items.push(self.images.show(product).await?);
        }
        Ok(Page { items, total, offset: listing.page.offset, limit, next })
    }
}
