//! A reverse proxy that serves another server below a path and removes the path before it forwards a request, as
//! `location /api/ { proxy_pass http://shop/; }` does in nginx and `handle_path /api/*` in Caddy.
//!
//! Any other path is not found, so that a test fails on a link without the path.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

const MAX_HEAD: usize = 64 << 10;
/// How long a connection may be idle.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The answer to other paths.
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A proxy that runs until the test's process ends.
pub struct Proxy {
    pub address: SocketAddr,
    route: Arc<Route>,
}

/// How requests are forwarded.
struct Route {
    /// The path to remove, without a trailing slash.
    path: String,
    /// Header lines to add, each with its line end.
    lines: String,
    server: OnceLock<SocketAddr>,
}

impl Proxy {
    /// Listens and serves below a path such as `/api`. It adds `lines` to the headers of requests; each ends in
    /// `\r\n`.
    #[must_use]
    pub fn below(path: &str, lines: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let route = Arc::new(Route { path: path.to_owned(), lines: lines.to_owned(), server: OnceLock::new() });
        let shared = Arc::clone(&route);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let route = Arc::clone(&shared);
                // A client may close its connection at any time.
                thread::spawn(move || drop(route.serve(client)));
            }
        });
        Self { address, route }
    }

    /// Sets the server that requests are forwarded to; may be called once.
    pub fn set_upstream(&self, server: SocketAddr) {
        self.route.server.set(server).unwrap();
    }

    /// The public base URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.route.path)
    }
}

impl Route {
    /// Serves one request and closes the connection.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(TIMEOUT))?;
        let (head, begun) = head(&mut client)?;
        let Some((head, server)) = self.forwarded_head(&head).zip(self.server.get()) else {
            return client.write_all(NOT_FOUND);
        };
        let mut server = TcpStream::connect(server)?;
        server.set_read_timeout(Some(TIMEOUT))?;
        server.write_all(head.as_bytes())?;
        server.write_all(&begun)?;
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || io::copy(&mut from_client, &mut to_server));
        let answered = io::copy(&mut server, &mut client);
        client.shutdown(Shutdown::Both)?;
        answered.map(drop)
    }

    /// The head to forward; `None` for other paths.
    fn forwarded_head(&self, head: &str) -> Option<String> {
        let (line, lines) = head.split_once("\r\n")?;
        let (method, line) = line.split_once(' ')?;
        let (target, version) = line.split_once(' ')?;
        let target = target.strip_prefix(&self.path)?;
        let target = match target.chars().next() {
            Some('/') => target.to_owned(),
            None | Some('?') => format!("/{target}"),
            Some(_) => return None,
        };
        let kept = lines.split_inclusive("\r\n").filter(|line| !line.to_lowercase().starts_with("connection:"));
        let kept: String = kept.collect();
        Some(format!("{method} {target} {version}\r\n{}connection: close\r\n{kept}", self.lines))
    }
}

/// The head of a request with the empty line at its end, and the part of the body that arrived with it.
fn head(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&read).into_owned(), body));
        }
        let count = client.read(&mut piece)?;
        if count == 0 || read.len() > MAX_HEAD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read.extend(piece.iter().take(count));
    }
}
