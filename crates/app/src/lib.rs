//! The use cases of the shop, the pipeline that each call passes, the background workers, and the ports.
//!
//! A use case is one file named by what it does, for example [`user::register`]. A port is a trait that an adapter
//! implements (`persistence`, `midtrans`, `mail`, …); this crate depends on no adapter, no database and no wire format.
//! REST and gRPC run the same use cases, so a rule that is written here holds for both.
//!
//! Start with [`App`], the table of contents; then read one use case; then [`pipeline`], which each call passes.

pub mod access;
mod application;
pub mod audit_log;
mod backoff;
pub mod client;
pub mod clock;
pub mod context;
pub mod entity_tag;
pub mod observe;
pub mod page;
pub mod payment;
pub mod pipeline;
pub mod product;
pub mod rate_limit;
pub mod refusals;
pub mod user;
pub mod worker;

pub use application::{App, Commands, Queries};
