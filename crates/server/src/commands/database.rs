//! The database, as commands open it: it has to be there and to be a shop's, and otherwise it is told which one that was.

use super::{PATIENCE, failed};
use crate::exit::Exit;
use crate::wiring;
use app::clock::Deadline;
use persistence::{Access, Database, OpenError, Options, SchemaStatus};
use settings::Settings;
use std::fmt::Display;
use std::sync::Arc;

/// The database, for a command that only reads or one that writes too.
pub(super) async fn open(settings: &Settings, access: Access) -> Result<Arc<Database>, Exit> {
    open_with(settings, Options { access, ..wiring::database(settings) }).await
}

/// The same, with options of the command's own.
pub(super) async fn open_with(settings: &Settings, options: Options) -> Result<Arc<Database>, Exit> {
    let database = Database::open(options).map_err(|error| match error {
        OpenError::Missing(path) => {
            told(Exit::Failed, settings, format_args!("is not there: there is no file {}", path.display()), MAKE)
        }
        error => failed(Exit::DatabaseUnusable, format_args!("database.url: {error}")),
    })?;
    match patient_status(&database).await {
        SchemaStatus::Ready => Ok(database),
        SchemaStatus::SchemaBehind { applied: 0, .. } => {
            Err(told(Exit::Failed, settings, "has no tables of a shop: it is empty, or was never migrated", MAKE))
        }
        SchemaStatus::SchemaBehind { missing, .. } => {
            let problem = format!("is older than this binary: it lacks {}", missing.join(", "));
            Err(told(Exit::Failed, settings, problem, "run `go-commerce migrate` first"))
        }
        SchemaStatus::SchemaAhead { unknown } => {
            let problem = format!("is newer than this binary, which does not know {}", unknown.join(", "));
            Err(told(Exit::Failed, settings, problem, "run a binary that does"))
        }
        SchemaStatus::Away { reason } => {
            let is_missing = is_missing(&reason);
            let exit = if is_missing { Exit::Failed } else { Exit::DatabaseUnusable };
            let remedy = if is_missing { "make it on the server, and run `go-commerce migrate`" } else { LOOK };
            Err(told(exit, settings, format_args!("cannot be reached: {reason}"), remedy))
        }
    }
}

/// How the database is. One that is only slow, as on a busy machine, is asked again for as long as an operator waits.
async fn patient_status(database: &Database) -> SchemaStatus {
    let by = Deadline::within(PATIENCE);
    loop {
        match database.status().await {
            SchemaStatus::Away { reason } if is_slow(&reason) && !by.has_passed() => {}
            status => return status,
        }
    }
}

/// Whether a database is away only because it did not answer soon.
fn is_slow(reason: &str) -> bool {
    ["timeout expired", "in time", "deadline passed"].iter().any(|sign| reason.contains(sign))
}

/// Whether a server says that it has no such database: PostgreSQL 3D000, MySQL and MariaDB 1049. A role may be missing too.
fn is_missing(reason: &str) -> bool {
    (reason.contains("database \"") && reason.contains("does not exist")) || reason.contains("Unknown database")
}

const MAKE: &str =
    "run this where the shop runs, name its database by database.url, or make one by `go-commerce migrate`";
const LOOK: &str = "is the server up, and is it the right one?";

fn told(exit: Exit, settings: &Settings, problem: impl Display, remedy: &str) -> Exit {
    let which = settings.database.shown();
    failed(
        exit,
        format_args!(
            "the database {which} {problem}; {remedy} (`go-commerce config show` tells where database.url comes from)"
        ),
    )
}
