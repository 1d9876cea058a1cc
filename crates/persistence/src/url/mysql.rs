//! URLs of MySQL and MariaDB, as Diesel reads them, and which parameters each client library respects.
//!
//! Diesel passes `ssl_mode` on as an option that MariaDB's client library takes for another one, so that it has no effect
//! (<https://github.com/diesel-rs/diesel/issues/5110>). That library reads the same options from a connection string, which
//! takes the host's place (<https://mariadb.com/docs/connectors/mariadb-connector-c/api-functions/mariadb_connect>). It checks
//! certificates before it tells the server anything; but a server without TLS it refuses for `ssl-verify-server-cert` alone,
//! so that otherwise the session has to be asked.

use super::{OpenError, foreign, is_this_machine};
use crate::redact::percent_decoded;
use ::url::Url;
use std::collections::BTreeMap;

/// The accepted parameters. Diesel silently drops any other.
const PARAMETERS: [&str; 5] = ["unix_socket", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key"];

/// How to have a connection encrypted.
pub(super) const REMEDY: &str = "add ssl_mode=verify_identity to the URL, with ssl_ca=FILE where the certificate is of one's \
                                 own authority, or ssl_mode=required, which encrypts but does not ask who answers";

/// Stands behind the host's name in a connection string.
pub(crate) const OPTIONS: &str = ";ssl-enforce=";

/// The environment variable that makes MariaDB's client library check no certificates, since version 3.4.
const NO_CHECK: &str = "MARIADB_TLS_DISABLE_PEER_VERIFICATION";

const ESCAPE: &str = "it has no host, or a port that is none from 1 to 65535; special characters in a user's name or password \
                      need percent-encoding";
const HOST: &str =
    "its host is no name or address; special characters in a user's name or password need percent-encoding";

/// What `ssl_mode` says, as MySQL defines it
/// (<https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Disabled,
    Preferred,
    Required,
    VerifyCa,
    VerifyIdentity,
}

impl Mode {
    const ALL: [(&str, Self); 5] = [
        ("disabled", Self::Disabled),
        ("preferred", Self::Preferred),
        ("required", Self::Required),
        ("verify_ca", Self::VerifyCa),
        ("verify_identity", Self::VerifyIdentity),
    ];

    /// In any case, as Diesel has it.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, mode)| *mode)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Mariadb,
    /// Respects every `ssl_mode`.
    Mysql,
}

#[cfg(feature = "mysql")]
const KEEPS_MODES: bool = mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;
#[cfg(not(feature = "mysql"))]
const KEEPS_MODES: bool = false;

const LINKED: Client = if KEEPS_MODES { Client::Mysql } else { Client::Mariadb };

struct Checked {
    url: Url,
    mode: Option<Mode>,
    is_socket: bool,
}

/// Whether all that the URL demands can be respected. `rest` is the URL behind the scheme.
pub(super) fn check(rest: &str) -> Result<(), OpenError> {
    read(rest, LINKED, std::env::var_os(NO_CHECK).is_some()).map(drop)
}

/// A URL in the form that Diesel and the client library respect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    pub(super) url: String,
    /// Whether each session has to be checked for encryption.
    pub(super) must_prove_tls: bool,
    /// The URL for a library that knows no connection strings, where it may do without encryption.
    pub(super) without_options: Option<String>,
    /// The database, where each session has to select it.
    pub(super) database: Option<String>,
}

pub(super) fn for_diesel(rest: &str) -> Result<Rewritten, OpenError> {
    let checked = read(rest, LINKED, std::env::var_os(NO_CHECK).is_some())?;
    rewritten(checked, LINKED)
}

/// Whether a connection to another machine may be unencrypted.
pub(super) fn may_be_plaintext(rest: &str) -> bool {
    read(rest, LINKED, false).is_ok_and(|Checked { url, mode, is_socket }| {
        !is_socket && mode < Some(Mode::Required) && !url.host_str().is_some_and(is_this_machine)
    })
}

fn read(rest: &str, client: Client, checks_nobody: bool) -> Result<Checked, OpenError> {
    let url = Url::parse(&format!("mysql://{rest}")).map_err(|_| OpenError::Unreadable(ESCAPE))?;
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || url.port() == Some(0) {
        return Err(OpenError::Unreadable(ESCAPE));
    }
    if url.fragment().is_some() {
        return Err(OpenError::Unreadable("it has a `#` in it; write %23"));
    }
    let (parameters, told) = parameters(&url);
    // Behind an `@` is the host: what seems a parameter then is a password with a `?` in it.
    let is_password = url.username().is_empty() && rest.contains('@');
    if !told.is_empty() {
        return Err(if is_password { OpenError::Unreadable(ESCAPE) } else { OpenError::Parameters(told) });
    }
    // Other characters would turn the value into options.
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if !host.starts_with('[') && !host.bytes().all(is_name) {
        return Err(OpenError::Unreadable(HOST));
    }
    check_name(url.path().trim_start_matches('/'))?;
    let mode = parameters.get("ssl_mode").and_then(|mode| Mode::parse(mode));
    let has = |name: &str| parameters.contains_key(name);
    let told = unkept(host, mode, has, client, checks_nobody);
    if told.is_empty() {
        let is_socket = has("unix_socket");
        Ok(Checked { url, mode, is_socket })
    } else {
        Err(OpenError::Parameters(told))
    }
}

