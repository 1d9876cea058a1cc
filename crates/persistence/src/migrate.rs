//! Bringing the schema up to date: one process at a time, however many start at once.

use crate::connection::{self, AnyConnection, Session};
use crate::engine;
use crate::fault::Fault;
use crate::options::{MIGRATE_TIMEOUT, Options};
use crate::redact::without_secrets;
use crate::schema_status::SchemaStatus;
use crate::url::{Address, Backend, OpenError};
use applied::exists;
use diesel::ConnectionError;
use diesel::migration::MigrationSource;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use patience::Patience;

pub(crate) use applied::{Applied, applied_versions};

mod applied;
#[cfg(feature = "sqlite")]
mod exclusive;
mod foreign_tables;
mod patience;
#[cfg(feature = "postgres")]
mod place;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod steps;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod turn;

#[cfg(test)]
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod tests;

#[cfg(feature = "sqlite")]
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
#[cfg(feature = "mysql")]
const MYSQL: EmbeddedMigrations = embed_migrations!("../../migrations/mysql");

/// Why the schema was not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Holds why the database cannot be reached, without secrets.
    #[error("the database is away: {0}")]
    Away(String),
    /// Another process has been migrating for longer than this one waits.
    #[error("another process has been migrating for more than {} seconds", MIGRATE_TIMEOUT.as_secs())]
    Locked,
    /// The schema has migrations that this binary does not know; holds their versions.
    #[error("the schema is newer than this binary, which does not know {}", .0.join(", "))]
    SchemaAhead(Vec<String>),
    /// The server is known not to keep a promise; holds which, and what to do.
    #[error("the database server cannot be used: {0}")]
    Unsuitable(String),
    /// The account may not create tables; holds the statement that permits it.
    #[error("the database's account may not create tables: have its owner run {0}")]
    NoCreate(String),
    /// The account may not read which migrations there are; holds the statement that permits it.
    #[error("the database's account may not read __diesel_schema_migrations: have its owner run {0}")]
    NoAccess(String),
    /// PostgreSQL's search path leads to no schema.
    #[error(
        "the search_path of the database's account, `{search_path}`, names no schema that it may use: have its owner run \
         {remedy}, or name a schema in database.url by options=-csearch_path%3DNAME"
    )]
    NoSchema {
        search_path: String,
        /// A statement.
        remedy: String,
    },
    /// A shop is in a schema further down PostgreSQL's search path.
    #[error(
        "the schema `{current}` is first in the search_path and empty, and the schema `{found}` behind it has a shop: name one \
         of them alone, in database.url by options=-csearch_path%3DNAME or by ALTER ROLE"
    )]
    ShopElsewhere { current: String, found: String },
    /// The database has a table that the shop is going to create; holds its name.
    #[error("the database has a table `{0}` that is not the shop's; use a database of its own")]
    ForeignTable(String),
    /// Holds what the database said of the migration that failed.
    #[error("a migration failed: {0}")]
    Failed(String),
}

/// Applies the migrations that are missing and returns their names, oldest first. Blocks the thread.
///
/// However many processes do this at once, each migration is applied once; the others wait.
///
/// # Errors
/// Why the schema is not what this binary needs.
pub fn migrate(options: &Options) -> Result<Vec<String>, MigrateError> {
    let address = Address::parse(&options.url)?;
    let session = Session::migrating(options);
    let patience = Patience::within(MIGRATE_TIMEOUT);
    let mut connection = open(&address, &session, patience)?;
    let objection = engine::objection_to(&mut connection, address.backend).map_err(failed)?;
    if let Some(objection) = objection.filter(|_| !options.allow_unsuitable_server) {
        return Err(MigrateError::Unsuitable(objection));
    }
    match &mut connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => exclusive::in_exclusive_transaction(&mut connection, patience, |connection| {
            let missing = missing(connection, Backend::Sqlite)?;
            if !missing.is_empty() {
                foreign_tables::refuse(connection, &missing, "")?;
                apply_all(connection)?;
            }
            Ok(missing)
        }),
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        _ => steps::by_turns(&mut connection, &address, session, patience),
    }
}

