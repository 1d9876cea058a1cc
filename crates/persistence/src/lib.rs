//! Storage: the domain's ports on SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! Here live SQL, connections and what the databases do differently. No rule of the shop lives here: what a row means is
//! the domain's business. Nothing of Diesel leaves this crate.
//!
//! Start with `user.rs`, which is how a port is implemented; then `lanes.rs`, the threads on which every
//! statement runs; then `connection.rs`, which opens a session on each kind of database. What they do differently is in
//! `dialect.rs`, `constraint.rs` and `fault.rs`, and nowhere else.
//!
//! A new table: a migration per database (`migrations/README.md`), its columns in `schema.rs`, a file for its port.

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("persistence needs at least one of the features `sqlite`, `postgres` and `mysql`");

mod audit_log;
mod backlog;
mod bulk_insert;
mod connection;
mod consistency;
mod constraint;
mod database;
mod dialect;
mod failure;
mod fault;
mod image_notes;
mod lane;
mod lanes;
mod leases;
mod login_attempts;
mod migrate;
mod notifications;
mod options;
mod outbox;
mod payment;
mod payment_notifier;
mod pool;
mod product;
mod product_totals;
mod redact;
pub mod schema;
mod schema_status;
mod server_clock;
mod task;
mod url;
mod user;

pub use backlog::Backlog;
pub use consistency::Finding;
pub use database::Database;
pub use lanes::LaneGauges;
pub use migrate::{MigrateError, migrate};
pub use options::{Access, Options};
pub use payment::Overview;
pub use payment_notifier::{NotifierOptions, PollingNotifier};
pub use product_totals::CachedTotals;
pub use schema_status::SchemaStatus;
pub use url::{Backend, OpenError, check_url, embedded_file, remedy_for_plaintext};

/// Private databases, as the tests beside the crate have them.
#[cfg(test)]
#[path = "../tests/suite/support.rs"]
#[expect(dead_code, reason = "most of it is for those")]
mod support;
#[cfg(test)]
extern crate self as persistence;
