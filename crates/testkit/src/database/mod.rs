//! Databases of a scenario's own: made from a migrated template, dropped at the end.

mod connection;
mod template;

use self::connection::Connection;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Which database a cell of the matrix uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatabaseKind {
    /// A file, within the process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MariaDB or MySQL server.
    Mariadb,
}

impl DatabaseKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mariadb];

    /// The variable that names the server: a URL of a user who may create databases.
    const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("TEST_POSTGRES_URL"),
            Self::Mariadb => Some("TEST_MYSQL_URL"),
        }
    }

    const fn is_built_in(self) -> bool {
        match self {
            Self::Sqlite => cfg!(feature = "sqlite"),
            Self::Postgres => cfg!(feature = "postgres"),
            Self::Mariadb => cfg!(feature = "mysql"),
        }
    }

    /// Tells whether there is such a database here.
    ///
    /// # Errors
    /// Why not.
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
        })
    }
}

/// A database that nothing else uses; dropped with this value.
pub struct TestDatabase {
    kind: DatabaseKind,
    name: String,
    url: String,
    /// Where a file lives, and beside it whatever else belongs to the scenario.
    _folder: TempDir,
}

impl TestDatabase {
    /// A database with the present schema and no rows.
    #[must_use]
    pub fn migrated(kind: DatabaseKind) -> Self {
        let database = Self::named(kind);
        template::copy_to(&database);
        database
    }

    /// A database with nothing in it.
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
            DatabaseKind::Postgres | DatabaseKind::Mariadb => with_database(&kind.server(), &name),
        };
        Self { kind, name, url, _folder: folder }
    }

    /// Where the server finds it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// Runs statements behind the server's back.
    ///
    /// # Panics
    /// Where they fail.
    pub fn execute(&self, sql: &str) {
        Connection::open(self.kind, &self.url).execute(sql);
    }

    /// The texts in the column `value` of a query.
    ///
    /// # Panics
    /// Where it fails.
    #[must_use]
    pub fn texts(&self, sql: &str) -> Vec<String> {
        Connection::open(self.kind, &self.url).texts(sql)
    }

    /// Keeps writers out, as a backup or another process may, until the value that it returns is dropped.
    ///
    /// # Panics
    /// Where the lock cannot be had.
    #[must_use]
    pub fn lock_writers(&self) -> impl Sized + use<> {
        let mut connection = Connection::open(self.kind, &self.url);
        connection.execute("BEGIN IMMEDIATE");
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
            DatabaseKind::Mariadb => {
                let drop = format!("DROP DATABASE IF EXISTS {}", self.name);
                Connection::open(self.kind, &self.kind.server()).execute(&drop);
            }
        }
    }
}

/// Drops what the databases of this process were made from.
pub fn remove_templates() {
    template::remove();
}

/// Runs statements in the database at a URL.
///
/// # Panics
/// Where they fail.
pub fn execute(kind: DatabaseKind, url: &str, sql: &str) {
    Connection::open(kind, url).execute(sql);
}

/// Whether the database at a URL takes connections.
#[must_use]
pub fn answers(kind: DatabaseKind, url: &str) -> bool {
    Connection::try_open(kind, url).is_ok()
}

/// The URL of another database on the same server.
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
