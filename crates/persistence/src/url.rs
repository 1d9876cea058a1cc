//! Parsing of database URLs, and why a URL is refused before anything is connected.
//!
//! The client library can read every URL that is accepted here: `postgres.rs` and `mysql.rs` know what each takes,
//! `foreign.rs` what other tools write, and what is set in its place.

use mysql::Rewritten;
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use std::path::PathBuf;

mod foreign;
mod mysql;
mod postgres;
mod replica;

#[cfg(feature = "mysql")]
pub(crate) use mysql::OPTIONS;
#[cfg(feature = "postgres")]
pub(crate) use postgres::{database_name, query};
pub(crate) use postgres::{parameter, user_info};
pub use replica::check_replica_url;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
    /// Or MariaDB.
    Mysql,
}

impl Backend {
    const fn is_compiled_in(self) -> bool {
        match self {
            Self::Sqlite => cfg!(feature = "sqlite"),
            Self::Postgres => cfg!(feature = "postgres"),
            Self::Mysql => cfg!(feature = "mysql"),
        }
    }

    const fn cargo_feature(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }
}

/// Why a database can never be used as it is configured, however long one waits.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the URL has to begin with sqlite://, postgres:// or mysql://")]
    UnknownScheme,
    /// The URL begins as another tool writes it; holds how it is written here.
    #[error("the URL begins as for another program; here it is written {0}")]
    OtherScheme(&'static str),
    /// This build lacks the kind of database; holds the Cargo feature that adds it.
    #[error("this build lacks that database: build with the Cargo feature `{0}`")]
    NotCompiledIn(&'static str),
    /// The SQLite URL names no file.
    #[error("the URL has to be sqlite:// and the path of a file: {0}")]
    NoFile(&'static str),
    /// Holds why the URL cannot be read.
    #[error("the URL cannot be read: {0}")]
    Unreadable(&'static str),
    /// Holds the name of each parameter that is not taken, with what to do about it.
    #[error("the URL has parameters that are not taken: {}", .0.join("; "))]
    Parameters(Vec<String>),
    /// The URL demands TLS, which this build cannot speak to PostgreSQL.
    #[error("the URL's sslmode demands TLS, which this build lacks: build with the Cargo feature `postgres-tls`")]
    NoTls,
    /// The replica is another kind of database than the primary, or the primary is a file, which has none.
    #[error("the replica's URL has to be of the same kind as the primary's, and SQLite has no replicas")]
    Replica,
    #[error("the replica's URL has to name one server: of several, each connection could lead to another one")]
    ReplicaServers,
    #[error("the replica's URL names the primary; where there is no replica, leave it out")]
    ReplicaIsPrimary,
    /// The file does not exist, and whoever opens it must not make one; holds its whole path.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// The SQLite library has a bug that destroys data; holds its version.
    #[error("SQLite {0} can damage the database (the WAL-reset bug); 3.51.3 is needed")]
    SqliteTooOld(String),
    #[error("a database thread cannot be started: {0}")]
    Threads(std::io::Error),
}

/// A usable URL, in the form that Diesel takes.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) backend: Backend,
    pub(crate) url: SecretString,
    /// Whether each new session has to be checked for encryption, because the client library does not check it.
    #[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "other client libraries see to it"))]
    pub(crate) must_prove_tls: bool,
    /// The URL for a client library that takes the options in it for a part of the host's name.
    #[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "MySQL's"))]
    pub(crate) without_options: Option<SecretString>,
    /// The database's name, where it is not in the URL and each session has to select it.
    #[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "MySQL's"))]
    pub(crate) database: Option<String>,
}

impl Address {
    pub(crate) fn parse(url: &SecretString) -> Result<Self, OpenError> {
        let backend = check_url(url.expose_secret())?;
        let rest = rest_of(url.expose_secret());
        let as_is = |url: &str| {
            let url = url.to_owned().into();
            Self { backend, url, must_prove_tls: false, without_options: None, database: None }
        };
        Ok(match backend {
            Backend::Sqlite => as_is(rest),
            Backend::Postgres => as_is(url.expose_secret()),
            Backend::Mysql => {
                let Rewritten { url, must_prove_tls, without_options, database } = mysql::for_diesel(rest)?;
                let without_options = without_options.map(Into::into);
                Self { backend, url: url.into(), must_prove_tls, without_options, database }
            }
        })
    }

    /// The URL as Diesel takes it; on SQLite the file's path.
    pub(crate) fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

/// What kind of database a URL names, and whether this build can use it as the URL asks.
///
/// # Errors
/// Why it cannot. No error repeats any part of the URL but the names of parameters: it may hold a password.
pub fn check_url(url: &str) -> Result<Backend, OpenError> {
    let backend = match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("sqlite") => Backend::Sqlite,
        Some("postgres" | "postgresql") => Backend::Postgres,
        Some("mysql" | "mariadb") => Backend::Mysql,
        _ => return Err(foreign::scheme(url)),
    };
    if !backend.is_compiled_in() {
        return Err(OpenError::NotCompiledIn(backend.cargo_feature()));
    }
    if url.contains(char::is_control) {
        return Err(OpenError::Unreadable("it has a line break or another control character in it"));
    }
    match backend {
        Backend::Sqlite => check_file(rest_of(url))?,
        Backend::Postgres => postgres::check(url)?,
        Backend::Mysql => mysql::check(rest_of(url))?,
    }
    Ok(backend)
}

/// The file of an embedded database. `None` for a server, and for a URL that [`check_url`] refuses.
#[must_use]
pub fn embedded_file(url: &str) -> Option<PathBuf> {
    (check_url(url).ok()? == Backend::Sqlite).then(|| PathBuf::from(rest_of(url)))
}

/// What to do about a URL whose connections to another machine are or may be unencrypted. `None` for any other URL, and for a
/// URL that [`check_url`] refuses.
#[must_use]
pub fn remedy_for_plaintext(url: &str) -> Option<&'static str> {
    match check_url(url).ok()? {
        Backend::Sqlite => None,
        Backend::Postgres => {
            postgres::may_be_plaintext(url, |name| std::env::var(name).ok()).then_some(postgres::REMEDY)
        }
        Backend::Mysql => mysql::may_be_plaintext(rest_of(url)).then_some(mysql::REMEDY),
    }
}

/// Whether a host, with or without a port, is this machine.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        // More than one colon is an IPv6 address, which parameters have without brackets.
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    // A folder means the socket in it, as does an empty host; `@` begins the name of a socket without a file.
    let is_socket = name.is_empty() || ["/", "%2F", "%2f", "@", "%40"].iter().any(|begin| name.starts_with(begin));
    is_socket || name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn rest_of(url: &str) -> &str {
    url.split_once("://").map_or("", |(_, rest)| rest)
}

fn check_file(path: &str) -> Result<(), OpenError> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let begins = |scheme: &str| path.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    if path.contains(":memory:") || path.contains("mode=memory") || path.starts_with(':') {
        let problem = "each connection would have a memory of its own, and nothing would be found again; name a file";
        Err(OpenError::NoFile(problem))
    } else if begins("file:") {
        Err(OpenError::NoFile("leave out `file:`, as in sqlite://data/shop.db"))
    } else if path.contains('?') {
        Err(OpenError::NoFile("it takes no parameters; leave out the `?` and what is behind it"))
    } else if name.is_empty() || matches!(name, "." | "..") {
        Err(OpenError::NoFile("it names none"))
    } else if path.starts_with("~/") {
        Err(OpenError::NoFile("`~` is a folder's name here, not yours; write the whole path"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scheme_is_refused_before_it_becomes_a_file() {
        for url in ["", "shop.db", "oracle://localhost/shop", "://", "mongodb://localhost"] {
            assert!(matches!(check_url(url), Err(OpenError::UnknownScheme)), "{url}");
        }
    }

    #[test]
    fn what_begins_as_for_another_program_is_told_how_to_begin_here() {
        for (url, here) in [
            ("postgre://localhost/shop", "postgres://"),
            ("POSTGRES://localhost/shop", "postgres://"),
            ("pgsql://localhost/shop", "postgres://"),
            ("postgres+asyncpg://localhost/shop", "postgres://"),
            ("postgresql+psycopg2://localhost/shop", "postgres://"),
            ("jdbc:postgresql://localhost/shop", "postgres://"),
            ("host=localhost dbname=shop", "postgres://"),
            ("jdbc:mysql://localhost/shop", "mysql://"),
            ("mysql2://localhost/shop", "mysql://"),
            ("mysql+pymysql://localhost/shop", "mysql://"),
            ("shop:word@tcp(localhost:3306)/shop", "mysql://"),
            ("sqlite:shop.db", "sqlite://"),
            ("sqlite::memory:", "sqlite://"),
            ("sqlite3:///shop.db", "sqlite://"),
            ("file:shop.db", "sqlite://"),
        ] {
            match check_url(url) {
                Err(OpenError::OtherScheme(told)) => assert!(told.starts_with(here), "{url}: {told}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_sqlite_url_names_a_file() {
        for url in ["sqlite://shop.db", "sqlite:///var/lib/shop.db", "sqlite://data/shop.db", "sqlite://50%#1.db"] {
            assert!(matches!(check_url(url), Ok(Backend::Sqlite)), "{url}");
        }
        for (url, told) in [
            ("sqlite://", "it names none"),
            ("sqlite://data/", "it names none"),
            ("sqlite://data/..", "it names none"),
            ("sqlite://:memory:", "name a file"),
            ("sqlite:///:memory:", "name a file"),
            ("sqlite://file::memory:", "name a file"),
            ("sqlite://file::memory:?cache=shared", "name a file"),
            ("sqlite://file:shop?mode=memory", "name a file"),
            ("sqlite://file:x.db", "leave out `file:`"),
            ("sqlite://FILE:x.db", "leave out `file:`"),
            ("sqlite://file:///x.db", "leave out `file:`"),
            ("sqlite://a.db?mode=ro", "no parameters"),
            ("sqlite://~/a.db", "the whole path"),
        ] {
            let error = check_url(url).unwrap_err();
            assert!(matches!(error, OpenError::NoFile(_)) && error.to_string().contains(told), "{url}: {error}");
        }
        assert!(matches!(check_url("sqlite://a.db\n"), Err(OpenError::Unreadable(_))));
    }

    #[cfg(not(feature = "mysql"))]
    #[test]
    fn a_database_that_is_not_compiled_in_names_its_feature() {
        let error = check_url("mysql://localhost/shop").unwrap_err().to_string();
        assert!(error.contains("`mysql`"), "{error}");
    }
}
