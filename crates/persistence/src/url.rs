//! What a database URL says, and why it may be refused before anything is connected.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::net::IpAddr;

/// The kinds of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file beside the process.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
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
#[derive(Debug)]
pub enum OpenError {
    /// The URL has no scheme, or none that names a kind of database.
    UnknownScheme,
    /// This build lacks the kind of database; holds the Cargo feature that adds it.
    NotCompiledIn(&'static str),
    /// The SQLite URL names no file.
    NoFile(&'static str),
    /// The URL demands TLS, which this build cannot speak to PostgreSQL.
    NoTls,
    /// Everything would go to another machine unencrypted without anybody having asked for that.
    Plaintext,
    /// The replica is another kind of database than the primary, or the primary is a file, which has none.
    Replica,
    /// The SQLite library has a bug that destroys data; holds its version.
    SqliteTooOld(String),
    /// A thread could not be started.
    Threads(std::io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownScheme => f.write_str("the URL has to begin with sqlite://, postgres:// or mysql://"),
            Self::NotCompiledIn(feature) => {
                write!(f, "this build lacks that database: build with the Cargo feature `{feature}`")
            }
            Self::NoFile(problem) => write!(f, "the URL has to be sqlite:// and the path of a file: {problem}"),
            Self::NoTls => f.write_str(
                "the URL's sslmode demands TLS, which this build lacks: build with the Cargo feature `postgres-tls`",
            ),
            Self::Plaintext => f.write_str(
                "this build has no TLS, so that everything would go over the network in the clear: build with the Cargo \
                 feature `postgres-tls`, or add sslmode=disable to the URL if the network is trusted",
            ),
            Self::Replica => {
                f.write_str("the replica's URL has to be of the same kind as the primary's, and SQLite has no replicas")
            }
            Self::SqliteTooOld(version) => {
                write!(f, "SQLite {version} can damage the database (the WAL-reset bug); 3.51.3 is needed")
            }
            Self::Threads(error) => write!(f, "a database thread cannot be started: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// A URL that has been found usable, in the form that Diesel takes.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) backend: Backend,
    url: SecretString,
}

impl Address {
    pub(crate) fn parse(url: &SecretString) -> Result<Self, OpenError> {
        let backend = check_url(url.expose_secret())?;
        let rest = rest_of(url.expose_secret());
        let url = match backend {
            Backend::Sqlite => rest.to_owned(),
            Backend::Postgres => url.expose_secret().to_owned(),
            // Diesel knows MariaDB under this name only.
            Backend::Mysql => format!("mysql://{rest}"),
        };
        Ok(Self { backend, url: url.into() })
    }

    /// The URL as Diesel takes it; on SQLite the file's path.
    pub(crate) fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

/// What kind of database a URL names, and whether this build can use it as the URL asks.
///
/// # Errors
/// Why it cannot. No error repeats any part of the URL, which may hold a password.
pub fn check_url(url: &str) -> Result<Backend, OpenError> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    let backend = match scheme {
        Some("sqlite") => Backend::Sqlite,
        Some("postgres" | "postgresql") => Backend::Postgres,
        Some("mysql" | "mariadb") => Backend::Mysql,
        _ => return Err(OpenError::UnknownScheme),
    };
    if !backend.is_compiled_in() {
        return Err(OpenError::NotCompiledIn(backend.cargo_feature()));
    }
    match backend {
        Backend::Sqlite => check_file(rest_of(url))?,
        Backend::Postgres => check_transport(url)?,
        Backend::Mysql => {}
    }
    Ok(backend)
}

fn rest_of(url: &str) -> &str {
    url.split_once("://").map_or("", |(_, rest)| rest)
}

fn check_file(path: &str) -> Result<(), OpenError> {
    if path.is_empty() || path.ends_with('/') {
        Err(OpenError::NoFile("it names none"))
    } else if path.starts_with(':') {
        Err(OpenError::NoFile("each connection would have a memory of its own"))
    } else if path.contains('?') {
        Err(OpenError::NoFile("it takes no parameters"))
    } else {
        Ok(())
    }
}

fn check_transport(url: &str) -> Result<(), OpenError> {
    if cfg!(feature = "postgres-tls") {
        return Ok(());
    }
    match parameter(url, "sslmode") {
        Some("require" | "verify-ca" | "verify-full") => Err(OpenError::NoTls),
        None if !hosts(url).all(is_this_machine) => Err(OpenError::Plaintext),
        // Whoever writes `prefer` or `allow` has asked for encryption only where it is to be had.
        Some(_) | None => Ok(()),
    }
}

/// The value of a URL's parameter, as written.
pub(crate) fn parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    query.split('&').filter_map(|pair| pair.split_once('=')).find_map(|(key, value)| (key == name).then_some(value))
}

/// The hosts of a PostgreSQL URL, of which there may be several, each with or without a port
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>).
fn hosts(url: &str) -> impl Iterator<Item = &str> {
    let authority = rest_of(url).split(['/', '?']).next().unwrap_or_default();
    let named = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let parameters = ["host", "hostaddr"].into_iter().filter_map(move |name| parameter(url, name));
    named.split(',').chain(parameters.flat_map(|hosts| hosts.split(',')))
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    // A folder stands for the socket in it, and so does no host at all.
    let is_socket = name.is_empty() || name.starts_with('/') || name.starts_with("%2F") || name.starts_with("%2f");
    is_socket || name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scheme_is_refused_before_it_becomes_a_file() {
        for url in ["", "shop.db", "sqlite:shop.db", "postgre://localhost/shop", "oracle://localhost/shop"] {
            assert!(matches!(check_url(url), Err(OpenError::UnknownScheme)), "{url}");
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_sqlite_url_names_a_file() {
        for url in ["sqlite://shop.db", "sqlite:///var/lib/shop.db", "sqlite://data/shop.db"] {
            assert!(matches!(check_url(url), Ok(Backend::Sqlite)), "{url}");
        }
        for url in ["sqlite://", "sqlite://data/", "sqlite://:memory:", "sqlite://a.db?mode=ro"] {
            assert!(matches!(check_url(url), Err(OpenError::NoFile(_))), "{url}");
        }
    }

    #[cfg(all(feature = "postgres", not(feature = "postgres-tls")))]
    #[test]
    fn without_tls_nothing_leaves_the_machine_unless_somebody_said_so() {
        for url in [
            "postgres://localhost/shop",
            "postgres://u:p@127.0.0.1:5432/shop",
            "postgresql://u@[::1]:5432/shop",
            "postgres:///shop?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/shop",
            "postgres://u:p@db.example.com/shop?sslmode=disable",
        ] {
            assert!(matches!(check_url(url), Ok(Backend::Postgres)), "{url}");
        }
        for url in [
            "postgres://u:p@db.example.com/shop",
            "postgres://localhost,db.example.com/shop",
            "postgres:///shop?host=db.example.com",
            "postgres://10.0.0.7/shop?connect_timeout=1",
        ] {
            assert!(matches!(check_url(url), Err(OpenError::Plaintext)), "{url}");
        }
        let demanding = "postgres://localhost/shop?sslmode=verify-full";
        assert!(matches!(check_url(demanding), Err(OpenError::NoTls)));
    }

    #[cfg(not(feature = "mysql"))]
    #[test]
    fn a_database_that_is_not_compiled_in_names_its_feature() {
        let error = check_url("mysql://localhost/shop").unwrap_err().to_string();
        assert!(error.contains("`mysql`"), "{error}");
    }
}
