//! What the shop is: entities, value objects, use cases, and the ports through which they reach the world.
//!
//! No I/O lives here, no web framework, no database, no wire format: the adapters (`rest`, `grpc`,
//! `persistence`, `outbound`) depend on this crate and this crate on none of them. Both protocols run the same use
//! cases, so a rule written here holds on both.
//!
//! Start with [`app::App`], the table of contents of all that the shop can do; then read one use case, for instance
//! [`user::register`]; then [`use_case::Handler`], the one place through which every call passes.

pub mod access;
pub mod actor;
pub mod app;
pub mod audit_log;
pub mod client;
pub mod clock;
pub mod context;
pub mod decimal;
pub mod error;
mod id;
pub mod money;
pub mod observe;
pub mod page;
pub mod payment;
pub mod product;
pub mod quota;
mod text;
pub mod use_case;
pub mod user;
pub mod version;
