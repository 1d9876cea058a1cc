//! The image store: a folder or a bucket.

use super::fault::Fault;
use super::local::{Folder, LocalOptions};
use super::s3::{Bucket, S3Options, bucket_url};
use app::clock::{Clock, Deadline};
use app::product::ImageStore;
use async_trait::async_trait;
use domain::error::{BoxError, Error};
use domain::product::{Image, ImageAddress, ImageKey};
use object_store::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// The time that is left to the caller when the store gives up, so that the caller gets the error.
const MARGIN: Duration = Duration::from_millis(200);

/// A timeout shorter than this says nothing about the store's health.
const FAIR: Duration = Duration::from_secs(1);

/// A folder or a bucket of images.
pub struct Store {
    pub(super) place: Place,
    prefix: Option<Path>,
    pub(super) addresses: Addresses,
    pub(super) timeout: Duration,
    pub(super) clock: Arc<dyn Clock>,
    failed_puts: AtomicU64,
    failed_removals: AtomicU64,
}

/// The number of failures in a row for each kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreGauges {
    pub failed_puts: u64,
    pub failed_removals: u64,
}

pub(super) enum Place {
    Folder(Folder),
    Bucket(Box<Bucket>),
}

pub(super) enum Addresses {
    Below(String),
    /// Presigned URLs with this lifetime.
    Presigned(Duration),
}

impl Place {
    pub(super) async fn put(&self, path: &Path, image: Image) -> Result<(), Fault> {
        match self {
            Self::Folder(folder) => folder.put(path, image.bytes).await,
            Self::Bucket(bucket) => bucket.put(path, image.format, image.bytes).await,
        }
    }

    pub(super) async fn remove(&self, path: &Path) -> Result<(), Fault> {
        match self {
            Self::Folder(folder) => folder.remove(path).await,
            Self::Bucket(bucket) => bucket.remove(path).await,
        }
    }

    pub(super) async fn read(&self, path: &Path) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Folder(folder) => folder.read(path).await,
            Self::Bucket(bucket) => bucket.read(path).await,
        }
    }

    pub(super) async fn has(&self, path: &Path) -> Result<bool, Fault> {
        match self {
            Self::Folder(folder) => folder.has(path).await,
            Self::Bucket(bucket) => bucket.has(path).await,
        }
    }
}

/// Runs work within a time limit.
pub(super) async fn bounded<T>(time: Duration, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout(time, work).await.unwrap_or_else(|_| Err(Fault::too_late()))
}

impl Store {
    /// A store in a folder, which is created if needed.
    ///
    /// # Errors
    /// If the folder cannot be created, or a part of it is a symbolic link.
    pub fn local(options: LocalOptions, clock: Arc<dyn Clock>) -> Result<Self, BoxError> {
        let place = Place::Folder(Folder::open(&options.folder)?);
        Ok(Self::of(place, None, Addresses::Below(options.public_url), options.timeout, clock))
    }

    fn of(place: Place, prefix: Option<Path>, addresses: Addresses, timeout: Duration, clock: Arc<dyn Clock>) -> Self {
        let (failed_puts, failed_removals) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { place, prefix, addresses, timeout, clock, failed_puts, failed_removals }
    }

    /// The failures in a row.
    #[must_use]
    pub fn gauges(&self) -> StoreGauges {
        StoreGauges {
            failed_puts: self.failed_puts.load(Ordering::Relaxed),
            failed_removals: self.failed_removals.load(Ordering::Relaxed),
        }
    }

    /// A store in a bucket. It sends nothing yet. Must be called on the main runtime, which owns all connections.
    ///
    /// # Errors
    /// If the options make no URL, or the call is outside a runtime.
    pub fn s3(options: S3Options, clock: Arc<dyn Clock>) -> Result<Self, BoxError> {
        let bucket = Bucket::open(&options)?;
        let prefix =
            options.prefix.as_deref().map(|prefix| prefix.trim_matches('/')).filter(|prefix| !prefix.is_empty());
        let prefix = prefix.map(Path::parse).transpose()?;
        let addresses = match (options.presigned, &options.public_url) {
            (Some(life), _) => Addresses::Presigned(life),
            (None, Some(url)) => Addresses::Below(url.clone()),
            (None, None) => {
                let mut url = bucket_url(&options)?;
                if let (Some(prefix), Ok(mut path)) = (&prefix, url.path_segments_mut()) {
                    path.pop_if_empty().extend(prefix.parts().map(|part| part.as_ref().to_owned()));
                }
                Addresses::Below(url.into())
            }
        };
        Ok(Self::of(Place::Bucket(Box::new(bucket)), prefix, addresses, options.timeout, clock))
    }

    pub(super) fn path(&self, key: &ImageKey) -> Result<Path, Error> {
        let key = Path::parse(key.as_str()).map_err(Error::internal)?;
        Ok(match &self.prefix {
            Some(prefix) => prefix.parts().chain(key.parts()).collect(),
            None => key,
        })
    }

    /// Runs a request within the caller's deadline, and counts failures in a row.
    async fn ask(
        &self,
        by: Deadline,
        failures: &AtomicU64,
        work: impl Future<Output = Result<(), Fault>>,
    ) -> Result<(), Error> {
        let time = self.timeout.min(by.remaining().saturating_sub(MARGIN));
        if time.is_zero() {
            return Err(Error::image_store("there was no time left for it"));
        }
        let outcome = bounded(time, work).await;
        match &outcome {
            Ok(()) => failures.store(0, Ordering::Relaxed),
            Err(_) if time >= FAIR.min(self.timeout) => {
                failures.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        outcome.map_err(Error::image_store)
    }
}

#[async_trait]
impl ImageStore for Store {
    async fn put(&self, key: &ImageKey, image: Image, by: Deadline) -> Result<(), Error> {
        let path = self.path(key)?;
        self.ask(by, &self.failed_puts, self.place.put(&path, image)).await
    }

    async fn remove(&self, key: &ImageKey, by: Deadline) -> Result<(), Error> {
        let path = self.path(key)?;
        self.ask(by, &self.failed_removals, self.place.remove(&path)).await
    }

    async fn address(&self, key: &ImageKey) -> Result<ImageAddress, Error> {
        match (&self.addresses, &self.place) {
            (Addresses::Presigned(life), Place::Bucket(bucket)) => {
                let path = self.path(key)?;
                let signed = bounded(self.timeout, bucket.presign(&path, self.clock.now(), *life)).await;
                Ok(ImageAddress { url: signed.map_err(Error::image_store)?, ends: true })
            }
            (Addresses::Below(base), _) => {
                Ok(ImageAddress { url: format!("{}/{key}", base.trim_end_matches('/')), ends: false })
            }
            (Addresses::Presigned(_), Place::Folder(_)) => Err(Error::internal("a folder makes no addresses")),
        }
    }
}
