//! Databases that one scenario uses: copied from a migrated template and dropped at the end.

mod connection;
mod template;

use self::connection::Connection;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
    Mariadb,
    Mysql,
}

impl DatabaseKind {
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Postgres, Self::Mariadb, Self::Mysql];

    /// The environment variable with the server's URL, whose user must be allowed to create databases.
    const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("TEST_POSTGRES_URL"),
            Self::Mariadb => Some("TEST_MARIADB_URL"),
            Self::Mysql => Some("TEST_MYSQL_URL"),
        }
    }

    const fn is_built_in(self) -> bool {
        match self {
            Self::Sqlite => cfg!(feature = "sqlite"),
            Self::Postgres => cfg!(feature = "postgres"),
            Self::Mariadb | Self::Mysql => cfg!(feature = "mysql"),
        }
    }

    /// Returns `Err` with the reason if this database cannot be used here.
    pub fn available(self) -> Result<(), String> {
        if !self.is_built_in() {
            return Err(format!("built without the feature for {self}"));
        }
        match self.variable() {
            Some(variable) if std::env::var_os(variable).is_none() => Err(format!("{variable} is not set")),
            _ => Ok(()),
        }
    }

    fn server(self) -> String {
        let variable = self.variable().unwrap();
        std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set"))
    }
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
        })
    }
}

/// A database that nothing else uses, dropped with this value.
pub struct TestDatabase {
    kind: DatabaseKind,
    name: String,
    url: String,
    /// Holds the SQLite file; deleted with this value.
    _folder: TempDir,
}

impl TestDatabase {
    /// Creates a database with the current schema and no rows.
    #[must_use]
    pub fn migrated(kind: DatabaseKind) -> Self {
        let database = Self::named(kind);
        template::copy_to(&database);
        database
    }

    /// Creates a database without a schema.
    #[must_use]
    pub fn empty(kind: DatabaseKind) -> Self {
        let database = Self::named(kind);
        if kind != DatabaseKind::Sqlite {
            Connection::open(kind, &kind.server()).execute(&format!("CREATE DATABASE {}", database.name));
        }
        database
    }

    fn named(kind: DatabaseKind) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        let name = format!("acceptance_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let url = match kind {
            DatabaseKind::Sqlite => format!("sqlite://{}", folder.path().join("shop.db").display()),
            DatabaseKind::Postgres | DatabaseKind::Mariadb | DatabaseKind::Mysql => {
                with_database(&kind.server(), &name)
            }
        };
        Self { kind, name, url, _folder: folder }
    }

    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    #[must_use]
    pub const fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// Runs statements that bypass the server.
    pub fn execute(&self, sql: &str) {
        Connection::open(self.kind, &self.url).execute(sql);
    }

    /// The texts in the column `value` of a query's rows.
    #[must_use]
    pub fn texts(&self, sql: &str) -> Vec<String> {
        Connection::open(self.kind, &self.url).texts(sql)
    }

    /// Locks writers out, as a backup or another process may, until the returned value is dropped.
    #[must_use]
    pub fn lock_writers(&self) -> impl Sized + use<> {
        self.hold("BEGIN IMMEDIATE")
    }

    /// Runs statements whose session, with its transaction and its locks, lasts until the returned value is dropped.
    #[must_use]
    pub fn hold(&self, sql: &str) -> impl Sized + use<> {
        let mut connection = Connection::open(self.kind, &self.url);
        connection.execute(sql);
        connection
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match self.kind {
            DatabaseKind::Sqlite => {}
            DatabaseKind::Postgres => {
                let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
                Connection::open(self.kind, &self.kind.server()).execute(&drop);
            }
            DatabaseKind::Mariadb | DatabaseKind::Mysql => {
                let drop = format!("DROP DATABASE IF EXISTS {}", self.name);
                Connection::open(self.kind, &self.kind.server()).execute(&drop);
            }
        }
    }
}

/// Drops the templates that this process has made.
pub fn remove_templates() {
    template::remove();
}

pub fn execute(kind: DatabaseKind, url: &str, sql: &str) {
    Connection::open(kind, url).execute(sql);
}

/// Whether the database at a URL accepts connections.
#[must_use]
pub fn answers(kind: DatabaseKind, url: &str) -> bool {
    Connection::try_open(kind, url).is_ok()
}

fn with_database(url: &str, name: &str) -> String {
    let (base, options) =
        url.split_once('?').map_or((url, String::new()), |(base, options)| (base, format!("?{options}")));
    let (scheme, rest) = base.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}/{name}{options}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_keeps_server_and_options() {
        assert_eq!(with_database("postgres://u:p@h:1/postgres?host=/tmp", "x"), "postgres://u:p@h:1/x?host=/tmp");
        assert_eq!(with_database("mysql://root@127.0.0.1:3306", "x"), "mysql://root@127.0.0.1:3306/x");
    }
}
