//! The shop over REST: routes, bodies, envelope, errors, OpenAPI.
//!
//! No rule of the shop lives here and no SQL: a handler fills a form of the `domain` crate, runs a use case and presents
//! its result. Start with `user.rs`, which is how a resource looks; then `server.rs`, the layers around every request;
//! then `error.rs`, the one place that turns errors into statuses.

mod body;
mod call;
mod docs;
mod edge;
mod envelope;
mod error;
mod multipart;
mod openapi;
mod options;
mod present;
mod problem;
mod server;
mod user;

pub use error::status;
pub use openapi::openapi;
pub use options::Options;
pub use server::serve;
