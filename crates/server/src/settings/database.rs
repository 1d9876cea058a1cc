//! The settings of the database.

use super::mistakes::Told;
use super::network::cores;
use super::reader::Reader;
use super::secrets::Given;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Where and how accounts are kept.
#[derive(Clone, Debug)]
pub struct Database {
    /// The database: `sqlite://path`, `postgres://…` or `mysql://…`.
    pub url: SecretString,
    /// A replica that queries go to.
    pub read_url: Option<SecretString>,
    /// Connections for each URL; at least one.
    pub pool_size: usize,
    /// Calls that wait for a connection at most.
    pub queue: usize,
    /// Whether to bring the schema up to date at start.
    pub migrate_on_start: bool,
    /// Whether to prepare statements on the server.
    pub prepared_statements: bool,
    /// How long to wait for a new connection.
    pub connect_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
}

/// What a database's URL is.
const WANTED: &str = "sqlite://path, postgres://user:password@host/name or mysql://user:password@host/name";

impl Database {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let url = read_url(reader, "database.url");
        if let Ok(None) = url {
            reader.mistake("database.url", "is empty", format!("give {WANTED}"));
        }
        let read_url = read_url(reader, "database.read_url");
        let pool_size = match reader.number("database.pool_size", 0..=1024) {
            0 => (2 * cores()).clamp(4, 16),
            size => size,
        };
        Self {
            url: url.ok().flatten().unwrap_or_default(),
            read_url: read_url.ok().flatten(),
            pool_size,
            queue: reader.number("database.queue", 1..=65_536),
            migrate_on_start: reader.flag("database.migrate_on_start"),
            prepared_statements: reader.flag("database.prepared_statements"),
            connect_timeout: reader.seconds("database.connect_timeout_seconds", 0.1..=60.0),
            statement_timeout: reader.seconds("database.statement_timeout_seconds", 0.1..=300.0),
        }
    }
}

/// The URL is not repeated in a mistake: it may hold a password.
fn read_url(reader: &mut Reader<'_>, key: &str) -> Result<Option<SecretString>, Told> {
    let Some(Given { key, secret }) = reader.secret(key)? else {
        return Ok(None);
    };
    let known = ["sqlite", "postgres", "postgresql", "mysql"];
    let url = secret.expose_secret().split_once("://");
    if url.is_some_and(|(scheme, rest)| known.contains(&scheme) && !rest.is_empty()) {
        return Ok(Some(secret));
    }
    Err(reader.mistake(&key, "is not the URL of a database that there is", format!("give {WANTED}")))
}
