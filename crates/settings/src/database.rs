//! The settings of the database.

use super::environment::Environment;
use super::mistakes::Reported;
use super::network::cores;
use super::reader::Reader;
use super::secrets::{ResolvedSecret, SecretFormat, redacted};
use persistence::{OpenError, check_replica_url, check_url, remedy_for_plaintext};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

const PLAINTEXT: &str = "database.allow_plaintext";

#[derive(Clone, Debug)]
pub struct Database {
    /// The database: `sqlite://path`, `postgres://…` or `mysql://…`.
    pub url: SecretString,
    /// A replica that lists of products are read from.
    pub read_url: Option<SecretString>,
    /// How far the replica may lag.
    pub max_replica_lag: Duration,
    /// Connections for each URL; at least one.
    pub pool_size: usize,
    /// The most calls that wait for a connection.
    pub queue: usize,
    /// Whether to bring the schema up to date at start.
    pub migrate_on_start: bool,
    /// Whether to prepare statements on the server.
    pub prepared_statements: bool,
    /// Whether to use a server that is known not to keep a promise.
    pub allow_unsuitable_server: bool,
    pub connect_timeout: Duration,
    pub statement_timeout: Duration,
}

impl Database {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let (url, read_url) = urls(reader);
        let pool_size = match reader.number("database.pool_size", 0..=1024) {
            0 => (2 * cores()).clamp(4, 16),
            size => size,
        };
        Self {
            url,
            read_url,
            max_replica_lag: reader.seconds("database.max_replica_lag_seconds", 1.0..=300.0),
            pool_size,
            queue: reader.number("database.queue", 1..=65_536),
            migrate_on_start: reader.flag("database.migrate_on_start"),
            prepared_statements: reader.flag("database.prepared_statements"),
            allow_unsuitable_server: reader.flag("database.allow_unsuitable_server"),
            connect_timeout: reader.seconds("database.connect_timeout_seconds", 0.1..=60.0),
            statement_timeout: reader.seconds("database.statement_timeout_seconds", 0.1..=300.0),
        }
    }
}

impl Database {
    /// The database's URL without its secrets.
    #[must_use]
    pub fn shown(&self) -> String {
        redacted("database.url", self.url.expose_secret())
    }
}

/// The URLs of the database and of its replica.
fn urls(reader: &mut Reader<'_>) -> (SecretString, Option<SecretString>) {
    let (url, read_url) = (database_url(reader, "database.url"), database_url(reader, "database.read_url"));
    if let Ok(None) = url {
        reader.mistake("database.url", "is not given", OpenError::UnknownScheme.to_string());
    }
    if let (Ok(Some(primary)), Ok(Some(replica))) = (&url, &read_url)
        && let Err(error) = check_replica_url(primary.url.expose_secret(), replica.url.expose_secret())
    {
        reader.mistake(&replica.key, "cannot be used", error.to_string());
    }
    let allow_plaintext = reader.flag(PLAINTEXT);
    for url in [&url, &read_url].into_iter().flatten().flatten() {
        check_transport(reader, url, allow_plaintext);
    }
    let secret = |found: Result<Option<DatabaseUrl>, Reported>| found.ok().flatten().map(|found| found.url);
    (secret(url).unwrap_or_default(), secret(read_url))
}

/// A URL, and the setting that it comes from.
struct DatabaseUrl {
    key: String,
    url: SecretString,
}

/// Reads the URL of a key, if it is set. A mistake does not repeat it, for it may hold a password.
fn database_url(reader: &mut Reader<'_>, key: &str) -> Result<Option<DatabaseUrl>, Reported> {
    let Some(ResolvedSecret { key, secret: url }) = reader.secret(key, SecretFormat::Text)? else {
        return Ok(None);
    };
    match check_url(url.expose_secret()) {
        Ok(_) => Ok(Some(DatabaseUrl { key, url })),
        Err(error) => Err(reader.mistake(&key, "cannot be used", error.to_string())),
    }
}

/// Production sends nothing to another machine without TLS, unless `allow_plaintext` permits it.
fn check_transport(reader: &mut Reader<'_>, DatabaseUrl { key, url, .. }: &DatabaseUrl, allow_plaintext: bool) {
    let Some(remedy) = remedy_for_plaintext(url.expose_secret()) else {
        return;
    };
    match (reader.environment == Environment::Production, allow_plaintext) {
        (true, false) => {
            let problem =
                "leads to another machine, perhaps in the clear: whoever is in between could read and change all of it";
            reader.mistake(key, problem, format!("{remedy}; or set {PLAINTEXT}, where nobody is in between"));
        }
        (true, true) => {
            reader.warn(key, "leads to another machine, perhaps in the clear, as database.allow_plaintext has it")
        }
        (false, false) => {
            let doubt = format!("leads to another machine, perhaps in the clear, which production refuses: {remedy}");
            reader.warn(key, &doubt);
        }
        (false, true) => {}
    }
}
