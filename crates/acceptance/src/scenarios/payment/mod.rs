//! Payments: what both protocols promise alike.

use testkit::client::Protocol;

pub mod notifying;
pub mod ordering;
pub mod paying;
pub mod racing;
pub mod repeating;
pub mod showing;
pub mod watching;

/// Both protocols.
pub const PROTOCOLS: &[Protocol] = &Protocol::ALL;
