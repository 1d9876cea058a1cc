//! The outside systems that tests talk to, played as they are published, on sockets of 127.0.0.1.
//!
//! No product code depends on this crate, and it depends on none of ours.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a counterpart that fails is a failed test"
)]

pub mod midtrans;
pub mod smtp;
