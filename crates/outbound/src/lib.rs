//! Adapters to what lies outside the shop's core and is no database: password hashing, access tokens, the counters of
//! the rate limits.
//!
//! Each module implements ports of the `domain` crate and knows one outside thing. No rule of the shop lives here,
//! nothing of a protocol's wire format, and no module knows another.
//!
//! Start with [`passwords`], and the lane below it on which all hashing runs; then [`tokens`]; then [`quotas`].

mod lane;
pub mod passwords;
pub mod quotas;
pub mod tokens;

pub use lane::LaneGauges;
