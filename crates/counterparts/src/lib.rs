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