/// Opens a connection. Waits where another process is creating the file of this database.
fn open(address: &Address, session: &Session, patience: Patience) -> Result<AnyConnection, MigrateError> {
    patience.wait_for(|| match connection::open(address, session) {
        Err(ConnectionError::CouldntSetupConfiguration(error)) if Fault::of(&error) == Fault::Contention => Ok(None),
        Err(error) => Err(MigrateError::Away(without_secrets(&error.to_string(), address))),
        Ok(connection) => Ok(Some(connection)),
    })
}

/// The names of the migrations that the schema lacks, oldest first.
fn missing(connection: &mut AnyConnection, backend: Backend) -> Result<Vec<String>, MigrateError> {
    let applied = match applied_versions(connection).map_err(failed)? {
        Applied::Versions(versions) => versions,
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        Applied::NoAccess(grant) => return Err(MigrateError::NoAccess(grant)),
    };
    match compare(backend, &applied) {
        SchemaStatus::SchemaAhead { unknown } => Err(MigrateError::SchemaAhead(unknown)),
        SchemaStatus::SchemaBehind { missing, .. } => Ok(missing),
        SchemaStatus::Ready
        | SchemaStatus::Away { .. }
        | SchemaStatus::NoAccess { .. }
        | SchemaStatus::Unsuitable { .. }
        | SchemaStatus::ReadOnly { .. } => Ok(Vec::new()),
    }
}

fn failed(error: diesel::result::Error) -> MigrateError {
    MigrateError::Failed(error.to_string())
}

#[cfg(feature = "sqlite")]
fn apply_all(connection: &mut AnyConnection) -> Result<(), MigrateError> {
    use diesel_migrations::MigrationHarness;

    match connection {
        AnyConnection::Sqlite(sqlite) => {
            sqlite.run_pending_migrations(SQLITE).map(drop).map_err(|error| MigrateError::Failed(error.to_string()))
        }
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        _ => Ok(()),
    }
}

/// How a schema with these migrations fits this binary.
pub(crate) fn compare(backend: Backend, applied: &[String]) -> SchemaStatus {
    let known = embedded(backend);
    let is_unknown = |version: &&String| !known.iter().any(|migration| migration.version == **version);
    let unknown: Vec<_> = applied.iter().filter(is_unknown).cloned().collect();
    let is_missing = |migration: &Known| !applied.contains(&migration.version);
    let missing: Vec<_> = known.iter().filter(|known| is_missing(known)).map(|known| known.name.clone()).collect();
    if !unknown.is_empty() {
        SchemaStatus::SchemaAhead { unknown }
    } else if !missing.is_empty() {
        SchemaStatus::SchemaBehind { missing, applied: applied.len() }
    } else {
        SchemaStatus::Ready
    }
}

/// A migration that is embedded in the binary.
struct Known {
    /// What the database stores: the beginning of the name, without hyphens.
    version: String,
    name: String,
}

fn embedded(backend: Backend) -> Vec<Known> {
    let mut known = match backend {
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => names::<diesel::sqlite::Sqlite>(&SQLITE),
        #[cfg(feature = "postgres")]
        Backend::Postgres => names::<diesel::pg::Pg>(&POSTGRES),
        #[cfg(feature = "mysql")]
        Backend::Mysql => names::<diesel::mysql::Mysql>(&MYSQL),
        #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
        _ => Vec::new(),
    };
    known.sort_unstable_by(|a, b| a.version.cmp(&b.version));
    known
}

fn names<DB: diesel::backend::Backend>(source: &impl MigrationSource<DB>) -> Vec<Known> {
    let migrations = source.migrations().unwrap_or_default();
    let names = migrations.iter().map(|migration| migration.name());
    let known = names.map(|name| Known { version: name.version().to_string(), name: name.to_string() });
    known.collect()
}
