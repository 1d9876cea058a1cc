//! Tables of another program in the database that is to be migrated. A step that may be repeated would take them for its own.

use super::{MigrateError, exists, failed};
use crate::connection::AnyConnection;

/// Refuses a table of a missing step that the shop cannot have made: no step later than `begun` was begun.
pub(super) fn refuse(connection: &mut AnyConnection, missing: &[String], begun: &str) -> Result<(), MigrateError> {
    for step in missing.iter().filter(|step| number(step) > begun) {
        // The names of the steps tell their tables, which a test checks.
        if let Some((_, table)) = step.split_once("_create_")
            && exists(connection, table).map_err(failed)?
        {
            return Err(MigrateError::ForeignTable(table.to_owned()));
        }
    }
    Ok(())
}

/// What the steps are ordered by: the name up to the first underscore.
pub(super) fn number(step: &str) -> &str {
    step.split_once('_').map_or(step, |(number, _)| number)
}
