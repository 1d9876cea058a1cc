//! The shop over REST: routes, bodies, envelope, errors, OpenAPI.
//!
//! No rule of the shop lives here and no SQL: a handler opens a use case of the `domain` crate to its caller, fills the
//! form from the body, runs it and presents the result. Start with `user.rs`, which is how a resource looks; then
//! `server.rs`, the layers around every request; then `error.rs`, the one place that turns errors into statuses.

mod accept;
mod addresses;
mod body;
mod connection_timeout;
mod cors;
mod docs;
mod envelope;
mod error;
mod error_response;
mod extract;
mod headers;
mod index;
mod list;
mod media;
mod middleware;
mod midtrans;
mod openapi;
mod options;
mod pages;
mod path;
mod payment;
mod problem;
mod product;
mod request_body_guard;
mod server;
mod shapes;
mod user;

pub use error::status;
pub use index::Index;
pub use openapi::openapi;
pub use options::Options;
pub use pages::{Page, PageHandler};
pub use server::serve;
