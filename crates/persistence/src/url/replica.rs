//! Which server a replica's URL may name.

use super::{Backend, OpenError, check_url, postgres, rest_of};
use crate::redact::percent_decoded;
use ::url::Url;

/// Whether a replica's URL names one server, of the same kind as the primary and not the primary itself.
///
/// # Errors
/// Why it does not, or why one of the URLs cannot be used.
pub fn check_replica_url(primary: &str, replica: &str) -> Result<(), OpenError> {
    let backend = check_url(primary)?;
    if check_url(replica)? != backend || backend == Backend::Sqlite {
        return Err(OpenError::Replica);
    }
    let target = if backend == Backend::Postgres { of_postgres } else { of_mysql };
    let target_of_replica = target(replica);
    if target_of_replica.servers().any(|server| server.contains(',')) {
        return Err(OpenError::ReplicaServers);
    }
    if target(primary) == target_of_replica { Err(OpenError::ReplicaIsPrimary) } else { Ok(()) }
}

/// What a connection is made to. A proxy may choose the server by the account, and PostgreSQL's client library by what
/// sessions on it may do.
#[derive(PartialEq, Eq)]
struct Target {
    host: String,
    address: String,
    port: String,
    socket_or_service: String,
    database: String,
    account: String,
    kind_of_session: String,
}

impl Target {
    fn servers(&self) -> impl Iterator<Item = &str> {
        [&self.host, &self.address, &self.port].into_iter().map(String::as_str)
    }
}

fn of_postgres(url: &str) -> Target {
    let parameter = |name: &str| postgres::parameter(url, name).map(percent_decoded);
    let (hosts, ports): (Vec<_>, Vec<_>) = postgres::named_hosts(url).map(split).unzip();
    let account = postgres::user_info(url).and_then(|user| user.split(':').next()).map(percent_decoded);
    let account = parameter("user").or(account).unwrap_or_default();
    Target {
        host: parameter("host").unwrap_or_else(|| percent_decoded(&hosts.join(","))).to_lowercase(),
        address: parameter("hostaddr").unwrap_or_default(),
        port: parameter("port").or(Some(ports.join(","))).filter(|port| port != "5432").unwrap_or_default(),
        socket_or_service: parameter("service").unwrap_or_default(),
        database: postgres::database_name(url).map_or_else(|| account.clone(), percent_decoded),
        account,
        kind_of_session: parameter("target_session_attrs").unwrap_or_default(),
    }
}

/// A host and its port.
fn split(server: &str) -> (&str, &str) {
    match server.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (server, ""),
    }
}

fn of_mysql(url: &str) -> Target {
    let parsed = Url::parse(&format!("mysql://{}", rest_of(url))).ok();
    let of = |part: fn(&Url) -> String| parsed.as_ref().map(part).unwrap_or_default();
    let socket =
        |url: &Url| url.query_pairs().find(|(name, _)| name == "unix_socket").map(|(_, path)| path.into_owned());
    Target {
        host: of(|url| url.host_str().unwrap_or_default().to_lowercase()),
        address: String::new(),
        port: of(|url| url.port().filter(|port| *port != 3306).map_or_else(String::new, |port| port.to_string())),
        socket_or_service: parsed.as_ref().and_then(socket).unwrap_or_default(),
        database: of(|url| percent_decoded(url.path())),
        account: of(|url| percent_decoded(url.username())),
        kind_of_session: String::new(),
    }
}

#[cfg(all(test, feature = "postgres", feature = "mysql"))]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_one_other_server() {
        for (primary, replica) in [
            ("postgres://shop@a.example/shop", "postgres://shop@b.example/shop"),
            ("postgres://shop@a.example/shop", "postgres://shop@a.example:5433/shop"),
            ("postgres://shop@a.example:1/shop", "postgres://shop@a.example:15432/shop"),
            ("postgres://shop@a.example/shop", "postgres://reader@a.example/shop"),
            ("postgres://shop@a.example/shop", "postgres://shop@a.example/shop?target_session_attrs=standby"),
            ("postgres://shop@a.example/shop", "postgres://shop@a.example/shop_ro"),
            ("postgres:///shop?host=/run/a", "postgres:///shop?host=/run/b"),
            ("postgres://a.example,b.example/shop?target_session_attrs=read-write", "postgres://b.example/shop"),
            ("postgres://[::1]:5432/shop", "postgres://[::2]:5432/shop"),
            ("mysql://shop@a.example/shop", "mysql://shop@b.example/shop"),
            ("mysql://shop@a.example/shop", "mysql://shop@a.example:3307/shop"),
            ("mysql://shop@a.example/shop", "mysql://reader@a.example/shop"),
            ("mysql://localhost/shop?unix_socket=/run/a", "mysql://localhost/shop?unix_socket=/run/b"),
        ] {
            check_replica_url(primary, replica).unwrap_or_else(|error| panic!("{primary}, {replica}: {error}"));
        }
    }

    #[test]
    fn the_primary_is_no_replica_however_it_is_written() {
        for (primary, replica) in [
            ("postgres://shop:a@a.example/shop", "postgresql://shop:b@A.example:5432/sh%6Fp?sslmode=disable"),
            ("postgres:///shop?host=a.example&user=shop", "postgres://shop@a.example/shop"),
            ("postgres://shop@a.example", "postgres://shop@a.example/shop?port=5432"),
            ("mysql://shop:a@a.example/shop", "mariadb://shop:b@A.example:3306/sh%6Fp?ssl_mode=disabled"),
            ("mysql://localhost/shop?unix_socket=/run/a", "mysql://localhost/shop?unix_socket=%2Frun%2Fa"),
        ] {
            let checked = check_replica_url(primary, replica);
            assert!(matches!(checked, Err(OpenError::ReplicaIsPrimary)), "{primary}, {replica}: {checked:?}");
        }
    }

    #[test]
    fn several_servers_are_no_replica() {
        for replica in [
            "postgres://b.example,c.example/shop",
            "postgres://b.example:5432,b.example:5433/shop",
            "postgres:///shop?host=b.example,c.example",
            "postgres:///shop?host=b.example%2Cc.example",
            "postgres://b.example/shop?hostaddr=10.0.0.7,10.0.0.8",
        ] {
            let checked = check_replica_url("postgres://a.example/shop", replica);
            assert!(matches!(checked, Err(OpenError::ReplicaServers)), "{replica}: {checked:?}");
        }
        let mixed = check_replica_url("postgres://a.example/shop", "mysql://b.example/shop");
        assert!(matches!(mixed, Err(OpenError::Replica)), "{mixed:?}");
    }
}
