//! Ports for servers that a test stops and starts again.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::ops::Range;

/// Below those that the kernel gives to clients by itself, which could take a port while its server is away.
const PORTS: Range<u64> = 20_000..32_000;

/// A port that nobody uses.
pub(super) fn free() -> u16 {
    loop {
        let random = RandomState::new().hash_one(()) % (PORTS.end - PORTS.start) + PORTS.start;
        let port = u16::try_from(random).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
