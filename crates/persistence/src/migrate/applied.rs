//! Which migrations a schema has.

use crate::connection::AnyConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

/// The migrations that a schema has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// Their versions, oldest first. A database that was never migrated has none.
    Versions(Vec<String>),
    /// The account may not read them; holds the statement that permits it.
    NoAccess(String),
}

/// Reads which migrations the schema has. Changes nothing.
pub(crate) fn applied_versions(connection: &mut AnyConnection) -> QueryResult<Applied> {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => {
            if !exists(connection, "__diesel_schema_migrations")? {
                return Ok(Applied::Versions(Vec::new()));
            }
        }
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => match postgres_grant(postgres)? {
            None => return Ok(Applied::Versions(Vec::new())),
            Some(grant) if !grant.is_empty() => return Ok(Applied::NoAccess(grant)),
            Some(_) => {}
        },
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => return mysql_versions(mysql),
    }
    __diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .order(__diesel_schema_migrations::version)
        .load(connection)
        .map(Applied::Versions)
}

/// The statement that lets the account read the table; empty where it may. `None` where there is no table. The server's
/// information_schema hides tables that an account may not use.
#[cfg(feature = "postgres")]
fn postgres_grant(connection: &mut PgConnection) -> QueryResult<Option<String>> {
    use diesel::sql_types::{Nullable, Text};

    let grant = "(SELECT CASE WHEN has_any_column_privilege(tables.oid, 'SELECT') THEN '' \
                 ELSE format('GRANT SELECT ON %I.%I TO %I', nspname, relname, CURRENT_USER) END \
                 FROM pg_catalog.pg_class tables JOIN pg_catalog.pg_namespace schemas ON schemas.oid = relnamespace \
                 WHERE nspname = CURRENT_SCHEMA() AND relname = '__diesel_schema_migrations')";
    diesel::select(sql::<Nullable<Text>>(grant)).get_result(connection)
}

/// Reads the table without asking whether it is there: the server tells an account without rights on it that it is not.
#[cfg(feature = "mysql")]
fn mysql_versions(connection: &mut MysqlConnection) -> QueryResult<Applied> {
    use diesel::sql_types::Text;

    /// There is no such table.
    const NO_TABLE: i64 = 1146;
    /// The account lacks a privilege for the table, or for a column.
    const DENIED: [i64; 2] = [1142, 1143];

    let versions = __diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .order(__diesel_schema_migrations::version)
        .load(connection);
    let Err(error) = versions else { return versions.map(Applied::Versions) };
    match crate::fault::mysql::last_error(connection) {
        Some(NO_TABLE) => Ok(Applied::Versions(Vec::new())),
        Some(number) if DENIED.contains(&number) => {
            let grant = "CONCAT('GRANT SELECT ON `', REPLACE(DATABASE(), '`', '``'), '`.__diesel_schema_migrations TO ', \
                         QUOTE(REGEXP_REPLACE(CURRENT_USER(), '@[^@]*$', '')), '@', \
                         QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))";
            diesel::select(sql::<Text>(grant)).get_result(connection).map(Applied::NoAccess)
        }
        _ => Err(error),
    }
}

/// Whether the schema has a table. MySQL and MariaDB hide one that the account has no rights on.
pub(super) fn exists(connection: &mut AnyConnection, table: &str) -> QueryResult<bool> {
    let schema = match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => "sqlite_schema WHERE name",
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => {
            "pg_catalog.pg_class JOIN pg_catalog.pg_namespace schemas ON schemas.oid = relnamespace \
             WHERE nspname = CURRENT_SCHEMA() AND relname"
        }
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => "information_schema.tables WHERE table_schema = DATABASE() AND table_name",
    };
    let count = format!("(SELECT COUNT(*) FROM {schema} = '{table}')");
    let tables: i64 = diesel::select(sql::<BigInt>(&count)).get_result(connection)?;
    Ok(tables > 0)
}
