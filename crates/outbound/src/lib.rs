//! Adapters to what lies outside the shop's core and is no database: password hashing, access tokens, the counters of
//! the rate limits, images, and the totals of lists.
//!
//! Each module implements ports of the `domain` crate and knows one outside thing. No rule of the shop lives here,
//! nothing of a protocol's wire format, and no module knows another.
//!
//! Start with [`passwords`], and the lane below it on which all that computes for long runs; then [`tokens`]; then
//! [`quotas`]; then [`images`], which come in by an [`images::Inspector`] and are kept in an [`images::Store`]; then
//! [`totals`].

pub mod bell;
pub mod codes;
pub mod images;
mod lane;
pub mod mail;
pub mod midtrans;
pub mod passwords;
pub mod quotas;
mod signature;
pub mod simulator;
pub mod tokens;
pub mod totals;

pub use lane::LaneGauges;
