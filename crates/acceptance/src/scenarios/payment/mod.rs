//! Payments over both protocols.

use testkit::client::Protocol;

pub mod notifying;
pub mod ordering;
pub mod paying;
pub mod racing;
pub mod repeating;
pub mod showing;
pub mod watching;

pub const PROTOCOLS: &[Protocol] = &Protocol::ALL;
