//! An S3 server that checks signatures as Amazon's does.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub const BUCKET: &str = "shop";
pub const ACCESS_KEY: &str = "acceptance-key";
pub const SECRET_KEY: &str = "acceptance-secret";

/// A bucket in a temporary folder behind two addresses; stopped when this value is dropped.
pub struct S3Server {
    folder: TempDir,
    private: SocketAddr,
    public: SocketAddr,
    _servers: JoinSet<()>,
}

impl S3Server {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut servers = JoinSet::new();
        let private = serve(&mut servers, service(folder.path(), true)).await;
        let public = serve(&mut servers, service(folder.path(), false)).await;
        Self { folder, private, public, _servers: servers }
    }

    /// The URL for signed requests.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.private)
    }

    /// The URL where anybody reads the bucket, as from a content delivery network.
    #[must_use]
    pub fn public_url(&self) -> String {
        format!("http://{}/{BUCKET}", self.public)
    }

    #[must_use]
    pub fn objects(&self) -> Vec<String> {
        crate::world::files_in(&self.bucket())
    }

    fn bucket(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }
}

fn service(folder: &Path, is_private: bool) -> S3Service {
    let mut service = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
    if is_private {
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    }
    service.build()
}

async fn serve(servers: &mut JoinSet<()>, service: S3Service) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    servers.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            connections.spawn(async move {
                // A client may close its connection at any time.
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    address
}
