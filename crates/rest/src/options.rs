//! The options and limits of the REST server.

use crate::index::Index;
use crate::pages::Page;
use app::client::TrustedProxies;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// `Default` has the values that the operations manual documents.
#[derive(Clone)]
pub struct Options {
    pub workers: usize,
    /// Proxies whose headers on a client's address, its use of HTTPS and the removed path prefix are trusted.
    pub trusted_proxies: TrustedProxies,
    /// The base URL that clients use, such as `https://shop.example/api`, without a slash at its end. None for the host and
    /// path of each request.
    pub public_url: Option<String>,
    /// Whether the addresses of images are paths of this server, which need the prefix that a proxy has removed.
    pub has_media_paths: bool,
    /// Origins whose pages may call, such as `https://shop.example`; empty for none, `*` for any.
    pub cors_origins: Vec<String>,
    /// Headers that such pages may send besides those that are always allowed, in lower case; `*` for any.
    pub cors_headers: Vec<String>,
    /// The time limit for a request's head.
    pub head_timeout: Duration,
    /// The time limit for a request's body, from its first byte to its last.
    pub body_timeout: Duration,
    /// The same for a multipart body on a route that takes a file.
    pub upload_timeout: Duration,
    /// The time limit for a use case, from the end of the body on.
    pub request_timeout: Duration,
    /// The time limit for a client to read an answer, such as the 1.5 MB of the docs page.
    pub read_timeout: Duration,
    /// The time for which an idle connection stays open. It has to exceed that of a load balancer in front, which would
    /// otherwise send requests on connections that are closing.
    pub keep_alive: Duration,
    /// The time that running requests get to end when the server stops.
    pub drain_timeout: Duration,
    /// The limit of connections on all workers together. Each takes two file descriptors.
    pub max_connections: usize,
    /// The limit of use cases that run at the same time; a further call fails at once. Bodies that are still arriving do not
    /// count, so that slow clients cannot block others.
    pub in_flight: usize,
    /// The largest JSON body, in bytes.
    pub max_json: usize,
    /// The largest HTML form, in bytes.
    pub max_form: usize,
    /// The largest multipart body, in bytes.
    pub max_multipart: usize,
    /// The permits for files that arrive or are processed. gRPC shares them.
    pub uploads: Arc<Semaphore>,
    /// The folder of the images that are served under `/media/`. None where another server serves them.
    pub media: Option<PathBuf>,
    /// The pages of the simulated payment gateway. None with another gateway.
    pub simulator: Option<Arc<[Page]>>,
    /// Whether the OpenAPI document and its page are served.
    pub docs: bool,
    /// The content of the page at `/`. None where it is not served.
    pub index: Option<Index>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            trusted_proxies: TrustedProxies::default(),
            public_url: None,
            has_media_paths: false,
            cors_origins: Vec::new(),
            cors_headers: Vec::new(),
            head_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            upload_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            keep_alive: Duration::from_secs(75),
            drain_timeout: Duration::from_secs(30),
            max_connections: 2_000,
            in_flight: 512,
            max_json: 64 << 10,
            max_form: 64 << 10,
            max_multipart: 11 << 20,
            uploads: Arc::new(Semaphore::new(8)),
            media: None,
            simulator: None,
            docs: true,
            index: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("workers", &self.workers).field("media", &self.media).finish_non_exhaustive()
    }
}
