//! The ports of products.
#![warn(missing_docs)]

use crate::clock::Deadline;
use crate::context::Reader;
use crate::entity_tag::EntityTags;
use crate::product::{Filter, ProductListing};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::{Error, Reason};
use domain::product::{Changes, Image, ImageAddress, ImageKey, Owned, Product, ProductId};

/// Products, for commands: always the primary database.
///
/// Every method returns [`ErrorCode::Unavailable`](domain::error::ErrorCode::Unavailable) if the database is unavailable or
/// its queue is full, and [`ErrorCode::DeadlineExceeded`](domain::error::ErrorCode::DeadlineExceeded) if `by` passed before
/// the work began. A write that returns an error may have been made if the connection was lost at its commit.
#[async_trait]
pub trait Products: Send + Sync {
    /// Adds a product. If it has a stored image, the same transaction deletes the image's ledger entry. Must not be repeated
    /// with the same id.
    ///
    /// # Errors
    /// [`ErrorCode::TokenInvalid`](domain::error::ErrorCode::TokenInvalid) if the seller does not exist any more;
    /// [`ErrorCode::ImageStoreFailed`](domain::error::ErrorCode::ImageStoreFailed) if the ledger has already claimed the
    /// image for removal. Nothing is added then.
    async fn add(&self, product: &Product, by: Deadline) -> Result<(), Error>;

    /// Returns a product; `None` if it was withdrawn or never existed. May be repeated.
    async fn product(&self, id: ProductId, by: Deadline) -> Result<Option<Product>, Error>;

    /// Changes only the given fields, atomically under concurrent calls. The same transaction enters a replaced image in the
    /// ledger for removal and deletes the entry of a new one. Returns the changed product.
    ///
    /// # Errors
    /// [`ErrorCode::ProductNotFound`](domain::error::ErrorCode::ProductNotFound) if it was withdrawn meanwhile,
    /// [`ErrorCode::ProductChanged`](domain::error::ErrorCode::ProductChanged) if its version is not one of `expected` (a
    /// repetition gets this too), [`ErrorCode::ImageStoreFailed`](domain::error::ErrorCode::ImageStoreFailed) if the ledger
    /// has already claimed the new image for removal. Nothing is changed then.
    async fn update(
        &self,
        owned: &Owned,
        changes: &Changes,
        expected: &EntityTags,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Product, Error>;

    /// Withdraws a product: no read returns it any more, and its stored image is entered in the ledger for removal.
    ///
    /// # Errors
    /// Those of [`Self::update`]; a repetition returns `ProductNotFound`.
    async fn delete(&self, owned: &Owned, expected: &EntityTags, now: DateTime<Utc>, by: Deadline)
    -> Result<(), Error>;
}

/// Reads one product, always from the primary database. It returns no withdrawn product. Errors are those of [`Products`];
/// each call may be repeated.
#[async_trait]
pub trait ProductQueries: Send + Sync {
    /// Returns a product; `None` if no product has this id.
    async fn product(&self, id: ProductId, by: Deadline) -> Result<Option<Product>, Error>;
}

/// Lists products, perhaps from a replica that lags behind the primary; what the reader has written before is always there.
/// Withdrawn products are left out. Errors are those of [`Products`]; each call may be repeated.
#[async_trait]
pub trait ProductLists: Send + Sync {
    /// Returns the products of a listing in its order, and one more than its limit if more follow.
    async fn list(&self, listing: &ProductListing, reader: Reader, by: Deadline) -> Result<Vec<Product>, Error>;

    /// Counts the products that a filter matches.
    async fn count(&self, filter: &Filter, reader: Reader, by: Deadline) -> Result<u64, Error>;
}

/// The totals that product lists show; a large total may be a few seconds old.
#[async_trait]
pub trait ProductTotals: Send + Sync {
    /// Returns the number of products that a filter matches. Errors are those of [`Products`]; may be repeated.
    async fn total(&self, filter: &Filter, reader: Reader, by: Deadline) -> Result<u64, Error>;

    /// Reports that products were added, changed or withdrawn.
    fn changed(&self);
}

/// Validates images on threads of its own: decoding takes a good part of a second.
#[async_trait]
pub trait ImageInspector: Send + Sync {
    /// Decodes the whole image within bounds of size, memory and time, and strips all data that is not needed to show it,
    /// such as locations, names and bytes after its end. The content decides the format. May be repeated.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`](domain::error::ErrorCode::Overloaded) if the queue is full. The inner error says that the
    /// bytes are not an acceptable image.
    async fn inspect(&self, bytes: Vec<u8>, by: Deadline) -> Result<Result<Image, Reason>, Error>;
}

/// The store of images: a folder or an S3 service.
///
/// A method returns [`ErrorCode::ImageStoreFailed`](domain::error::ErrorCode::ImageStoreFailed) if the store is unavailable,
/// slow or full. It returns before `by`, so that the caller gets the error.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// Stores an image under an unused key. After an error the image may be there, too. Must not be repeated with another
    /// image.
    async fn put(&self, key: &ImageKey, image: Image, by: Deadline) -> Result<(), Error>;

    /// Removes an image; a missing image is no error. May be repeated.
    async fn remove(&self, key: &ImageKey, by: Deadline) -> Result<(), Error>;

    /// Returns the URL of an image. An expiring URL has at least half of its life left. May be repeated.
    async fn address(&self, key: &ImageKey) -> Result<ImageAddress, Error>;
}

/// An image that was claimed for removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The image's key.
    pub key: ImageKey,
    /// The number of earlier attempts.
    pub attempts: u32,
}

/// The ledger of images to remove, in the same database as the products, so that no crash loses an image. Errors are those
/// of [`Products`]; each call except `expect` may be repeated.
///
/// An entry is written before its image is stored, and deleted in the transaction that gives the image to a product. So
/// every image in the store has a product or an entry at every moment.
#[async_trait]
pub trait ImageLedger: Send + Sync {
    /// Enters an image that is about to be stored: it is removed after `due` unless a product gets it before.
    async fn record_upload(&self, key: &ImageKey, due: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Makes an image due at once that no product will get.
    async fn abandon(&self, key: &ImageKey, now: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Claims up to `limit` due images. No other call returns them before `retry_at`, and no product can get them any more.
    async fn claim(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<Removal>, Error>;

    /// Makes a claimed image due again at `due`.
    async fn postpone(&self, key: &ImageKey, due: DateTime<Utc>, by: Deadline) -> Result<(), Error>;

    /// Deletes the entry of a removed image.
    async fn forget(&self, key: &ImageKey, by: Deadline) -> Result<(), Error>;
}
