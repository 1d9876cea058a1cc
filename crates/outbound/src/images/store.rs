//! Where images are kept.

use super::fault::Fault;
use super::local::{Folder, LocalOptions};
use super::s3::{Bucket, S3Options, bucket_url};
use async_trait::async_trait;
use domain::clock::Deadline;
use domain::error::{BoxError, Error};
use domain::product::{Image, ImageKey, ImageStore};
use object_store::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// What is left of the caller's time when we give up, so that the caller hears of it.
const MARGIN: Duration = Duration::from_millis(200);

/// A folder or a bucket of images.
pub struct Store {
    place: Place,
    prefix: Option<Path>,
    addresses: Addresses,
    timeout: Duration,
}

enum Place {
    Folder(Folder),
    Bucket(Bucket),
}

/// How clients find images.
enum Addresses {
    /// Below this address.
    Below(String),
    /// At an address made for them, which is good for this long.
    Presigned(Duration),
}

impl Store {
    /// Keeps images in a folder, which is made where there is none.
    ///
    /// # Errors
    /// That the folder cannot be made, or that a part of it is a symbolic link.
    pub fn local(options: LocalOptions) -> Result<Self, BoxError> {
        Ok(Self {
            place: Place::Folder(Folder::open(&options.folder)?),
            prefix: None,
            addresses: Addresses::Below(options.public_url),
            timeout: options.timeout,
        })
    }

    /// Keeps images in a bucket. Nothing is sent yet. Call it on the runtime that lives as long as the process: all
    /// connections belong to that one.
    ///
    /// # Errors
    /// That the options make no address, or that there is no runtime.
    pub fn s3(options: S3Options) -> Result<Self, BoxError> {
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
        Ok(Self { place: Place::Bucket(bucket), prefix, addresses, timeout: options.timeout })
    }

    fn path(&self, key: &ImageKey) -> Result<Path, Error> {
        let key = Path::parse(key.as_str()).map_err(Error::internal)?;
        Ok(match &self.prefix {
            Some(prefix) => prefix.parts().chain(key.parts()).collect(),
            None => key,
        })
    }

    async fn within<T>(&self, time: Duration, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Error> {
        let time = self.timeout.min(time);
        if time.is_zero() {
            return Err(Error::image_store("there was no time left for it"));
        }
        match timeout(time, work).await {
            Ok(outcome) => outcome.map_err(Error::image_store),
            Err(_) => Err(Error::image_store("it did not answer in time")),
        }
    }
}

#[async_trait]
impl ImageStore for Store {
    async fn put(&self, key: &ImageKey, image: Image, by: Deadline) -> Result<(), Error> {
        let path = self.path(key)?;
        self.within(by.remaining().saturating_sub(MARGIN), async {
            match &self.place {
                Place::Folder(folder) => folder.put(&path, image.bytes).await,
                Place::Bucket(bucket) => bucket.put(&path, image.format, image.bytes).await,
            }
        })
        .await
    }

    async fn remove(&self, key: &ImageKey, by: Deadline) -> Result<(), Error> {
        let path = self.path(key)?;
        self.within(by.remaining().saturating_sub(MARGIN), async {
            match &self.place {
                Place::Folder(folder) => folder.remove(&path).await,
                Place::Bucket(bucket) => bucket.remove(&path).await,
            }
        })
        .await
    }

    async fn url(&self, key: &ImageKey) -> Result<String, Error> {
        match (&self.addresses, &self.place) {
            (Addresses::Presigned(life), Place::Bucket(bucket)) => {
                let path = self.path(key)?;
                self.within(self.timeout, bucket.presign(&path, *life)).await
            }
            (Addresses::Below(base), _) => Ok(format!("{}/{key}", base.trim_end_matches('/'))),
            (Addresses::Presigned(_), Place::Folder(_)) => Err(Error::internal("a folder makes no addresses")),
        }
    }
}
