//! A session on MySQL or MariaDB.

use super::{Session, set_up};
use crate::url::{Address, OPTIONS};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::{ConnectionError, ConnectionResult, MysqlConnection};
use secrecy::ExposeSecret;

pub(super) fn open(address: &Address, session: &Session) -> ConnectionResult<MysqlConnection> {
    let mut connection = establish(address)?;
    // First, for they decide what the answers to questions are: a limit of rows cuts them short, or leaves none.
    set_up(&mut connection, &settings(session))?;
    check_client(&mut connection)?;
    if address.must_prove_tls {
        check_tls(&mut connection)?;
    }
    if let Some(name) = &address.database {
        set_up(&mut connection, &select_database(name))?;
    }
    let variables = Variables::read(&mut connection)?;
    set_up(&mut connection, &own_settings(session, &variables))?;
    if variables.logs_statements() {
        // Only privileged accounts may. Where it fails, the check of the server tells what to set.
        let _ = connection.batch_execute("SET SESSION binlog_format = 'ROW'");
    }
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

/// The statement that selects a database. No name can end its quotes.
pub(crate) fn select_database(name: &str) -> String {
    format!("USE `{}`", name.replace('`', "``"))
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

/// A line of `SHOW STATUS` and `SHOW VARIABLES`.
#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text, column_name = "Variable_name")]
    name: String,
    #[diesel(sql_type = Text, column_name = "Value")]
    value: String,
}

/// Variables of the server. Not each server knows all of them.
pub(crate) struct Variables(Vec<Shown>);

impl Variables {
    pub(crate) fn read(connection: &mut MysqlConnection) -> ConnectionResult<Self> {
        let names = "'version', 'version_comment', 'log_bin', 'binlog_format', 'transaction_isolation', 'tx_isolation', \
                     'sql_mode', 'autocommit', 'foreign_key_checks', 'check_constraint_checks', \
                     'tidb_enable_check_constraint', 'tidb_txn_mode', 'character_set_client', 'character_set_connection', \
                     'read_only', 'innodb_flush_log_at_trx_commit', 'wsrep_on', 'aurora_version'";
        diesel::sql_query(format!("SHOW SESSION VARIABLES WHERE Variable_name IN ({names})"))
            .load(connection)
            .map(Self)
            .map_err(ConnectionError::CouldntSetupConfiguration)
    }

    /// The value of a variable; empty where the server does not know it.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|shown| shown.name == name).map_or("", |shown| shown.value.as_str())
    }

    /// Whether the server logs statements in place of rows, which InnoDB refuses at our level of isolation.
    pub(crate) fn logs_statements(&self) -> bool {
        self.get("log_bin") == "ON" && self.get("binlog_format") == "STATEMENT"
    }

    /// Whether the server is a node of a Galera cluster.
    pub(crate) fn is_galera(&self) -> bool {
        self.get("wsrep_on") == "ON"
    }

    pub(crate) fn is_mariadb(&self) -> bool {
        self.get("version").contains("MariaDB")
    }
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

/// MariaDB limits any statement, in seconds; MySQL limits `SELECT` alone, in milliseconds. MariaDB alone can leave CHECK out.
/// A node of a Galera cluster answers from what it has applied, which may be less than was committed on another node before,
/// unless reads are to wait for that.
fn own_settings(session: &Session, variables: &Variables) -> String {
    let limit = session.statement_timeout.unwrap_or_default();
    let reads = if variables.is_galera() { "SET SESSION wsrep_sync_wait = 1;" } else { "" };
    if variables.is_mariadb() {
        format!("SET SESSION max_statement_time = {}, check_constraint_checks = 1; {reads}", limit.as_secs_f64())
    } else {
        format!("SET SESSION max_execution_time = {}; {reads}", limit.as_millis())
    }
}

/// Each setting on which a promise rests. Diesel's `||` needs the mode `PIPES_AS_CONCAT`; other modes change what statements
/// mean.
fn settings(session: &Session) -> String {
    let lock_wait = session.lock_timeout.as_secs().max(1);
    format!(
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET NAMES utf8mb4; \
         SET SESSION sql_mode = \
             'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,PIPES_AS_CONCAT', \
             autocommit = 1, completion_type = 'NO_CHAIN', foreign_key_checks = 1, unique_checks = 1, \
             sql_safe_updates = 0, sql_select_limit = 18446744073709551615, sql_big_selects = 1, lc_messages = 'en_US', \
             time_zone = '+00:00', wait_timeout = 28800, innodb_lock_wait_timeout = {lock_wait}, \
             lock_wait_timeout = {lock_wait};"
    )
}
