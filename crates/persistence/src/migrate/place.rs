//! Where PostgreSQL creates tables for this account.

use super::{MigrateError, embedded, failed};
use crate::url::Backend;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Text};

/// The schema further down the search path that has a list of migrations which the account may read.
const ELSEWHERE: &str = "\
    (SELECT nspname::text FROM pg_catalog.pg_class tables JOIN pg_catalog.pg_namespace schemas ON schemas.oid = relnamespace \
     WHERE tables.oid = to_regclass('__diesel_schema_migrations') AND nspname <> CURRENT_SCHEMA() \
         AND has_any_column_privilege(tables.oid, 'SELECT'))";

/// Names what is missing before the first statement that needs it. Since version 15 PostgreSQL lets nobody but the
/// owner of a database create tables in its schema `public`.
pub(super) fn check(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let may_create = sql::<Nullable<Bool>>("has_schema_privilege(CURRENT_SCHEMA(), 'CREATE')");
    let (current, may_create): (Option<String>, Option<bool>) =
        diesel::select((sql::<Nullable<Text>>("CURRENT_SCHEMA()::text"), may_create))
            .get_result(connection)
            .map_err(failed)?;
    let Some(current) = current else { return Err(no_schema(connection)?) };
    if may_create != Some(true) {
        let grant = sql::<Text>("format('GRANT CREATE ON SCHEMA %I TO %I', CURRENT_SCHEMA(), CURRENT_USER)");
        return Err(MigrateError::NoCreate(diesel::select(grant).get_result(connection).map_err(failed)?));
    }
    let found: Option<String> =
        diesel::select(sql::<Nullable<Text>>(ELSEWHERE)).get_result(connection).map_err(failed)?;
    match found {
        Some(found) if is_a_shops(connection)? => Err(MigrateError::ShopElsewhere { current, found }),
        _ => Ok(()),
    }
}

fn no_schema(connection: &mut PgConnection) -> Result<MigrateError, MigrateError> {
    let own = sql::<Text>("format('CREATE SCHEMA AUTHORIZATION %I', CURRENT_USER)");
    let other = sql::<Text>(
        "format('ALTER ROLE %I IN DATABASE %I SET search_path = public', CURRENT_USER, current_database())",
    );
    let (search_path, own, other): (String, String, String) =
        diesel::select((sql::<Text>("current_setting('search_path')"), own, other))
            .get_result(connection)
            .map_err(failed)?;
    if search_path.contains("$user") {
        Ok(MigrateError::NoCreate(own))
    } else {
        Ok(MigrateError::NoSchema { search_path, remedy: other })
    }
}

/// Whether the list of migrations that the search path leads to is a shop's: other programs may have one of that name.
fn is_a_shops(connection: &mut PgConnection) -> Result<bool, MigrateError> {
    let versions = sql::<Array<Text>>("ARRAY(SELECT version::text FROM __diesel_schema_migrations)");
    let versions: Vec<String> = diesel::select(versions).get_result(connection).map_err(failed)?;
    Ok(embedded(Backend::Postgres).iter().any(|migration| versions.contains(&migration.version)))
}
