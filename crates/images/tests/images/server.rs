//! An S3 server of a test's own, which checks signatures.

use app::clock::SystemClock;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use images::{Checksum, S3Options, Store};
use s3s::auth::SimpleAuth;
use s3s::host::SingleDomain;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) const BUCKET: &str = "shop";
pub(crate) const ID: &str = "an-id";
pub(crate) const SECRET: &str = "a-secret-that-is-nobodys";

/// A server with one bucket; ended with this value.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(ID, SECRET));
        // Buckets by host, as `shop.localhost`, and by path.
        service.set_host(SingleDomain::new(&format!("localhost:{}", address.port())).unwrap());
        let service = service.build();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    // A client that hangs up is its own business.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { folder, address, _tasks: tasks }
    }

    pub(crate) fn options(&self) -> S3Options {
        options(self.address)
    }
}

/// The bucket behind an address.
pub(crate) fn options(address: SocketAddr) -> S3Options {
    S3Options {
        bucket: BUCKET.to_owned(),
        prefix: None,
        endpoint: Some(format!("http://{address}")),
        region: "us-east-1".to_owned(),
        path_style: true,
        conditional_put: false,
        checksum: Checksum::None,
        credentials: Some((ID.to_owned(), SECRET.to_owned().into())),
        allow_http: true,
        public_url: None,
        presigned: None,
        timeout: Duration::from_secs(8),
    }
}

pub(crate) fn store(options: S3Options) -> Store {
    Store::s3(options, Arc::new(SystemClock)).unwrap()
}
