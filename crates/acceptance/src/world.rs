//! What surrounds a scenario: the product's own server, its database, its clock, and a client.

use crate::clock::MovableClock;
use crate::database::{DatabaseKind, TestDatabase};
use crate::grpc::GrpcShop;
use crate::rest::RestShop;
use crate::shop::{Protocol, Shop};
use crate::token::{AUDIENCE, ISSUER, KID, SECRET};
use server::serve::Running;
use server::settings::{Settings, Sources};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a scenario waits for something that must come to be.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with a database and a clock of its own, and the clients of one scenario.
pub struct World {
    /// The server's database.
    pub database: TestDatabase,
    /// The server's clock.
    pub clock: Arc<MovableClock>,
    protocol: Protocol,
    running: Running,
    rest: RestShop,
    grpc: GrpcShop,
}

/// The settings of a world's server: those of the environment `test` on free ports, and `overrides`.
///
/// # Panics
/// Where they hold mistakes.
#[must_use]
pub fn settings(url: &str, overrides: &[(&str, &str)]) -> Settings {
    let own = [
        ("rest.port", "0"),
        ("grpc.port", "0"),
        ("ops.port", "0"),
        ("database.url", url),
        ("auth.jwt.secret", SECRET),
        ("auth.jwt.kid", KID),
        ("auth.jwt.issuer", ISSUER),
        ("auth.jwt.audience", AUDIENCE),
    ];
    let all = own.iter().chain(overrides).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let sources = Sources {
        environment: Some("test".to_owned()),
        config_dir: None,
        env_vars: Vec::new(),
        overrides: all.collect(),
    };
    Settings::load(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

impl World {
    /// Starts a server on a database of its own.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn open(protocol: Protocol, kind: DatabaseKind, overrides: &[(&str, &str)]) -> Self {
        let database = TestDatabase::migrated(kind);
        let clock = Arc::new(MovableClock::default());
        let settings = settings(database.url(), overrides);
        let running = server::serve::start(&settings, clock.clone()).await.unwrap_or_else(|error| panic!("{error}"));
        let addresses = running.addresses;
        let (rest, grpc) = (RestShop::new(addresses.rest), GrpcShop::new(addresses.grpc));
        Self { database, clock, protocol, running, rest, grpc }
    }

    /// The shop over the protocol of this cell.
    #[must_use]
    pub fn shop(&self) -> Box<dyn Shop> {
        self.over(self.protocol)
    }

    /// The shop over the other protocol.
    #[must_use]
    pub fn other_shop(&self) -> Box<dyn Shop> {
        self.over(match self.protocol {
            Protocol::Rest => Protocol::Grpc,
            Protocol::Grpc => Protocol::Rest,
        })
    }

    /// The shop over a protocol.
    #[must_use]
    pub fn over(&self, protocol: Protocol) -> Box<dyn Shop> {
        match protocol {
            Protocol::Rest => Box::new(self.rest.clone()),
            Protocol::Grpc => Box::new(self.grpc.clone()),
        }
    }

    /// The REST client, for requests made by hand.
    #[must_use]
    pub const fn rest(&self) -> &RestShop {
        &self.rest
    }

    /// The gRPC client, for calls made by hand.
    #[must_use]
    pub const fn grpc(&self) -> &GrpcShop {
        &self.grpc
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// Where it does not come to be in time.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        until(what, PATIENCE, holds).await;
    }

    /// Stops the server as a signal would. Tells whether all that was under way ended in time.
    pub async fn close(self) -> bool {
        self.running.drain().await
    }
}

/// Waits until something holds, looking again and again.
///
/// # Panics
/// Where it does not come to be within `patience`.
pub async fn until(what: &str, patience: Duration, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < patience, "waited {patience:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
