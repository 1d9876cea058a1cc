//! Guarantees of the storage, checked on every database at hand: SQLite always, PostgreSQL, MariaDB and MySQL where
//! `TEST_POSTGRES_URL`, `TEST_MARIADB_URL` and `TEST_MYSQL_URL` name a server on which databases may be created
//! (`scripts/with-databases`). Those are servers without TLS; `TEST_POSTGRES_TLS_URL`, `TEST_MARIADB_TLS_URL` and
//! `TEST_MYSQL_TLS_URL` name some with it.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit_log;
mod database_names;
mod image_notes;
mod listing;
mod login_attempts;
mod migrations;
mod outage;
mod payments;
mod products;
mod schema;
mod sessions;
mod support;
mod tls;
mod users;
