//! A real server on a free port.

use crate::client::{Answer, Connection};
use app::refusals::HeldRefusals;
use rest::Options;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use test_doubles::{FakePorts, OWNER, StorageBehavior, TOKEN, app};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A good registration.
pub(crate) const ADA: &str = r#"{"name":"Ada","email":"ada@example.com","role":"buyer","password":"correct horse","confirm_password":"correct horse"}"#;

/// A running server and the ports behind it.
pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    pub(crate) ports: Arc<FakePorts>,
    pub(crate) refusals: Arc<HeldRefusals>,
    pub(crate) stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl Shop {
    pub(crate) fn open() -> Self {
        Self::open_with(Options::default())
    }

    pub(crate) fn open_with(options: Options) -> Self {
        let ports = Arc::new(FakePorts::default());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let options = Options { workers: 2, ..options };
        let app = app(&ports);
        let refusals = Arc::clone(&app.pipeline.refusals);
        let server = rest::serve(app, options, listener, stop.clone()).unwrap();
        Self { address, ports, refusals, stop, server: Handle::current().spawn(server) }
    }

    pub(crate) fn set_storage_behavior(&self, behavior: StorageBehavior) {
        *self.ports.behavior.lock().unwrap() = behavior;
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// Sends one request on a connection of its own: its head without the line `Host`, and its body.
    pub(crate) async fn ask(&self, head: &str, body: impl AsRef<[u8]>) -> Answer {
        let mut connection = self.connect().await;
        connection.send(request(head, body.as_ref())).await;
        connection.answer(head.starts_with("HEAD")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "").await
    }

    pub(crate) async fn post(&self, path: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
        let length = body.as_ref().len();
        let head = format!("POST {path} HTTP/1.1\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n");
        self.ask(&head, body).await
    }

    /// Opens an account with a body of JSON.
    pub(crate) async fn register(&self, body: impl AsRef<[u8]>) -> Answer {
        self.post("/users/register", "application/json", body).await
    }

    /// Asks for the one account there is, as its owner, with more lines in the head.
    pub(crate) async fn profile(&self, lines: &str) -> Answer {
        self.ask(&profile_head(lines), "").await
    }

    /// Waits until the storage has been asked this many times.
    pub(crate) async fn asked(&self, times: usize) {
        let asked = async {
            while self.ports.asked.load(Ordering::SeqCst) < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap();
    }

    /// Waits for the server to end by itself.
    pub(crate) async fn ended(self) -> std::io::Result<()> {
        tokio::time::timeout(PATIENCE, self.server).await.unwrap().unwrap()
    }
}

/// The head of a request for the one account there is, as its owner.
pub(crate) fn profile_head(lines: &str) -> String {
    format!("GET /users/{OWNER} HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\n{lines}")
}

/// A request's bytes.
pub(crate) fn request(head: &str, body: &[u8]) -> Vec<u8> {
    [head.as_bytes(), b"host: shop.example\r\n\r\n", body].concat()
}

/// A body in chunks of a size.
pub(crate) fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let chunks = body.chunks(size).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    chunks.chain([b"0\r\n\r\n".to_vec()]).collect::<Vec<_>>().concat()
}
