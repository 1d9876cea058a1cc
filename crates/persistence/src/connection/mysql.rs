//! A session on MySQL or MariaDB.

use super::{Session, set_up};
use crate::url::{Address, OPTIONS};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::{ConnectionError, ConnectionResult, MysqlConnection};
use secrecy::ExposeSecret;

pub(super) fn open(address: &Address, session: &Session) -> ConnectionResult<MysqlConnection> {
    let mut connection = establish(address)?;
    check_client(&mut connection)?;
    if address.must_prove_tls {
        check_tls(&mut connection)?;
    }
    let limit = statement_limit(&mut connection, session)?;
    set_up(&mut connection, &settings(session, &limit))?;
    Ok(connection)
}

/// A library before MariaDB's Connector/C 3.3 takes the options in the URL for a part of the host's name.
fn establish(address: &Address) -> ConnectionResult<MysqlConnection> {
    match (MysqlConnection::establish(address.expose()), &address.without_options) {
        (Err(ConnectionError::BadConnection(said)), Some(url)) if said.contains(OPTIONS) => {
            MysqlConnection::establish(url.expose_secret())
        }
        (established, _) => established,
    }
}

/// Refuses a client library that loses text: libmariadb 3.3.19, which Debian ships as 10.11.17 and 10.11.18, empties the
/// first row's text where a column is longer than expected (<https://jira.mariadb.org/browse/CONC-821>).
fn check_client(connection: &mut MysqlConnection) -> ConnectionResult<()> {
    for length in [2_000, 3] {
        let sent = "x".repeat(length);
        let received: String = diesel::select(sent.as_str().into_sql::<Text>())
            .get_result(connection)
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        if received != sent {
            return Err(ConnectionError::BadConnection(format!(
                "the MySQL client library loses text: {} of {length} characters came back (CONC-821); install libmariadb3 \
                 10.11.19 or later",
                received.chars().count()
            )));
        }
    }
    Ok(())
}

/// A line of `SHOW STATUS`.
#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text, column_name = "Value")]
    value: String,
}

/// Refuses a session that is not encrypted although the URL demands it: where the server has no TLS, MariaDB's client
/// library continues in plaintext unless it checks certificates too. Only the log-in has been sent by then.
fn check_tls(connection: &mut MysqlConnection) -> ConnectionResult<()> {
    let ciphers: Vec<Shown> = diesel::sql_query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        .load(connection)
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    if ciphers.iter().any(|cipher| !cipher.value.is_empty()) {
        return Ok(());
    }
    let problem = "the server gives no TLS, which the URL's ssl_mode demands: have the server use a certificate";
    Err(ConnectionError::BadConnection(problem.to_owned()))
}

/// MariaDB limits any statement, in seconds; MySQL limits `SELECT` alone, in milliseconds.
fn statement_limit(connection: &mut MysqlConnection, session: &Session) -> ConnectionResult<String> {
    let version: String = diesel::select(sql::<Text>("VERSION()"))
        .get_result(connection)
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    let limit = session.statement_timeout.unwrap_or_default();
    Ok(if version.contains("MariaDB") {
        format!("max_statement_time = {}", limit.as_secs_f64())
    } else {
        format!("max_execution_time = {}", limit.as_millis())
    })
}

fn settings(session: &Session, statement_limit: &str) -> String {
    let lock_wait = session.lock_timeout.as_secs().max(1);
    format!(
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_TRANS_TABLES'), \
             time_zone = '+00:00', innodb_lock_wait_timeout = {lock_wait}, lock_wait_timeout = {lock_wait}, {statement_limit};"
    )
}
