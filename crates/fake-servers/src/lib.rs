//! The outside systems that tests talk to, played as they are published, on sockets of 127.0.0.1.
//!
//! No product code depends on this crate, and it depends on none of ours: a mistake that both made would go unseen.
//!
//! Start with [`midtrans`], the payment gateway, which a test steers as payers and merchants would; then [`smtp`], a mail server
//! that keeps what it gets. Each can be told to fail, at which moment, and how often.
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

/// Listens on a port of this machine, 0 for any. One that somebody's connection has been given meanwhile is waited for.
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