/// Whether a database's name, as written in the URL, is one.
fn check_name(written: &str) -> Result<(), OpenError> {
    let name = percent_decoded(written);
    Err(OpenError::Unreadable(if written.is_empty() {
        "it names no database; write one behind the host, as in mysql://host/name"
    } else if written.contains('/') {
        "the database's name has a `/` in it; write %2F"
    } else if name.contains(char::REPLACEMENT_CHARACTER) {
        "the database's name is not UTF-8"
    } else if name.contains(char::is_control) {
        "the database's name has a control character in it"
    } else if name.ends_with(' ') {
        "the database's name ends with a space, which no server takes"
    } else if name.chars().any(|character| character > '\u{FFFF}') {
        "the database's name has a character above U+FFFF in it, which no server takes"
    } else {
        return Ok(());
    }))
}

/// Takes the database's name out of a URL where Diesel would not decode it.
fn take_escaped_name(url: &mut Url) -> Option<String> {
    let written = url.path().trim_start_matches('/');
    let name = percent_decoded(written);
    let is_escaped = name != written;
    is_escaped.then(|| {
        url.set_path("/");
        name
    })
}

/// The parameters, and the mistakes in each by itself.
fn parameters(url: &Url) -> (BTreeMap<String, String>, Vec<String>) {
    let mut parameters = BTreeMap::new();
    let mut told = Vec::new();
    for (name, value) in url.query_pairs() {
        if !PARAMETERS.contains(&&*name) {
            told.push(foreign::told(&name, &PARAMETERS, foreign::MYSQL_ONLY));
        } else if name == "ssl_mode" && Mode::parse(&value).is_none() {
            let modes = Mode::ALL.map(|(name, _)| name);
            told.push(format!("ssl_mode (it is one of {})", modes.join(", ")));
        } else if value.is_empty() {
            told.push(format!("{name} (it is empty)"));
        } else if parameters.insert(name.to_string(), value.into_owned()).is_some() {
            told.push(format!("{name} (it is there twice)"));
        }
    }
    (parameters, told)
}

/// Which demands of several parameters together would not be respected.
fn unkept(
    host: &str,
    mode: Option<Mode>,
    has: impl Fn(&str) -> bool,
    client: Client,
    checks_nobody: bool,
) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |is_so: bool, text: &str| {
        if is_so {
            told.push(text.to_owned());
        }
    };
    let is_mariadb = client == Client::Mariadb;
    let verifies = mode >= Some(Mode::VerifyCa);
    let encrypts = mode >= Some(Mode::Required);
    tell(
        is_mariadb && mode == Some(Mode::VerifyCa),
        "ssl_mode (this build's client library, MariaDB's, does not check a certificate without the host's name in it; write \
         ssl_mode=verify_identity)",
    );
    tell(
        is_mariadb && mode == Some(Mode::VerifyIdentity) && checks_nobody,
        "ssl_mode (the variable MARIADB_TLS_DISABLE_PEER_VERIFICATION says that nobody's certificate is checked; unset it)",
    );
    tell(
        is_mariadb && mode.is_some() && host.starts_with('['),
        "ssl_mode (this build's client library, MariaDB's, takes it with a host's name or IPv4 address only; give one)",
    );
    tell(
        has("ssl_ca") && !verifies,
        "ssl_ca (it says whose certificates are trusted, but none is checked; add ssl_mode=verify_identity)",
    );
    for name in ["ssl_cert", "ssl_key"] {
        tell(has(name) && !encrypts, &format!("{name} (it is sent over TLS alone; add ssl_mode=verify_identity)"));
    }
    // To another host, the connection goes by TCP.
    tell(has("unix_socket") && host != "localhost", "unix_socket (the host has to be localhost)");
    tell(has("unix_socket") && encrypts, "ssl_mode (a socket does not leave this machine; leave it out)");
    told
}

/// Whether a URL without a mode means [`Mode::Preferred`], as it does to MySQL's client library. MariaDB's would use no TLS,
/// and where it is built with `GnuTLS`, as Debian's is, MySQL's own kind of password (`caching_sha2_password`) is refused
/// without TLS. An IPv6 address cannot be written into a connection string, and `localhost` is a socket.
fn prefers_tls(url: &Url) -> bool {
    url.host_str().is_some_and(|host| !host.starts_with('[') && host != "localhost")
}

fn rewritten(checked: Checked, client: Client) -> Result<Rewritten, OpenError> {
    let Checked { mut url, mode, is_socket } = checked;
    let database = take_escaped_name(&mut url);
    let without_options = (mode.is_none() && client == Client::Mariadb && prefers_tls(&url)).then(|| url.to_string());
    let mode = mode.or_else(|| without_options.is_some().then_some(Mode::Preferred));
    let must_prove_tls = mode >= Some(Mode::Required);
    let Some(mode) = mode.filter(|_| client == Client::Mariadb) else {
        return Ok(Rewritten { url: url.into(), must_prove_tls, without_options, database });
    };
    // MariaDB's client library would read it as the name of a file.
    let others: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| name != "ssl_mode").collect();
    if others.is_empty() {
        url.set_query(None);
    } else {
        url.query_pairs_mut().clear().extend_pairs(others);
    }
    if !is_socket {
        let enforce = u8::from(mode > Mode::Disabled);
        let verify = u8::from(mode > Mode::Required);
        let host = url.host_str().unwrap_or_default();
        let host = format!("host={host}{OPTIONS}{enforce};ssl-verify-server-cert={verify}");
        url.set_host(Some(&host)).map_err(|_| OpenError::Unreadable(HOST))?;
    }
    Ok(Rewritten { url: url.into(), must_prove_tls, without_options, database })
}

#[cfg(test)]
mod tests;
