//! Storage: the ports of `app` on SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! This crate has the SQL, the connections and the differences between the databases. It has no rule of the shop: `domain`
//! says what a row means. No type of Diesel leaves this crate.
//!
//! Start with `user.rs`, which is how a port is implemented; then `executor.rs`, the threads on which every
//! statement runs; then `connection.rs`, which opens a session on each kind of database. What they do differently is in
//! `dialect.rs`, `constraint.rs` and `fault.rs`, and nowhere else; `engine.rs` knows which servers keep no promise.
//!
//! Workers claim their work by `work_queue.rs`.
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
#[cfg_attr(
    all(not(test), not(all(feature = "postgres", feature = "mysql"))),
    expect(dead_code, reason = "what is known of the databases that are left out")
)]
mod engine;
mod executor;
mod failure;
mod fault;
mod image_notes;
mod last_refusal;
mod leases;
mod login_attempts;
mod migrate;
mod missing_database;
mod notifications;
mod options;
mod outbox;
mod payment;
mod payment_notifier;
mod pool;
mod product;
mod product_totals;
mod redact;
mod replica;
pub mod schema;
mod schema_status;
mod server_clock;
mod url;
mod user;
mod work_queue;
mod write_marks;

pub use backlog::Backlog;
pub use consistency::Finding;
pub use database::Database;
pub use migrate::{MigrateError, migrate};
pub use missing_database::lacks_database;
pub use options::{Access, Options};
pub use payment::Overview;
pub use payment_notifier::{NotifierOptions, PollingNotifier};
pub use product_totals::CachedTotals;
pub use replica::{Replica, ReplicaReport, ReplicatedLists};
pub use schema_status::SchemaStatus;
pub use url::{Backend, OpenError, check_replica_url, check_url, embedded_file, remedy_for_plaintext};
pub use write_marks::BatchedMarks;

/// Private databases, as the tests beside the crate have them.
#[cfg(test)]
#[path = "../tests/suite/support.rs"]
#[expect(dead_code, reason = "most of it is for those")]
mod support;
#[cfg(test)]
extern crate self as persistence;
