//! What operators may choose of REST, and the limits that protect it.

use crate::index::Index;
use crate::pages::Page;
use app::client::TrustedProxies;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How REST is served. `Default` has the values that the operations manual promises.
#[derive(Clone)]
pub struct Options {
    /// Threads that serve requests.
    pub workers: usize,
    /// Proxies whose word on a client's address, on its use of HTTPS, and on the path that they have taken off, is taken.
    pub trusted_proxies: TrustedProxies,
    /// What clients know the server by, such as `https://shop.example/api`, without a slash at its end; none for the host and
    /// path that they ask for.
    pub public_url: Option<String>,
    /// Whether the addresses of images are paths of this server, before which belongs what a proxy has taken off.
    pub has_media_paths: bool,
    /// Origins whose pages may call, such as `https://shop.example`; empty for none, `*` for any.
    pub cors_origins: Vec<String>,
    /// Headers that such pages may send besides those that are always allowed, in lower case; `*` for any.
    pub cors_headers: Vec<String>,
    /// How long a request's head may take to arrive.
    pub head_timeout: Duration,
    /// How long a request's body may take to arrive, from first byte to last.
    pub body_timeout: Duration,
    /// The same for a multipart body on a route that takes a file.
    pub upload_timeout: Duration,
    /// How long a use case may take, once the body is there.
    pub request_timeout: Duration,
    /// How long a client may take to read an answer; of the docs page's 1.5 MB too.
    pub read_timeout: Duration,
    /// How long an idle connection is kept. Longer than a load balancer in front keeps one, or it sends requests on connections
    /// that are being closed.
    pub keep_alive: Duration,
    /// How long requests under way get to end when the server stops.
    pub drain_timeout: Duration,
    /// Connections at once, on all workers together. Each takes two file descriptors.
    pub max_connections: usize,
    /// Use cases under way at once; a call more is refused at once. Bodies that are still arriving do not count, so
    /// that slow clients cannot keep others out.
    pub in_flight: usize,
    /// The largest JSON body, in bytes.
    pub max_json: usize,
    /// The largest HTML form, in bytes.
    pub max_form: usize,
    /// The largest multipart body, in bytes.
    pub max_multipart: usize,
    /// The places for files that are coming in or being worked on; shared with whoever else takes uploads.
    pub uploads: Arc<Semaphore>,
    /// The folder of the images that are served under `/media/`; none where they are served from elsewhere.
    pub media: Option<PathBuf>,
    /// The pages of the simulated payment gateway; none where the gateway is another.
    pub simulator: Option<Arc<[Page]>>,
    /// Whether the description of the interface and its page are served.
    pub docs: bool,
    /// What the first page tells; none where there is no such page.
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
