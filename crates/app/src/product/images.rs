//! Product images: inspect an upload, note it in the ledger, then store it.

use crate::clock::{Clock, Deadline};
use crate::product::{ImageField, ImageInspector, ImageLedger, ImageStore, ProductView};
use chrono::TimeDelta;
use domain::error::{Error, Violations};
use domain::product::{Image, ImageAddress, ImageKey, Picture, Product};
use std::sync::Arc;
use std::time::Duration;

/// When a stored image without a product is removed: long after any call has ended.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(2);
/// The time limit for a ledger entry after a failed call.
const NOTE_TIME: Duration = Duration::from_secs(2);

pub struct ProductImages {
    pub inspector: Arc<dyn ImageInspector>,
    pub store: Arc<dyn ImageStore>,
    pub ledger: Arc<dyn ImageLedger>,
    pub clock: Arc<dyn Clock>,
}

impl ProductImages {
    /// Inspects the uploaded file, if any. The outer `None` means that the file was refused.
    pub(super) async fn inspect(
        &self,
        field: &mut ImageField,
        wrong: &mut Violations,
        by: Deadline,
    ) -> Result<Option<Option<Image>>, Error> {
        let ImageField::File(upload) = field else { return Ok(Some(None)) };
        let inspected = match upload.bytes() {
            Ok(bytes) => self.inspector.inspect(bytes, by).await?,
            Err(reason) => Err(reason),
        };
        Ok(wrong.take(upload.field(), inspected.map(Some)))
    }

    /// Stores an image. The cleanup removes it unless a product gets it soon.
    pub(super) async fn keep(&self, image: Image, by: Deadline) -> Result<ImageKey, Error> {
        let key = ImageKey::generate(image.format);
        self.ledger.record_upload(&key, self.clock.now() + FORGOTTEN_AFTER, by).await?;
        match self.store.put(&key, image, by).await {
            Ok(()) => Ok(key),
            Err(error) => {
                self.abandon(&key).await;
                Err(error)
            }
        }
    }

    /// Marks an image for removal that no product will get. If this fails, the cleanup removes the image later.
    pub(super) async fn abandon(&self, key: &ImageKey) {
        // The call's own deadline may have passed.
        let by = Deadline::within(NOTE_TIME);
        if let Err(error) = self.ledger.abandon(key, self.clock.now(), by).await {
            tracing::warn!(image = %key, code = error.code().as_str(), "the removal of an image has to wait");
        }
    }

    pub(crate) async fn show(&self, product: &Product) -> Result<ProductView, Error> {
        let image = match &product.details().picture {
            Picture::None => ImageAddress { url: String::new(), ends: false },
            Picture::External(url) => ImageAddress { url: url.as_str().to_owned(), ends: false },
            Picture::Stored(key) => self.store.address(key).await?,
        };
        Ok(ProductView::new(product, image))
    }
}
