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

mod listening;
pub mod midtrans;
pub mod smtp;
