//! Images in a bucket of an S3 service.

use super::fault::Fault;
use super::sign::{sign, signed_at};
use chrono::{DateTime, Utc};
use domain::error::BoxError;
use domain::product::{ImageFormat, MAX_IMAGE_BYTES};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum as ObjectChecksum};
use object_store::client::SpawnedReqwestConnector;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, RetryConfig,
};
use secrecy::{ExposeSecret, SecretString};
use std::env;
use std::time::Duration;
use tokio::runtime::Handle;
use url::Url;

const CONNECT: Duration = Duration::from_secs(3);
/// The number of retries of a failed request.
const RETRIES: usize = 3;
/// The first and the longest wait before a retry.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// An image never changes: another image has another key.
const CACHING: &str = "public, max-age=31536000, immutable";

/// The environment variables with credentials (AWS SDKs and Tools Reference Guide). All other options come from the
/// settings.
const IDENTITY: [(&str, AmazonS3ConfigKey); 8] = [
    ("AWS_ACCESS_KEY_ID", AmazonS3ConfigKey::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", AmazonS3ConfigKey::SecretAccessKey),
    ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
];

/// The checksum that is sent with an image, besides the digest in every signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    None,
    /// `x-amz-checksum-sha256`, which Amazon requires for buckets with Object Lock.
    Sha256,
}

#[derive(Clone, Debug)]
pub struct S3Options {
    pub bucket: String,
    /// The prefix of keys in the bucket.
    pub prefix: Option<String>,
    /// The service's URL, such as `https://minio.example:9000`, optionally with a path; `None` for Amazon.
    pub endpoint: Option<String>,
    pub region: String,
    /// Whether the bucket's name is in the path of URLs instead of in the host.
    pub path_style: bool,
    /// Whether an image is stored only if its key is unused (`If-None-Match: *`).
    pub conditional_put: bool,
    pub checksum: Checksum,
    /// The access key's id and secret; `None` for those of the environment, or a role of the machine or container.
    pub credentials: Option<(String, SecretString)>,
    /// Whether an endpoint without TLS is accepted.
    pub allow_http: bool,
    /// The base URL of images if it is not the bucket's, such as `https://cdn.example/shop`. The image's key is appended
    /// without the prefix.
    pub public_url: Option<String>,
    /// The lifetime of presigned URLs, for a bucket that is not public. At least half of it is left when a client gets one.
    pub presigned: Option<Duration>,
    /// The time limit for one image including retries.
    pub timeout: Duration,
}

pub(super) struct Bucket {
    bucket: AmazonS3,
    url: Url,
    options: S3Options,
}

impl Bucket {
    /// Creates a client of the bucket without sending anything. All its requests run on the runtime of this call, because
    /// connections end with the runtime that opened them.
    pub(super) fn open(options: &S3Options) -> Result<Self, BoxError> {
        let main = Handle::try_current()?;
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT)
            .with_timeout(options.timeout)
            .with_allow_http(options.allow_http);
        let backoff = BackoffConfig { init_backoff: PAUSES.0, max_backoff: PAUSES.1, ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: options.timeout };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&options.bucket)
            .with_region(&options.region)
            .with_virtual_hosted_style_request(!options.path_style)
            // Not every service supports bulk deletion, and the shop does not need it.
            .with_disable_bulk_delete(true)
            .with_client_options(client)
            .with_retry(retry)
            .with_http_connector(SpawnedReqwestConnector::new(main));
        if let Some(endpoint) = &options.endpoint {
            let is_allowed =
                endpoint.starts_with("https://") || (options.allow_http && endpoint.starts_with("http://"));
            if !is_allowed {
                return Err("the endpoint of the image store must begin with https://".into());
            }
            let endpoint = if options.path_style { endpoint.clone() } else { bucket_url(options)?.into() };
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        if options.checksum == Checksum::Sha256 {
            builder = builder.with_checksum_algorithm(ObjectChecksum::SHA256);
        }
        builder = match &options.credentials {
            Some((id, secret)) => builder.with_access_key_id(id).with_secret_access_key(secret.expose_secret()),
            None => IDENTITY.into_iter().fold(builder, |builder, (name, key)| match env::var(name) {
                Ok(value) if !value.is_empty() => builder.with_config(key, value),
                _ => builder,
            }),
        };
        Ok(Self { bucket: builder.build()?, url: bucket_url(options)?, options: options.clone() })
    }

    pub(super) const fn options(&self) -> &S3Options {
        &self.options
    }

    pub(super) async fn put(&self, path: &Path, format: ImageFormat, bytes: Vec<u8>) -> Result<(), Fault> {
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, format.media_type().to_owned()),
            (Attribute::ContentDisposition, format!("inline; filename=\"product.{}\"", format.extension())),
            (Attribute::CacheControl, CACHING.to_owned()),
        ]);
        let mode = if self.options.conditional_put { PutMode::Create } else { PutMode::Overwrite };
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let payload = PutPayload::from(bytes);
        match self.bucket.put_opts(path, payload.clone(), options).await {
            Ok(_) => Ok(()),
            // The answer to an earlier attempt may have been lost, and the service does not replace the object.
            Err(error) if is_conflict(&error) && self.read(path).await.is_ok_and(|found| is_same(&found, &payload)) => {
                Ok(())
            }
            Err(error) => Err(told(error)),
        }
    }

    pub(super) async fn read(&self, path: &Path) -> Result<Vec<u8>, Fault> {
        let found = self.bucket.get(path).await.map_err(told)?;
        if found.meta.size > MAX_IMAGE_BYTES as u64 {
            return Err(Fault::because("something larger than any image is there"));
        }
        Ok(found.bytes().await.map_err(told)?.into())
    }

    pub(super) async fn has(&self, path: &Path) -> Result<bool, Fault> {
        match self.bucket.head(path).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(told(error)),
        }
    }

    pub(super) async fn remove(&self, path: &Path) -> Result<(), Fault> {
        match self.bucket.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(told(error)),
        }
    }

    /// Returns a URL that allows everybody who has it to read an image for a while.
    pub(super) async fn presign(&self, path: &Path, now: DateTime<Utc>, life: Duration) -> Result<String, Fault> {
        let credential = self.bucket.credentials().get_credential().await.map_err(told)?;
        let mut address = self.url.clone();
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.pop_if_empty().extend(path.parts().map(|part| part.as_ref().to_owned()));
        }
        let signed = sign(address, &credential, &self.options.region, signed_at(now, life), life);
        signed.map_err(|_| Fault::because("its address cannot be signed"))
    }
}

/// Whether the service answers that the key is in use: 412, 409 or 304.
const fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. })
}

fn is_same(found: &[u8], put: &PutPayload) -> bool {
    found.len() == put.content_length() && found.iter().eq(put.iter().flatten())
}

pub(super) fn bucket_url(options: &S3Options) -> Result<Url, BoxError> {
    let amazon = format!("https://s3.{}.amazonaws.com", options.region);
    let mut url = Url::parse(options.endpoint.as_deref().unwrap_or(&amazon))?;
    if options.path_style {
        let path = format!("{}/{}", url.path().trim_end_matches('/'), options.bucket);
        url.set_path(&path);
    } else {
        let host = url.host_str().ok_or("the endpoint of the image store has no host")?;
        let host = format!("{}.{host}", options.bucket);
        url.set_host(Some(&host))?;
    }
    Ok(url)
}

fn told(error: Error) -> Fault {
    Fault::of(&error)
}
