//! Security adapters: password hashing, access tokens, rate limits, and unpredictable payment codes.
//!
//! Each module implements one port of `app` and knows no other adapter.
//!
//! Start with [`passwords`]; then [`tokens`]; then [`rate_limiter`]; then [`payment_codes`].

pub mod passwords;
pub mod payment_codes;
pub mod rate_limiter;
pub mod tokens;
