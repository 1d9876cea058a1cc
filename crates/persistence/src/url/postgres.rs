//! URLs of PostgreSQL, as libpq reads them
//! (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>).

use super::{OpenError, foreign, is_this_machine, rest_of};

/// What libpq takes
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>).
const PARAMETERS: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "require_auth",
    "channel_binding",
    "connect_timeout",
    "client_encoding",
    "options",
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "gssencmode",
    "sslmode",
    "sslnegotiation",
    "sslcompression",
    "sslcert",
    "sslkey",
    "sslkeylogfile",
    "sslpassword",
    "sslcertmode",
    "sslrootcert",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "requirepeer",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "min_protocol_version",
    "max_protocol_version",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "target_session_attrs",
    "load_balance_hosts",
];

/// Parameters that are whole numbers.
const NUMBERS: [&str; 6] =
    ["connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"];

/// The values of `sslmode`.
const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// How to have a connection encrypted.
pub(super) const REMEDY: &str = if cfg!(feature = "postgres-tls") {
    "add sslmode=verify-full and sslrootcert=FILE to the URL, or sslmode=require, which encrypts but does not ask who answers"
} else {
    "build with the Cargo feature `postgres-tls`, and add sslmode=verify-full and sslrootcert=FILE to the URL"
};

const PORT: &str =
    "a port is no number from 1 to 65535; special characters in a user's name or password need percent-encoding";
const SEPARATOR: &str = "a parameter is not name=value; within one, `=` is %3D, `&` is %26 and `%` is %25";

/// Whether libpq can read the URL, and whether this build can do what it asks.
pub(super) fn check(url: &str) -> Result<(), OpenError> {
    if url.contains(char::is_whitespace) {
        return Err(OpenError::Unreadable("it has white space in it; write %20 for a blank"));
    }
    check_escapes(url)?;
    for host in named_hosts(url) {
        check_host(host)?;
    }
    check_parameters(url)?;
    check_transport(url)
}

/// Each `%` has to begin two hexadecimal digits, and `%00` is refused.
fn check_escapes(url: &str) -> Result<(), OpenError> {
    let is_byte = |rest: &str| {
        let digits = rest.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits.is_some_and(|digits| digits != "00")
    };
    if url.split('%').skip(1).all(is_byte) {
        Ok(())
    } else {
        Err(OpenError::Unreadable("a `%` in it begins no percent-encoding; write %25"))
    }
}

/// A host as it stands in the URL, with or without a port.
fn check_host(host: &str) -> Result<(), OpenError> {
    let port = match host.strip_prefix('[') {
        Some(bracketed) => {
            let (address, rest) = bracketed
                .split_once(']')
                .ok_or(OpenError::Unreadable("an IPv6 address in it has no `]` at its end"))?;
            if address.is_empty() || !(rest.is_empty() || rest.starts_with(':')) {
                return Err(OpenError::Unreadable("an IPv6 address in it is not written as in [::1]:5432"));
            }
            rest.strip_prefix(':')
        }
        None => host.split_once(':').map(|(_, port)| port),
    };
    check_port(port.unwrap_or_default())
}

/// A port; without one libpq takes its default.
fn check_port(port: &str) -> Result<(), OpenError> {
    if port.is_empty() || port.parse::<u16>().is_ok_and(|number| number > 0) {
        Ok(())
    } else {
        Err(OpenError::Unreadable(PORT))
    }
}

