//! Clients that keep a connection open and send almost nothing.

use crate::client::{bounded, page};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use testkit::binary::Process;

/// The time limit of such a connection: the limits of head and body, and the time to close it.
const LIFE: Duration = Duration::from_secs(30);

fn serve() -> Process {
    Process::serve(&[("database.url", "sqlite://shop.db")])
}

/// Sends a beginning, then one byte per second; returns the server's bytes until it closes the connection.
fn trickle(rest: SocketAddr, beginning: &str) -> (String, Duration) {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(rest).unwrap();
    stream.write_all(beginning.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while begun.elapsed() < LIFE {
        match stream.read(&mut buffer) {
            Ok(0) => return (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed()),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed()),
        }
        // The connection may be closed by now, which the next read shows.
        let _ = stream.write_all(b" ");
    }
    panic!("open after {LIFE:?}: {}", String::from_utf8_lossy(&answer));
}

fn assert_given_up(beginning: &str) -> Result<(), String> {
    let mut process = serve();
    let addresses = process.addresses();
    let (answer, elapsed) = trickle(addresses.rest, beginning);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    println!("given up after {elapsed:.1?}");
    bounded(LIFE, async { assert_eq!(page(addresses.ops, "/readyz").await.status, 200) })
}

pub(crate) fn a_head_that_does_not_come_is_given_up() -> Result<(), String> {
    assert_given_up("POST /users/login HTTP/1.1\r\nHost: shop\r\nX-Slow: ")
}

/// actix-web limits the time of the head and leaves the body's to the application (actix-web issue 928).
pub(crate) fn a_body_that_does_not_come_is_given_up() -> Result<(), String> {
    assert_given_up(
        "POST /users/login HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    )
}
