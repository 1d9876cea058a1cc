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
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    NoAccess(String),
}

/// Reads which migrations the schema has. Changes nothing.
pub(crate) fn applied_versions(connection: &mut AnyConnection) -> QueryResult<Applied> {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => {
            let is_migrated = exists(connection, "__diesel_schema_migrations")?;
            let versions = if is_migrated { versions().load(connection)? } else { Vec::new() };
            Ok(Applied::Versions(versions))
        }
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => match postgres_grant(postgres)? {
            None => Ok(Applied::Versions(Vec::new())),
            Some(grant) if grant.is_empty() => versions().load(postgres).map(Applied::Versions),
            Some(grant) => Ok(Applied::NoAccess(grant)),
        },
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => mysql_versions(mysql),
    }
}

#[diesel::dsl::auto_type]
fn versions() -> _ {
    __diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .order(__diesel_schema_migrations::version)
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

    let error = match versions().load(connection) {
        Ok(versions) => return Ok(Applied::Versions(versions)),
        Err(error) => error,
    };
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
