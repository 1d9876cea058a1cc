//! Images in a bucket of a service that speaks S3.

use super::fault::Fault;
use domain::error::BoxError;
use domain::product::ImageFormat;
use http::Method;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::SpawnedReqwestConnector;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, RetryConfig,
};
use secrecy::{ExposeSecret, SecretString};
use std::env;
use std::time::Duration;
use tokio::runtime::Handle;
use url::Url;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How often a failed request is sent anew.
const RETRIES: usize = 3;
/// The pause before the first of these, which grows up to the second number.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// An image never changes: another one has another place.
const CACHING: &str = "public, max-age=31536000, immutable";

/// What of the environment tells who we are (AWS SDKs and Tools Reference Guide); all else is for settings alone to say.
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

/// Which bucket images are in.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// The bucket's name.
    pub bucket: String,
    /// What stands before the places of images in the bucket.
    pub prefix: Option<String>,
    /// The service, such as `https://minio.example:9000`; Amazon's own where there is none.
    pub endpoint: Option<String>,
    /// The region, which signatures name.
    pub region: String,
    /// Whether the bucket's name stands in the path of addresses instead of in their host.
    pub path_style: bool,
    /// Who we are: the access key's id and its secret. Without these: what the environment says, or a role of the machine or
    /// container that we run on.
    pub credentials: Option<(String, SecretString)>,
    /// Whether an endpoint without TLS is taken.
    pub allow_http: bool,
    /// What clients find the images below, where that is not the bucket itself, such as `https://cdn.example/shop`. The place of
    /// an image is added, the prefix is not.
    pub public_url: Option<String>,
    /// How long an address is good for that only we can make, where the bucket is not public.
    pub presigned: Option<Duration>,
    /// How long one image may take, with all that is tried anew.
    pub timeout: Duration,
}

/// A bucket of images.
pub(super) struct Bucket {
    bucket: AmazonS3,
}

impl Bucket {
    /// Makes a client of the bucket; nothing is sent yet. All that it sends runs on the runtime that this is called on: others
    /// may end before it does, and with them the connections that they have opened.
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
            // Not every service knows how to remove many at once, and we never do.
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
        builder = match &options.credentials {
            Some((id, secret)) => builder.with_access_key_id(id).with_secret_access_key(secret.expose_secret()),
            None => IDENTITY.into_iter().fold(builder, |builder, (name, key)| match env::var(name) {
                Ok(value) if !value.is_empty() => builder.with_config(key, value),
                _ => builder,
            }),
        };
        Ok(Self { bucket: builder.build()? })
    }

    pub(super) async fn put(&self, path: &Path, format: ImageFormat, bytes: Vec<u8>) -> Result<(), Fault> {
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, format.media_type().to_owned()),
            (Attribute::ContentDisposition, format!("inline; filename=\"product.{}\"", format.extension())),
            (Attribute::CacheControl, CACHING.to_owned()),
        ]);
        let options = PutOptions { mode: PutMode::Create, attributes, ..PutOptions::default() };
        self.bucket.put_opts(path, PutPayload::from(bytes), options).await.map_err(told)?;
        Ok(())
    }

    pub(super) async fn remove(&self, path: &Path) -> Result<(), Fault> {
        match self.bucket.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(told(error)),
        }
    }

    /// An address from which anybody who knows it may read an image for a while.
    pub(super) async fn presign(&self, path: &Path, life: Duration) -> Result<String, Fault> {
        self.bucket.signed_url(Method::GET, path, life).await.map(Into::into).map_err(told)
    }
}

/// Where the bucket is.
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
