//! Fakes of the outside systems on sockets of 127.0.0.1, written after their published documentation.
//!
//! No product code depends on this crate, and this crate depends on none of ours, because a mistake in shared code
//! would go unnoticed.
//!
//! Start with [`midtrans`], the payment gateway, which a test controls as payers and merchants do; then [`smtp`], a
//! mail server that stores the mails it receives. A test tells each where, how and how often to fail.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a counterpart that fails is a failed test"
)]

pub mod midtrans;
pub mod smtp;

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

/// Listens on a port of this machine, 0 for any. Retries while another connection uses the port.
fn listen(port: u16) -> TcpListener {
    const TRIES: usize = 200;
    const PAUSE: Duration = Duration::from_millis(50);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let taken =
        |bound: &io::Result<TcpListener>| bound.as_ref().is_err_and(|error| error.kind() == ErrorKind::AddrInUse);
    for _ in 1..TRIES {
        let bound = TcpListener::bind(address);
        if !taken(&bound) {
            return bound.unwrap();
        }
        std::thread::sleep(PAUSE);
    }
    TcpListener::bind(address).unwrap()
}
