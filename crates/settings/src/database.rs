//! The settings of the database.

use super::environment::Environment;
use super::mistakes::Told;
use super::network::cores;
use super::reader::Reader;
use super::secrets::{Given, Shape, veiled};
use persistence::{Backend, OpenError, check_url, remedy_for_plaintext};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

const PLAINTEXT: &str = "database.allow_plaintext";

/// Where and how accounts and products are kept.
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
            pool_size,
            queue: reader.number("database.queue", 1..=65_536),
            migrate_on_start: reader.flag("database.migrate_on_start"),
            prepared_statements: reader.flag("database.prepared_statements"),
            connect_timeout: reader.seconds("database.connect_timeout_seconds", 0.1..=60.0),
            statement_timeout: reader.seconds("database.statement_timeout_seconds", 0.1..=300.0),
        }
    }
}

impl Database {
    /// The database's URL as anybody may see it.
    #[must_use]
    pub fn shown(&self) -> String {
        veiled("database.url", self.url.expose_secret())
    }
}

/// The URLs of the database and of its replica.
fn urls(reader: &mut Reader<'_>) -> (SecretString, Option<SecretString>) {
    let (url, read_url) = (usable(reader, "database.url"), usable(reader, "database.read_url"));
    if let Ok(None) = url {
        reader.mistake("database.url", "is not given", OpenError::UnknownScheme.to_string());
    }
    if let (Ok(Some(primary)), Ok(Some(replica))) = (&url, &read_url)
        && (primary.backend != replica.backend || primary.backend == Backend::Sqlite)
    {
        reader.mistake(&replica.key, "cannot be used", OpenError::Replica.to_string());
    }
    let allow_plaintext = reader.flag(PLAINTEXT);
    for usable in [&url, &read_url].into_iter().flatten().flatten() {
        check_transport(reader, usable, allow_plaintext);
    }
    let secret = |found: Result<Option<Usable>, Told>| found.ok().flatten().map(|usable| usable.url);
    (secret(url).unwrap_or_default(), secret(read_url))
}

/// A URL, what kind of database it names, and the setting that it came from.
struct Usable {
    key: String,
    backend: Backend,
    url: SecretString,
}

/// The URL of this key, where there is one. It is not repeated in a mistake: it may hold a password.
fn usable(reader: &mut Reader<'_>, key: &str) -> Result<Option<Usable>, Told> {
    let Some(Given { key, secret: url }) = reader.secret(key, Shape::Words)? else {
        return Ok(None);
    };
    match check_url(url.expose_secret()) {
        Ok(backend) => Ok(Some(Usable { key, backend, url })),
        Err(error) => Err(reader.mistake(&key, "cannot be used", error.to_string())),
    }
}

/// Production sends nothing in the clear to another machine, unless somebody says that it may.
fn check_transport(reader: &mut Reader<'_>, Usable { key, url, .. }: &Usable, allow_plaintext: bool) {
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
