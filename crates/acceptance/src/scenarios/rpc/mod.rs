//! The scenarios of gRPC alone.

use testkit::client::Protocol;

pub mod deadlines;
pub mod identifiers;
pub mod products;
pub mod rate_limit;
pub mod wire;

pub const PROTOCOLS: &[Protocol] = &[Protocol::Grpc];
