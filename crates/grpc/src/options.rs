//! The options and limits of the gRPC server.

use app::client::TrustedProxies;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The defaults suit a machine of any size. Each is a bound on the cost of one client.
#[derive(Clone, Debug)]
pub struct Options {
    /// The proxies whose `x-forwarded-for` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// Whether `grpc.reflection.v1` and `v1alpha` are served.
    pub reflection: bool,
    /// The longest time for a call, whatever deadline its caller sends.
    pub deadline: Duration,
    /// The largest message that is read, in bytes after decompression.
    pub max_message: usize,
    /// The same for messages that may hold an image.
    pub max_upload: usize,
    /// The permits for messages larger than [`Self::max_message`]. REST shares them.
    pub uploads: Arc<Semaphore>,
    /// The limit of connections. Further ones wait in the listener's queue.
    pub max_connections: usize,
    /// The limit of concurrent calls on one connection (`SETTINGS_MAX_CONCURRENT_STREAMS`).
    pub max_concurrent_streams: u32,
    /// The limit of one request's metadata, in bytes (`SETTINGS_MAX_HEADER_LIST_SIZE`).
    pub max_metadata: u32,
    /// The time limit for the HTTP/2 preface of a new connection.
    pub handshake_timeout: Duration,
    /// The time between two pings on a connection.
    pub keepalive_interval: Duration,
    /// The time limit for the answer to a ping. The connection closes after it.
    pub keepalive_timeout: Duration,
    /// The age at which a connection is asked to end, so that clients spread anew over all servers.
    pub max_connection_age: Duration,
    /// The time that the calls on a connection of that age get to end before it is cut.
    pub max_connection_age_grace: Duration,
    /// The time that running calls get to end when the server stops, before they are cut.
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
