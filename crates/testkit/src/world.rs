//! The world of a scenario: the product's server, its database, its clock and its clients.

use crate::client::{Protocol, ShopClient};
use crate::clock::MovableClock;
use crate::database::{DatabaseKind, TestDatabase};
use crate::grpc::GrpcClient;
use crate::rest::RestClient;
use crate::token::{AUDIENCE, ISSUER, KID, SECRET};
use server::serve::Running;
use settings::{Settings, Sources};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(20);

/// A server with its own database and clock, and its clients.
pub struct World {
    pub database: TestDatabase,
    pub clock: Arc<MovableClock>,
    storage: Storage,
    protocol: Protocol,
    running: Running,
    rest: RestClient,
    grpc: GrpcClient,
}

/// The folder in which the server stores images, unless its settings name another store.
struct Storage(TempDir);

impl Storage {
    fn root(&self) -> PathBuf {
        self.0.path().join("images")
    }

    fn url(&self) -> String {
        format!("file://{}", self.root().display())
    }
}

/// The settings of the environment `test` with free ports and `overrides`.
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
        default_dir: None,
        env_vars: Vec::new(),
        overrides: all.collect(),
    };
    Settings::load(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

impl World {
    /// Starts a server on a new database.
    pub async fn open(protocol: Protocol, kind: DatabaseKind, overrides: &[(&str, &str)]) -> Self {
        let database = TestDatabase::migrated(kind);
        let clock = Arc::new(MovableClock::default());
        let storage = Storage(tempfile::tempdir().unwrap());
        let url = storage.url();
        let overrides: Vec<_> = [("storage.url", url.as_str())].into_iter().chain(overrides.iter().copied()).collect();
        let settings = settings(database.url(), &overrides);
        let running = server::serve::start(&settings, clock.clone()).await.unwrap_or_else(|error| panic!("{error}"));
        let addresses = running.addresses;
        let (rest, grpc) = (RestClient::new(addresses.rest), GrpcClient::new(addresses.grpc));
        Self { database, clock, storage, protocol, running, rest, grpc }
    }

    /// Another world with the same protocol and kind of database, and other settings. The scenario must close
    /// it.
    pub async fn second_world(&self, overrides: &[(&str, &str)]) -> Self {
        Self::open(self.protocol, self.database.kind(), overrides).await
    }

    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    #[must_use]
    pub fn image_folder(&self) -> PathBuf {
        self.storage.root()
    }

    /// The paths of all files in the image store, complete or not.
    #[must_use]
    pub fn stored_images(&self) -> Vec<String> {
        files_in(&self.storage.root())
    }

    #[must_use]
    pub fn client(&self) -> Box<dyn ShopClient> {
        self.client_for(self.protocol)
    }

    #[must_use]
    pub fn other_client(&self) -> Box<dyn ShopClient> {
        self.client_for(match self.protocol {
            Protocol::Rest => Protocol::Grpc,
            Protocol::Grpc => Protocol::Rest,
        })
    }

    #[must_use]
    pub fn client_for(&self, protocol: Protocol) -> Box<dyn ShopClient> {
        match protocol {
            Protocol::Rest => Box::new(self.rest.clone()),
            Protocol::Grpc => Box::new(self.grpc.clone()),
        }
    }

    /// The REST client, for hand-made requests.
    #[must_use]
    pub const fn rest(&self) -> &RestClient {
        &self.rest
    }

    /// The gRPC client, for hand-made calls.
    #[must_use]
    pub const fn grpc(&self) -> &GrpcClient {
        &self.grpc
    }

    pub async fn wait_until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        wait_until(what, TIMEOUT, holds).await;
    }

    /// Stops the server as a signal does. Returns whether all running work ended in time.
    pub async fn close(self) -> bool {
        self.stop().await.0
    }

    /// Stops the server and checks that image store and database are consistent.
    pub async fn close_checked(self) -> bool {
        let (has_drained, left) = self.stop().await;
        left.assert_no_image_is_forgotten();
        has_drained
    }

    async fn stop(self) -> (bool, StoppedServer) {
        let Self { database, storage, running, .. } = self;
        (running.drain().await, StoppedServer { database, storage })
    }
}

struct StoppedServer {
    database: TestDatabase,
    storage: Storage,
}

impl StoppedServer {
    /// Every stored image belongs to a product or an image note, and every product's image is stored, however
    /// the server was stopped.
    fn assert_no_image_is_forgotten(&self) {
        let root = self.storage.root();
        if !root.is_dir() {
            return;
        }
        let stored = files_in(&root);
        let told = |sql: &str| self.database.texts(sql);
        let shown = told(
            "SELECT image_key AS value FROM products WHERE image_key IS NOT NULL AND deleted_at IS NULL ORDER BY 1",
        );
        let noted = told("SELECT image_key AS value FROM image_notes ORDER BY 1");
        for image in &stored {
            assert!(shown.contains(image) || noted.contains(image), "nobody knows of {image}: {shown:?}, {noted:?}");
        }
        for image in &shown {
            assert!(stored.contains(image), "a product shows {image}, which is not in the store");
        }
    }
}

/// The paths of all files below a folder, relative to the folder.
pub fn files_in(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    collect(folder, "", &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), &format!("{name}/"), found);
        } else {
            found.push(name);
        }
    }
}

/// Waits until a condition holds, checking it every 20 milliseconds.
pub async fn wait_until(what: &str, timeout: Duration, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < timeout, "waited {timeout:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
