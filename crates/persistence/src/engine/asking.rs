//! Asking a server what it is, on a session that is set up as all of ours are.

use super::{Objection, Product, Server};
use crate::connection::AnyConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// What the server says of itself.
pub(crate) fn ask(connection: &mut AnyConnection) -> QueryResult<Server> {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(sqlite) => {
            let version = diesel::select(sql::<Text>("sqlite_version()")).get_result(sqlite)?;
            let product = Product::Sqlite;
            Ok(Server { product, version, settings: Vec::new(), objections: Vec::new(), warnings: Vec::new() })
        }
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => ask_postgres(postgres),
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => ask_mysql(mysql),
    }
}

fn objection(problem: impl Into<String>, remedy: impl Into<String>) -> Objection {
    Objection { problem: problem.into(), remedy: remedy.into() }
}

#[cfg(feature = "postgres")]
const POSTGRES_SETTINGS: [&str; 8] = [
    "server_encoding",
    "client_encoding",
    "transaction_isolation",
    "transaction_read_only",
    "synchronous_commit",
    "fsync",
    "session_replication_role",
    "lc_messages",
];

#[cfg(feature = "postgres")]
#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    setting: String,
}

#[cfg(feature = "postgres")]
fn ask_postgres(connection: &mut PgConnection) -> QueryResult<Server> {
    let version: String = diesel::select(sql::<Text>("version()")).get_result(connection)?;
    let product = Product::of_postgres(&version);
    let names = POSTGRES_SETTINGS.map(|name| format!("'{name}'")).join(", ");
    let query = format!("SELECT name, COALESCE(setting, '') AS setting FROM pg_settings WHERE name IN ({names})");
    let found: Vec<Setting> = diesel::sql_query(query).load(connection)?;
    let settings: Vec<_> = POSTGRES_SETTINGS
        .into_iter()
        .filter_map(|name| Some((name, found.iter().find(|found| found.name == name)?.setting.clone())))
        .collect();
    let mut objections: Vec<_> = product.objection(&version).into_iter().collect();
    objections.extend(postgres_objections(&settings));
    let warnings = (value(&settings, "fsync") == "off").then(|| "fsync is off: set fsync = on".to_owned());
    let version = product.own_version(&version);
    Ok(Server { product, version, settings, objections, warnings: warnings.into_iter().collect() })
}

fn value<'a>(settings: &'a [(&'static str, String)], name: &str) -> &'a str {
    settings.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value.as_str())
}

/// What of a session's settings does not keep a promise. A setting that a server does not have is no objection.
#[cfg(feature = "postgres")]
pub(super) fn postgres_objections(settings: &[(&'static str, String)]) -> Vec<Objection> {
    let mut objections = Vec::new();
    let encoding = value(settings, "server_encoding");
    if !matches!(encoding, "" | "UTF8") {
        objections.push(objection(
            format!("the database's encoding is {encoding}, which does not hold every text"),
            "make another with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and move the data there",
        ));
    }
    let isolation = value(settings, "transaction_isolation");
    if !matches!(isolation, "" | "read committed") {
        objections.push(objection(
            format!("transactions are {isolation} and not read committed"),
            "have the server permit READ COMMITTED (a pooler: ALTER ROLE … SET default_transaction_isolation)",
        ));
    }
    let role = value(settings, "session_replication_role");
    if !matches!(role, "" | "origin") {
        objections.push(objection(
            format!("session_replication_role is {role}, which leaves foreign keys unchecked"),
            "ALTER ROLE … RESET session_replication_role",
        ));
    }
    objections
}

#[cfg(feature = "mysql")]
const MYSQL_SETTINGS: [&str; 13] = [
    "transaction_isolation",
    "tx_isolation",
    "sql_mode",
    "autocommit",
    "foreign_key_checks",
    "check_constraint_checks",
    "tidb_enable_check_constraint",
    "tidb_txn_mode",
    "log_bin",
    "binlog_format",
    "read_only",
    "innodb_flush_log_at_trx_commit",
    "wsrep_on",
];

#[cfg(feature = "mysql")]
fn ask_mysql(connection: &mut MysqlConnection) -> QueryResult<Server> {
    use crate::connection::mysql::Variables;
    use diesel::ConnectionError;
    use diesel::result::Error;

    let variables = Variables::read(connection).map_err(|error| match error {
        ConnectionError::CouldntSetupConfiguration(error) => error,
        other => Error::QueryBuilderError(Box::new(other)),
    })?;
    let (version, comment) = (variables.get("version"), variables.get("version_comment"));
    let product = Product::of_mysql(version, comment);
    let known = MYSQL_SETTINGS.into_iter().map(|name| (name, variables.get(name).to_owned()));
    let settings: Vec<_> = known.filter(|(_, value)| !value.is_empty()).collect();
    let mut objections: Vec<_> = product.objection(version).into_iter().collect();
    objections.extend(mysql_objections(&settings));
    let flushes = value(&settings, "innodb_flush_log_at_trx_commit");
    let warnings = (!matches!(flushes, "" | "1")).then(|| {
        format!("innodb_flush_log_at_trx_commit is {flushes}: set it to 1, unless the machine never loses power")
    });
    let version = version.to_owned();
    Ok(Server { product, version, settings, objections, warnings: warnings.into_iter().collect() })
}

/// What of a session's settings does not keep a promise. A setting that a server does not have is no objection.
#[cfg(feature = "mysql")]
pub(super) fn mysql_objections(settings: &[(&'static str, String)]) -> Vec<Objection> {
    let is = |name: &str, bad: &[&str]| bad.iter().any(|bad| value(settings, name).eq_ignore_ascii_case(bad));
    let mut objections = Vec::new();
    if is("log_bin", &["ON", "1"]) && is("binlog_format", &["STATEMENT"]) {
        objections.push(objection(
            "binlog_format is STATEMENT, with which InnoDB refuses each write at READ COMMITTED",
            "SET GLOBAL binlog_format = 'ROW', also in the server's configuration, or let the account set it itself \
             (GRANT BINLOG ADMIN in MariaDB, SYSTEM_VARIABLES_ADMIN in MySQL)",
        ));
    }
    for name in ["transaction_isolation", "tx_isolation"] {
        let level = value(settings, name);
        if !matches!(level, "" | "READ-COMMITTED") {
            let problem = format!("{name} is {level} although the session asks for READ-COMMITTED");
            objections.push(objection(problem, "have the server permit READ COMMITTED"));
        }
    }
    if is("check_constraint_checks", &["OFF", "0"]) || is("tidb_enable_check_constraint", &["OFF", "0"]) {
        objections.push(objection(
            "CHECK is not enforced, so stock may go below zero",
            "SET GLOBAL check_constraint_checks = ON; on TiDB SET GLOBAL tidb_enable_check_constraint = ON before the \
             first migration",
        ));
    }
    if is("tidb_txn_mode", &["optimistic"]) {
        let problem = "tidb_txn_mode is optimistic, with which locks are none";
        objections.push(objection(problem, "SET GLOBAL tidb_txn_mode = 'pessimistic'"));
    }
    if is("foreign_key_checks", &["OFF", "0"]) {
        objections.push(objection("foreign keys are not checked", "SET GLOBAL foreign_key_checks = ON"));
    }
    objections
}
