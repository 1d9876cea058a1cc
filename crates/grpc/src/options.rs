//! The server's limits and times.

use app::client::TrustedProxies;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How the server behaves. The defaults suit a machine of any size; each is a bound on what one client may cost.
#[derive(Clone, Debug)]
pub struct Options {
    /// The proxies whose `x-forwarded-for` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Whether the services describe themselves (`grpc.reflection.v1` and `v1alpha`).
    pub reflection: bool,
    /// The longest that a call may take, whatever deadline its caller sends.
    pub deadline: Duration,
    /// The largest message that is read, in bytes after decompression.
    pub max_message: usize,
    /// The same for messages that may hold an image.
    pub max_upload: usize,
    /// The places for messages that are larger than [`Self::max_message`]; shared with whoever else takes uploads.
    pub uploads: Arc<Semaphore>,
    /// The most connections at a time; more wait in the listener's queue.
    pub max_connections: usize,
    /// The most calls at a time on one connection (`SETTINGS_MAX_CONCURRENT_STREAMS`).
    pub max_concurrent_streams: u32,
    /// The most that the metadata of one request may take, in bytes (`SETTINGS_MAX_HEADER_LIST_SIZE`).
    pub max_metadata: u32,
    /// How long a new connection may take to say that it speaks HTTP/2.
    pub handshake_timeout: Duration,
    /// How long after a ping a connection is sent the next one.
    pub keepalive_interval: Duration,
    /// How long a client may take to answer a ping before its connection is closed.
    pub keepalive_timeout: Duration,
    /// The age at which a connection is asked to end, so that clients spread anew over all replicas.
    pub max_connection_age: Duration,
    /// How long the calls on a connection of that age may take to end before it is cut.
    pub max_connection_age_grace: Duration,
    /// How long the calls under way may take to end once the server stops, before they are cut.
    pub drain_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            trusted_proxies: TrustedProxies::default(),
            reflection: true,
            deadline: Duration::from_secs(10),
            max_message: 256 * 1024,
            max_upload: 12 << 20,
            uploads: Arc::new(Semaphore::new(8)),
            max_connections: 1_000,
            max_concurrent_streams: 100,
            max_metadata: 16 * 1024,
            handshake_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            max_connection_age: Duration::from_secs(30 * 60),
            max_connection_age_grace: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(20),
        }
    }
}
