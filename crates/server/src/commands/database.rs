//! Opens the database for commands. It must exist and hold the schema; the message names it otherwise.

use super::{PATIENCE, failed};
use crate::exit::Exit;
use crate::wiring;
use app::clock::Deadline;
use persistence::{Access, Database, OpenError, Options, SchemaStatus};
use settings::Settings;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Opens the database for reading, or for reading and writing.
pub(super) async fn open(settings: &Settings, access: Access) -> Result<Arc<Database>, Exit> {
    open_with(settings, Options { access, ..wiring::database(settings) }).await
}

pub(super) async fn open_with(settings: &Settings, options: Options) -> Result<Arc<Database>, Exit> {
    let same = options.clone();
    let database = Database::open(options).map_err(|error| match error {
        OpenError::Missing(path) => failed_with_remedy(
            Exit::Failed,
            settings,
            format_args!("is not there: there is no file {}", path.display()),
            MAKE,
        ),
        error => failed(Exit::DatabaseUnusable, format_args!("database.url: {error}")),
    })?;
    match patient_status(&database).await {
        // Whether a command writes shows when it does.
        SchemaStatus::Ready | SchemaStatus::ReadOnly { .. } => Ok(database),
        SchemaStatus::Unsuitable { reason } => Err(failed_with_remedy(
            Exit::DatabaseUnusable,
            settings,
            format_args!("is on a server that is known not to keep a promise: {reason}"),
            "or set database.allow_unsuitable_server",
        )),
        SchemaStatus::NoAccess { grant } => Err(failed_with_remedy(
            Exit::DatabaseUnusable,
            settings,
            "has migrations that its account may not read in __diesel_schema_migrations",
            &format!("have its owner run {grant}"),
        )),
        SchemaStatus::SchemaBehind { applied: 0, .. } => Err(failed_with_remedy(
            Exit::Failed,
            settings,
            "has no tables of a shop: it is empty, or was never migrated",
            MAKE,
        )),
        SchemaStatus::SchemaBehind { missing, .. } => {
            let problem = format!("is older than this binary: it lacks {}", missing.join(", "));
            Err(failed_with_remedy(Exit::Failed, settings, problem, "run `go-commerce migrate` first"))
        }
        SchemaStatus::SchemaAhead { unknown } => {
            let problem = format!("is newer than this binary, which does not know {}", unknown.join(", "));
            Err(failed_with_remedy(Exit::Failed, settings, problem, "run a binary that does"))
        }
        SchemaStatus::Away { reason } => {
            let is_missing = persistence::lacks_database(&same);
            let exit = if is_missing { Exit::Failed } else { Exit::DatabaseUnusable };
            let remedy = if is_missing { "make it on the server, and run `go-commerce migrate`" } else { LOOK };
            Err(failed_with_remedy(exit, settings, format_args!("cannot be reached: {reason}"), remedy))
        }
    }
}

/// The status of the database. One that seems away only because it is slow, as on a busy machine, is asked again until
/// [`PATIENCE`] has passed.
async fn patient_status(database: &Database) -> SchemaStatus {
    let by = Deadline::within(PATIENCE);
    loop {
        let begun = Instant::now();
        match database.status().await {
            SchemaStatus::Away { .. } if begun.elapsed() >= SLOW && !by.has_passed() => {}
            status => return status,
        }
    }
}

/// A server that refuses connections does so sooner.
const SLOW: Duration = Duration::from_secs(1);
const MAKE: &str =
    "run this where the shop runs, name its database by database.url, or make one by `go-commerce migrate`";
const LOOK: &str = "is the server up, and is it the right one?";

fn failed_with_remedy(exit: Exit, settings: &Settings, problem: impl Display, remedy: &str) -> Exit {
    let which = settings.database.shown();
    failed(
        exit,
        format_args!(
            "the database {which} {problem}; {remedy} (`go-commerce config show` tells where database.url comes from)"
        ),
    )
}
