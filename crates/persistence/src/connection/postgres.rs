//! A session on PostgreSQL.

use super::{Session, set_up};
use crate::url::{Address, parameter, query};
use diesel::{Connection, ConnectionResult, PgConnection};
use std::fmt::Write;
use std::time::Duration;

/// How long a transaction may be idle. Ours never are for longer than the pause before a retry.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// How a connection notices that the other side has vanished: sent bytes that are not acknowledged for ten seconds, or three
/// unanswered probes, two seconds apart, after five seconds without traffic.
const SIGNS_OF_LIFE: [(&str, u32); 5] = [
    ("tcp_user_timeout", 10_000),
    ("keepalives", 1),
    ("keepalives_idle", 5),
    ("keepalives_interval", 2),
    ("keepalives_count", 3),
];

pub(super) fn open(address: &Address, session: &Session) -> ConnectionResult<PgConnection> {
    let mut connection = PgConnection::establish(&with_limits(address.expose(), session))?;
    if session.is_ours_alone {
        set_up(&mut connection, &settings(session))?;
    }
    Ok(connection)
}

/// Adds the limits that libpq itself enforces to a URL that does not name them
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>).
fn with_limits(url: &str, session: &Session) -> String {
    let mut limited = url.to_owned();
    let connect_timeout = u32::try_from(session.connect_timeout.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
    let limits = [("connect_timeout", connect_timeout)].into_iter().chain(SIGNS_OF_LIFE);
    for (name, value) in limits.filter(|(name, _)| parameter(url, name).is_none()) {
        let separator = match query(&limited) {
            Some(query) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
            None => "?",
        };
        // Writing to a string cannot fail.
        let _ = write!(limited, "{separator}{name}={value}");
    }
    limited
}

/// Each setting on which a promise rests. `synchronous_commit` may be stronger than `on`. The last two are not known to every
/// version.
fn settings(session: &Session) -> String {
    let statement_timeout = session.statement_timeout.unwrap_or_default().as_millis();
    format!(
        "SET statement_timeout = {statement_timeout}; \
         SET lock_timeout = {lock_timeout}; \
         SET idle_in_transaction_session_timeout = {idle}; \
         SET default_transaction_isolation = 'read committed'; \
         SET default_transaction_deferrable = off; \
         SET client_encoding = 'UTF8'; \
         SET TimeZone = 'UTC'; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; \
         SELECT set_config(name, '0', false) FROM pg_settings \
             WHERE name IN ('idle_session_timeout', 'transaction_timeout');",
        lock_timeout = session.lock_timeout.as_millis(),
        idle = IDLE_IN_TRANSACTION.as_millis(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_added_where_the_url_has_none() {
        let session = Session {
            connect_timeout: Duration::from_millis(2_500),
            statement_timeout: None,
            lock_timeout: Duration::from_secs(2),
            is_ours_alone: true,
            access: crate::options::Access::Create,
        };
        let bare = with_limits("postgres://localhost/shop", &session);
        assert!(bare.starts_with("postgres://localhost/shop?connect_timeout=3&tcp_user_timeout=10000&"), "{bare}");
        let own = with_limits("postgres://localhost/shop?connect_timeout=9", &session);
        assert!(own.starts_with("postgres://localhost/shop?connect_timeout=9&tcp_user_timeout="), "{own}");
        for (odd, begins) in [
            ("postgres://u:a?b@localhost/shop", "postgres://u:a?b@localhost/shop?connect_timeout=3&"),
            ("postgres://localhost/shop?", "postgres://localhost/shop?connect_timeout=3&"),
            ("postgres://localhost/shop?port=1&", "postgres://localhost/shop?port=1&connect_timeout=3&"),
        ] {
            let limited = with_limits(odd, &session);
            assert!(limited.starts_with(begins), "{limited}");
        }
    }
}
