//! What gRPC alone promises.

use testkit::client::Protocol;

pub mod deadlines;
pub mod identifiers;
pub mod products;
pub mod rate_limit;
pub mod wire;

/// gRPC.
pub const PROTOCOLS: &[Protocol] = &[Protocol::Grpc];
