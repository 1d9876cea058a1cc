//! URLs of MySQL and MariaDB, as Diesel reads them, and which parameters each client library respects.
//!
//! Diesel passes `ssl_mode` on as an option that MariaDB's client library takes for another one, so that it has no effect
//! (<https://github.com/diesel-rs/diesel/issues/5110>). That library reads the same options from a connection string, which
//! takes the host's place (<https://mariadb.com/docs/connectors/mariadb-connector-c/api-functions/mariadb_connect>). It checks
//! certificates before it tells the server anything; but a server without TLS it refuses for `ssl-verify-server-cert` alone,
//! so that otherwise the session has to be asked.

use super::{OpenError, foreign, is_this_machine};
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
    match url.path().trim_start_matches('/') {
        "" => {
            let problem = "it names no database; write one behind the host, as in mysql://host/name";
            return Err(OpenError::Unreadable(problem));
        }
        name if name.contains('/') => return Err(OpenError::Unreadable("the database's name has a `/` in it")),
        _ => {}
    }
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
    let without_options = (mode.is_none() && client == Client::Mariadb && prefers_tls(&url)).then(|| url.to_string());
    let mode = mode.or_else(|| without_options.is_some().then_some(Mode::Preferred));
    let must_prove_tls = mode >= Some(Mode::Required);
    let Some(mode) = mode.filter(|_| client == Client::Mariadb) else {
        return Ok(Rewritten { url: url.into(), must_prove_tls, without_options });
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
    Ok(Rewritten { url: url.into(), must_prove_tls, without_options })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_diesel_takes_is_taken() {
        for url in [
            "localhost/shop",
            "shop:w%40rd@db.example:3306/shop",
            "shop@localhost/shop?unix_socket=%2Frun%2Fmysqld%2Fmysqld.sock",
            "shop@localhost/shop?unix_socket=/run/mysqld/mysqld.sock&ssl_mode=preferred",
            "shop@[::1]:3306/shop",
            "shop@db.example/shop?ssl_mode=required&ssl_cert=/etc/shop.pem&ssl_key=/etc/shop.key",
            "shop@db.example/shop?ssl_mode=VERIFY_IDENTITY&ssl_ca=/etc/ca.pem",
        ] {
            check(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
    }

    #[test]
    fn what_diesel_would_drop_is_refused_by_name() {
        for (url, told) in [
            ("localhost/shop?sslmode=require", "sslmode (it is written ssl_mode)"),
            ("localhost/shop?ssl-mode=REQUIRED", "ssl-mode (it is written ssl_mode)"),
            ("localhost/shop?useSSL=true", "useSSL (write ssl_mode=required"),
            ("localhost/shop?tls=skip-verify", "tls (write ssl_mode=required"),
            ("localhost/shop?charset=utf8mb4&parseTime=true", "charset (leave it out: all texts are UTF-8); parseTime"),
            ("localhost/shop?connection_limit=5", "connection_limit (set database.pool_size"),
            ("localhost/shop?ssl_mode=on", "ssl_mode (it is one of disabled, preferred"),
            ("localhost/shop?ssl_mode=required&ssl_mode=disabled", "ssl_mode (it is there twice)"),
            ("localhost/shop?ssl_mode=verify_identity&ssl_ca=", "ssl_ca (it is empty)"),
            ("localhost/shop?colour=red", "colour (nobody knows it; leave it out)"),
        ] {
            let error = check(url).unwrap_err().to_string();
            assert!(error.contains(told), "{url}: {error}");
        }
    }

    #[test]
    fn what_would_not_be_kept_is_refused_by_name() {
        for (url, told) in [
            ("db.example/shop?ssl_ca=/ca.pem", "ssl_ca (it says whose certificates are trusted, but none is checked"),
            ("db.example/shop?ssl_ca=/ca.pem&ssl_mode=required", "ssl_ca (it says whose"),
            ("db.example/shop?ssl_cert=/a.pem&ssl_mode=preferred", "ssl_cert (it is sent over TLS alone"),
            ("db.example/shop?ssl_key=/a.pem", "ssl_key (it is sent over TLS alone"),
            ("db.example/shop?unix_socket=/run/a.sock", "unix_socket (the host has to be localhost)"),
            ("localhost/shop?unix_socket=/run/a.sock&ssl_mode=required", "ssl_mode (a socket does not leave"),
        ] {
            for client in [Client::Mariadb, Client::Mysql] {
                let told_of = |told: Result<Checked, OpenError>| told.map(drop).unwrap_err().to_string();
                let error = told_of(read(url, client, false));
                assert!(error.contains(told), "{url}: {error}");
            }
        }
        for (url, checks_nobody, told) in [
            ("db.example/shop?ssl_mode=verify_ca&ssl_ca=/ca.pem", false, "write ssl_mode=verify_identity"),
            ("db.example/shop?ssl_mode=verify_identity", true, "MARIADB_TLS_DISABLE_PEER_VERIFICATION says"),
            ("[fd00::7]/shop?ssl_mode=required", false, "give one"),
        ] {
            let error = read(url, Client::Mariadb, checks_nobody).map(drop).unwrap_err().to_string();
            assert!(error.contains("ssl_mode (") && error.contains(told), "{url}: {error}");
            assert!(read(url, Client::Mysql, checks_nobody).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_asked_of_tls_reaches_each_client_library() {
        let rewritten = |url: &str, client| {
            let Rewritten { url, must_prove_tls, .. } = rewritten(read(url, client, false).unwrap(), client).unwrap();
            (url, must_prove_tls)
        };
        for (mode, options, must_prove) in [
            ("Disabled", "ssl-enforce=0;ssl-verify-server-cert=0", false),
            ("preferred", "ssl-enforce=1;ssl-verify-server-cert=0", false),
            ("REQUIRED", "ssl-enforce=1;ssl-verify-server-cert=0", true),
            ("verify_identity", "ssl-enforce=1;ssl-verify-server-cert=1", true),
        ] {
            let url = format!("shop:w%40rd@db.example:3307/shop?ssl_mode={mode}");
            let expected = format!("mysql://shop:w%40rd@host=db.example;{options}:3307/shop");
            assert_eq!(rewritten(&url, Client::Mariadb), (expected, must_prove));
            assert_eq!(rewritten(&url, Client::Mysql), (format!("mysql://{url}"), must_prove));
        }
        let (url, _) = rewritten("db.example/shop?ssl_mode=verify_identity&ssl_ca=/a%20b.pem", Client::Mariadb);
        assert!(url.ends_with("ssl-verify-server-cert=1/shop?ssl_ca=%2Fa+b.pem"), "{url}");
        for url in ["[fd00::7]:3307/shop", "localhost/shop"] {
            assert_eq!(rewritten(url, Client::Mariadb), (format!("mysql://{url}"), false));
        }
        let socket = "localhost/shop?unix_socket=/run/a.sock&ssl_mode=preferred";
        let kept = ("mysql://localhost/shop?unix_socket=%2Frun%2Fa.sock".to_owned(), false);
        assert_eq!(rewritten(socket, Client::Mariadb), kept);
    }

    #[test]
    fn without_a_mode_tls_is_preferred_and_an_older_library_does_without() {
        let rewritten = |url: &str, client| rewritten(read(url, client, false).unwrap(), client).unwrap();
        let url = "shop@db.example:3307/shop";
        let preferred = Rewritten {
            url: "mysql://shop@host=db.example;ssl-enforce=1;ssl-verify-server-cert=0:3307/shop".to_owned(),
            must_prove_tls: false,
            without_options: Some(format!("mysql://{url}")),
        };
        assert_eq!(rewritten(url, Client::Mariadb), preferred);
        let kept = Rewritten { url: format!("mysql://{url}"), must_prove_tls: false, without_options: None };
        assert_eq!(rewritten(url, Client::Mysql), kept);
        for mode in ["disabled", "preferred", "required", "verify_identity"] {
            assert_eq!(rewritten(&format!("{url}?ssl_mode={mode}"), Client::Mariadb).without_options, None, "{mode}");
        }
    }

    #[test]
    fn what_may_go_to_another_machine_in_the_clear_is_known() {
        for url in [
            "localhost/shop",
            "u:p@127.0.0.1:3306/shop",
            "[::1]/shop",
            "localhost/shop?unix_socket=/run/a.sock",
            "db.example/shop?ssl_mode=required",
            "db.example/shop?ssl_mode=verify_identity",
        ] {
            assert!(!may_be_plaintext(url), "{url}");
        }
        for url in [
            "db.example/shop",
            "10.0.0.7/shop",
            "[fd00::7]/shop",
            "db.example/shop?ssl_mode=preferred",
            "db.example/shop?ssl_mode=disabled",
        ] {
            assert!(may_be_plaintext(url), "{url}");
        }
    }

    #[test]
    fn what_diesel_cannot_read_is_refused_without_being_repeated() {
        for url in [
            "",
            "/shop",
            "localhost:65536/shop",
            "localhost:0/shop",
            "localhost",
            "localhost/",
            "localhost/shop/more",
            "db.example;init-command=cret/shop",
            "db.example,other.cret/shop",
            "shop:s3%40cret%2Flocalhost/shop",
            "shop:s3#cret@localhost/shop",
            "shop:s3/cret@localhost/shop",
            "shop:s3?cret@localhost/shop",
            "1?s3cret=4@localhost/shop",
            "shop:1?s3cret=4@localhost/shop",
        ] {
            let error = check(url).unwrap_err().to_string();
            assert!(!error.contains("cret"), "{url}: {error}");
        }
    }
}
