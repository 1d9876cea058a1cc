//! The shop over REST: routes, bodies, envelope, errors, OpenAPI.
//!
//! This crate holds no business rule and no SQL: a handler admits its caller to a use case of the `app` crate, fills the
//! form from the body, runs the use case and writes the result. Start with `user.rs`, a typical resource; then `server.rs`,
//! the middleware around every request; then `error.rs`, the mapping of errors to statuses.

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
