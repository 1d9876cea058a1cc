//! What products need from outside.
#![warn(missing_docs)]

use crate::clock::Deadline;
use crate::entity_tag::EntityTags;
use crate::product::{Filter, ProductListing};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::{Error, Reason};
use domain::product::{Changes, Image, ImageAddress, ImageKey, Owned, Product, ProductId};

/// The products, as commands see them: always the primary database.
///
/// Every method fails with [`ErrorCode::Unavailable`](domain::error::ErrorCode::Unavailable) when the database is away or has
/// more work than it takes, and with [`ErrorCode::DeadlineExceeded`](domain::error::ErrorCode::DeadlineExceeded) when
/// `by` passed before the work began.
#[async_trait]
pub trait Products: Send + Sync {
    /// Adds a product. Where it has a stored image, the ledger's note on that image goes in the same transaction.
    ///
    /// # Errors
    /// [`ErrorCode::TokenInvalid`](domain::error::ErrorCode::TokenInvalid) where there is no such seller any more;
    /// [`ErrorCode::ImageStoreFailed`](domain::error::ErrorCode::ImageStoreFailed) where the ledger has given the image up
    /// already. Nothing is added then.
    async fn add(&self, product: &Product, by: Deadline) -> Result<(), Error>;

    /// The product, unless it has been withdrawn.
    async fn product(&self, id: ProductId, by: Deadline) -> Result<Option<Product>, Error>;

    /// Changes what is decided anew, and that alone, in one step however many do so at once. In the same transaction an image
    /// that is replaced is noted in the ledger for removal, and the note on a new one goes. Returns the product as it is
    /// then.
    ///
    /// # Errors
    /// [`ErrorCode::ProductNotFound`](domain::error::ErrorCode::ProductNotFound) where it has been withdrawn meanwhile,
    /// [`ErrorCode::ProductChanged`](domain::error::ErrorCode::ProductChanged) where its version is not one of `expected`,
    /// [`ErrorCode::ImageStoreFailed`](domain::error::ErrorCode::ImageStoreFailed) where the ledger has given the new image
    /// up already. Nothing is changed then.
    async fn update(
        &self,
        owned: &Owned,
        changes: &Changes,
        expected: &EntityTags,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Product, Error>;

    /// Withdraws a product: it vanishes from every read, and its stored image is noted in the ledger for removal.
    ///
    /// # Errors
    /// As those of [`Self::update`].
    async fn delete(&self, owned: &Owned, expected: &EntityTags, now: DateTime<Utc>, by: Deadline)
    -> Result<(), Error>;
}

/// The products, as queries see them: perhaps a replica that lags a little behind. Withdrawn ones are not among them.
#[async_trait]
pub trait ProductQueries: Send + Sync {
    /// One product.
    async fn product(&self, id: ProductId, by: Deadline) -> Result<Option<Product>, Error>;

    /// The products of a listing, in its order, and one more than its limit where more follow.
    async fn list(&self, listing: &ProductListing, by: Deadline) -> Result<Vec<Product>, Error>;

    /// How many products a filter lets through.
    async fn count(&self, filter: &Filter, by: Deadline) -> Result<u64, Error>;
}

/// How many products a filter lets through, as a list tells it: a large number may be a few seconds old.
#[async_trait]
pub trait ProductTotals: Send + Sync {
    /// The total.
    async fn total(&self, filter: &Filter, by: Deadline) -> Result<u64, Error>;

    /// Tells that products have been added, changed or withdrawn.
    fn changed(&self);
}

/// Finds out whether bytes are an image, on threads of its own: decoding takes a good part of a second.
#[async_trait]
pub trait ImageInspector: Send + Sync {
    /// Decodes the whole image within bounds of size, memory and time, and strips it of all that is not needed to show
    /// it: places, names, whatever stands behind its end. What it is, its content decides.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`](domain::error::ErrorCode::Overloaded) when more images wait than the server will queue. That
    /// the bytes are no image of a kind that is taken is not an error of the port: it is the inner one.
    async fn inspect(&self, bytes: Vec<u8>, by: Deadline) -> Result<Result<Image, Reason>, Error>;
}

/// Where images are kept: a folder, or a service that speaks S3.
///
/// A method fails with [`ErrorCode::ImageStoreFailed`](domain::error::ErrorCode::ImageStoreFailed) when the store is away,
/// slow or full, in bounded time: before `by`, so that the caller hears of it.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// Keeps an image at a place where nothing is yet. It may be there after a failure too.
    async fn put(&self, key: &ImageKey, image: Image, by: Deadline) -> Result<(), Error>;

    /// Removes what is at a place; that nothing is there is no failure. May be repeated.
    async fn remove(&self, key: &ImageKey, by: Deadline) -> Result<(), Error>;

    /// Where clients find what is at a place. An address that ends has a good part of its life left.
    async fn address(&self, key: &ImageKey) -> Result<ImageAddress, Error>;
}

/// A place in the image store that has been taken out of the ledger to be cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The place.
    pub key: ImageKey,
    /// How often it has been tried before.
    pub attempts: u32,
}

/// The notes on images that are to go: in the database beside the products, so that no crash makes us forget one.
///
/// A note is written before an image is put into the store, and goes with the transaction that gives the image to a
/// product. So an image in the store has a product or a note, at every moment.
#[async_trait]
pub trait ImageLedger: Send + Sync {
    /// Notes that an image is about to be put at a place, and is to be removed after `due` unless a product has it by then.
    async fn expect(&self, key: &ImageKey, due: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Notes that no product is going to have an expected image: it is to be removed at once.
    async fn abandon(&self, key: &ImageKey, now: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Takes up to `limit` places that are due. Nobody else gets them before `retry_at`, and no product can have an image
    /// there any more.
    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<Removal>, Error>;

    /// Notes that a claimed place is due again at `due`.
    async fn postpone(&self, key: &ImageKey, due: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Drops the note on a place that has been cleared.
    async fn forget(&self, key: &ImageKey, by: Deadline) -> Result<(), Error>;
}