fn check_parameters(url: &str) -> Result<(), OpenError> {
    let mut told = Vec::new();
    for pair in query(url).unwrap_or_default().split_terminator('&') {
        let Some((name, value)) = pair.split_once('=').filter(|(_, value)| !value.contains('=')) else {
            return Err(OpenError::Unreadable(SEPARATOR));
        };
        match name {
            "sslmode" if !MODES.contains(&value) => told.push(format!("sslmode (it is one of {})", MODES.join(", "))),
            "port" => value.split(',').try_for_each(check_port)?,
            _ if NUMBERS.contains(&name) && value.parse::<i32>().is_err() => {
                told.push(format!("{name} (it is a whole number)"));
            }
            _ if PARAMETERS.contains(&name) || (name, value) == ("ssl", "true") => {}
            _ => told.push(foreign::told(name, PARAMETERS, foreign::POSTGRES_ONLY)),
        }
    }
    // Behind an `@` is the host: what seems a parameter then is a password with a `/` in it.
    let is_password = user_info(url).is_none() && url.contains('@');
    match told.as_slice() {
        [] => Ok(()),
        _ if is_password => Err(OpenError::Unreadable(PORT)),
        _ => Err(OpenError::Parameters(told)),
    }
}

fn check_transport(url: &str) -> Result<(), OpenError> {
    if demands_tls(url) && !cfg!(feature = "postgres-tls") { Err(OpenError::NoTls) } else { Ok(()) }
}

/// Whether libpq fails where the server has no TLS. By default it then continues in plaintext
/// (<https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS>).
fn demands_tls(url: &str) -> bool {
    // libpq takes `ssl=true`, as JDBC writes it, for `sslmode=require`.
    let mode = parameter(url, "sslmode").or_else(|| parameter(url, "ssl").map(|_| "require"));
    matches!(mode, Some("require" | "verify-ca" | "verify-full"))
}

/// Whether a connection to another machine may be unencrypted. `variable` reads environment variables: libpq takes hosts from
/// these that the URL does not name (<https://www.postgresql.org/docs/current/libpq-envars.html>).
pub(super) fn may_be_plaintext(url: &str, variable: impl Fn(&str) -> Option<String>) -> bool {
    if demands_tls(url) {
        return false;
    }
    // A service's file may name any host.
    let service = parameter(url, "service").map(str::to_owned).or_else(|| variable("PGSERVICE"));
    if service.is_some_and(|service| !service.is_empty()) {
        return true;
    }
    let is_named = hosts(url).any(|host| !host.is_empty());
    let own_host = variable("PGHOST").filter(|_| !is_named);
    // A connection goes to the address, whatever the host's name is.
    let own_address = variable("PGHOSTADDR").filter(|_| parameter(url, "hostaddr").is_none());
    let of_process = [own_host, own_address].into_iter().flatten();
    !hosts(url).all(is_this_machine) || of_process.flat_map(|hosts| split(&hosts)).any(|host| !is_this_machine(&host))
}

fn split(hosts: &str) -> Vec<String> {
    hosts.split(',').map(str::to_owned).collect()
}

/// User and password, and the rest of the URL. Libpq ends them at the first `@`, unless a `/` comes before it.
fn split_user(url: &str) -> (Option<&str>, &str) {
    let rest = rest_of(url);
    let end = rest.find(['@', '/']).filter(|at| rest.as_bytes().get(*at) == Some(&b'@'));
    match end.and_then(|at| rest.split_at_checked(at)) {
        Some((user, behind)) => (Some(user), behind.strip_prefix('@').unwrap_or(behind)),
        None => (None, rest),
    }
}

/// The user's name and password, as written.
pub(crate) fn user_info(url: &str) -> Option<&str> {
    split_user(url).0
}

/// The parameters, as written.
pub(crate) fn query(url: &str) -> Option<&str> {
    split_user(url).1.split_once('?').map(|(_, query)| query)
}

