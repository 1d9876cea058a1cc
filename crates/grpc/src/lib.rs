//! The shop over gRPC: services, error details, deadlines, health, reflection, and the server that answers with them.
//!
//! This crate holds no business rule and no SQL: a handler admits the call, runs the use case of the `app` crate and turns
//! the result into a message. `proto/gocommerce/*.proto` is the contract and the manual for callers.
//!
//! Start with `user`, whose handlers show the three steps; then read `middleware`, which gives every call its
//! request id, deadline and report; `error` maps errors to statuses. `product` handles large messages, which `upload`
//! limits. `server` puts the parts together.

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
