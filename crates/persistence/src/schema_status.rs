//! Whether the database can serve, and why not.

use crate::database::Database;
use crate::executor::JobKind;
use crate::failure::Failure;
use crate::migrate::{applied_versions, compare};
use app::clock::Deadline;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

const ASK_WITHIN: Duration = Duration::from_millis(2_500);
/// A database that has answered any job within this time can be reached, even where it is too busy for a check.
const RECENTLY: Duration = Duration::from_secs(3);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaStatus {
    Ready,
    /// The database cannot be reached.
    Away {
        /// Without secrets.
        reason: String,
    },
    /// The schema lacks migrations that this binary has.
    SchemaBehind {
        /// Names of migrations, oldest first.
        missing: Vec<String>,
        /// How many migrations the schema has; zero where it was never migrated.
        applied: usize,
    },
    /// The schema has migrations that this binary does not know.
    SchemaAhead {
        /// Versions of migrations, oldest first.
        unknown: Vec<String>,
    },
}

impl Database {
    /// Checks the primary database, in three seconds at most. A database that is too busy for the check keeps its last status.
    pub async fn status(&self) -> SchemaStatus {
        let by = Deadline::within(ASK_WITHIN);
        let backend = self.backend;
        match self.inspected().run(JobKind::Read, by, applied_versions).await {
            Ok(applied) => {
                let status = compare(backend, &applied);
                let is_behind = matches!(status, SchemaStatus::SchemaBehind { .. });
                self.is_schema_behind.store(is_behind, Ordering::Relaxed);
                *self.known_schema.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.clone());
                status
            }
            Err(failure) => self.explain(failure),
        }
    }

    fn explain(&self, failure: Failure) -> SchemaStatus {
        let is_only_busy = matches!(
            failure,
            Failure::QueueFull | Failure::QueuedTooLong | Failure::DeadlinePassed | Failure::NoAnswer
        );
        let known = self.known_schema.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(known) if is_only_busy && self.has_answered_within(RECENTLY) => known,
            _ => SchemaStatus::Away {
                reason: match failure {
                    Failure::Away(reason) => reason,
                    other => other.to_string(),
                },
            },
        }
    }
}