/// The value of a URL's parameter, as written. The last one counts.
pub(crate) fn parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query(url)?.rsplit('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

/// The database's name, percent-encoded as in the URL. Without one, libpq takes the user's.
pub(crate) fn database_name(url: &str) -> Option<&str> {
    let path = split_user(url).1.split('?').next().and_then(|path| path.split_once('/'));
    parameter(url, "dbname").or(path.map(|(_, name)| name)).filter(|name| !name.is_empty())
}

/// The hosts before the database's name, of which there may be several, each with or without a port.
pub(super) fn named_hosts(url: &str) -> impl Iterator<Item = &str> {
    split_user(url).1.split(['/', '?']).next().unwrap_or_default().split(',')
}

/// All hosts of a URL, also those that parameters name.
fn hosts(url: &str) -> impl Iterator<Item = &str> {
    let parameters = ["host", "hostaddr"].into_iter().filter_map(move |name| parameter(url, name));
    named_hosts(url).chain(parameters.flat_map(|hosts| hosts.split(',')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> String {
        check(url).map_or_else(|error| error.to_string(), |()| "taken".to_owned())
    }

    #[test]
    fn what_libpq_takes_is_taken() {
        for url in [
            "postgres://localhost/shop",
            "postgresql://localhost/shop",
            "postgres://",
            "postgres:///shop?host=/run/postgresql&port=5433",
            "postgres://u:p%40ss@127.0.0.1:5432,localhost:5433/shop?target_session_attrs=read-write",
            "postgres://u:p?ss=1@localhost/shop",
            "postgres://[::1]:5432/shop",
            "postgres://localhost:/shop?",
            "postgres://localhost/shop?sslmode=disable&application_name=shop&connect_timeout=9&",
            "postgres://localhost/shop?options=-csearch_path%3Dshop",
        ] {
            assert_eq!(told(url), "taken", "{url}");
        }
    }

    #[test]
    fn what_others_write_is_refused_by_name_with_what_to_set() {
        for (parameters, advice) in [
            ("pgbouncer=true", "pgbouncer (set database.prepared_statements = false"),
            ("binary_parameters=yes", "binary_parameters (set database.prepared_statements = false"),
            ("prepareThreshold=0", "prepareThreshold (set database.prepared_statements = false"),
            ("connection_limit=5", "connection_limit (set database.pool_size"),
            ("pool_max_conns=5", "pool_max_conns (set database.pool_size"),
            ("pool_timeout=5", "pool_timeout (set database.queue"),
            ("connectTimeout=5", "connectTimeout (it is written connect_timeout)"),
            ("loginTimeout=5", "loginTimeout (set database.connect_timeout_seconds"),
            ("socketTimeout=5", "socketTimeout (set database.statement_timeout_seconds"),
            ("statement_timeout=5000", "statement_timeout (set database.statement_timeout_seconds"),
            ("schema=shop", "options=-csearch_path%3DNAME"),
            ("search_path=shop", "options=-csearch_path%3DNAME"),
            ("currentSchema=shop", "options=-csearch_path%3DNAME"),
            ("ssl=false", "ssl (write sslmode=require"),
            ("sslaccept=strict", "sslaccept (write sslmode=require"),
            ("sslMode=require", "sslMode (it is written sslmode)"),
            ("sslmode=no-verify", "sslmode (it is one of disable, allow"),
            ("ApplicationName=shop", "ApplicationName (it is written application_name)"),
            ("charset=utf8", "charset (leave it out"),
            ("TimeZone=Asia/Jakarta", "TimeZone (leave it out"),
            ("serverVersion=16", "serverVersion (leave it out"),
            ("colour=red", "colour (nobody knows it"),
            ("connect_timeout=soon", "connect_timeout (it is a whole number)"),
            ("pgbouncer=true&schema=shop", "; schema ("),
        ] {
            let told = told(&format!("postgres://localhost/shop?{parameters}"));
            assert!(told.contains(advice), "{parameters}: {told}");
        }
    }

    #[test]
    fn what_libpq_cannot_read_is_refused_without_being_repeated() {
        for url in [
            "postgres://localhost:65536/shop",
            "postgres://localhost:0/shop",
            "postgres://localhost:http/shop",
            "postgres://localhost/shop?port=70000",
            "postgres://127.0.0.1:5432,localhost:5432o/shop",
            "postgres://[::1/shop",
            "postgres://[::1]5432/shop",
            "postgres://shop:s3%cret@localhost/shop",
            "postgres://shop:s3/cret@localhost/shop",
            "postgres://shop:3/x?s3cret=4@localhost/shop",
            "postgres://shop:s3@cr?et@localhost/shop",
            "postgres://shop:s3 cret@localhost/shop",
            "postgres://localhost/shop?options=-csearch_path=s3cret",
            "postgres://localhost/shop?s3cret",
            "postgres://localhost/shop?&sslmode=disable",
        ] {
            let told = told(url);
            assert!(told.starts_with("the URL cannot be read") && !told.contains("cr"), "{url}: {told}");
        }
    }

    #[test]
    fn a_password_ends_where_libpq_ends_it() {
        let url = "postgres://shop:a?b=c@localhost/shop?sslmode=disable&sslmode=prefer";
        assert_eq!(user_info(url), Some("shop:a?b=c"));
        assert_eq!((parameter(url, "b"), parameter(url, "sslmode")), (None, Some("prefer")));
        assert_eq!(hosts(url).collect::<Vec<_>>(), ["localhost"]);
    }

    #[test]
    fn what_may_go_to_another_machine_in_the_clear_is_known() {
        let nothing = |_: &str| None;
        for url in [
            "postgres://localhost/shop",
            "postgres://u:p@127.0.0.1:5432/shop",
            "postgresql://u@[::1]:5432/shop",
            "postgres:///shop?hostaddr=::1",
            "postgres:///shop?host=/run/postgresql",
            "postgres:///shop?host=%40postgresql",
            "postgres://%2Frun%2Fpostgresql/shop",
            "postgres://u:p@db.example.com/shop?sslmode=require",
            "postgres://u:p@db.example.com/shop?sslmode=verify-ca",
            "postgres://u:p@db.example.com/shop?sslmode=disable&sslmode=verify-full",
            "postgres://u:p@db.example.com/shop?ssl=true",
        ] {
            assert!(!may_be_plaintext(url, nothing), "{url}");
        }
        for url in [
            "postgres://u:p@db.example.com/shop",
            "postgres://localhost,db.example.com/shop",
            "postgres:///shop?host=db.example.com",
            "postgres://localhost/shop?hostaddr=10.0.0.7",
            "postgres://10.0.0.7/shop?connect_timeout=1",
            "postgres://[fd00::7]/shop",
            "postgres:///shop?service=shop",
            "postgres://db.example.com/shop?sslmode=prefer",
            "postgres://db.example.com/shop?sslmode=allow",
            "postgres://db.example.com/shop?sslmode=require&sslmode=disable",
        ] {
            assert!(may_be_plaintext(url, nothing), "{url}");
        }
    }

    #[test]
    fn hosts_that_the_process_has_from_elsewhere_count() {
        let of = |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then(|| value.to_owned());
        assert!(may_be_plaintext("postgres:///shop", of("PGHOST", "db.example.com")));
        assert!(may_be_plaintext("postgres://localhost/shop", of("PGHOSTADDR", "10.0.0.7")));
        assert!(may_be_plaintext("postgres://localhost/shop", of("PGSERVICE", "shop")));
        assert!(!may_be_plaintext("postgres://localhost/shop", of("PGHOST", "db.example.com")));
        assert!(!may_be_plaintext("postgres:///shop", of("PGHOST", "/run/postgresql")));
        assert!(!may_be_plaintext("postgres:///shop?sslmode=verify-full", of("PGHOST", "db.example.com")));
    }

    #[cfg(not(feature = "postgres-tls"))]
    #[test]
    fn tls_is_refused_where_the_build_has_none() {
        for demanding in ["sslmode=verify-full", "ssl=true"] {
            let url = format!("postgres://localhost/shop?{demanding}");
            assert!(matches!(check(&url), Err(OpenError::NoTls)), "{url}");
        }
    }
}
