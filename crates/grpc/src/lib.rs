//! The shop over gRPC: services, error details, deadlines, health, reflection, and the server that answers with them.
//!
//! What gRPC alone needs lives here. No rule of the shop does, and no database: a handler opens the call, runs the use
//! case in `domain` and turns the outcome into a message. `proto/gocommerce/*.proto` is the contract and the manual for callers.
//!
//! Start with `user`, whose handlers show the three steps; then read `layer`, which surrounds every call with its
//! request id, deadline and report; `error` is the one place where an error gets its status. `product` does the
//! same with messages that may be large, which `upload` bounds. `server` puts the parts together.

mod call;
mod connection;
mod deadline;
mod descriptors;
mod error;
mod health;
mod method_names;
mod middleware;
mod options;
mod payment;
mod product;
pub mod proto;
mod server;
mod upload;
mod user;

pub use descriptors::descriptor_file;
pub use error::code;
pub use options::Options;
pub use proto::DESCRIPTOR_SET;
pub use server::serve;
