//! Running a job again whose transaction the database has undone because of another one: the one place where that is done.

use super::JobKind;
use crate::connection::AnyConnection;
use crate::constraint::Constraint;
use crate::fault::Fault;
use app::clock::Deadline;
use diesel::QueryResult;
use diesel::result::Error;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The longest pauses before a job is tried again, in milliseconds. There is no further attempt.
///
/// A cluster that finds conflicts at the commit refuses one of several orders for a product each time, so that a few attempts
/// are not enough there.
const PAUSES: [u64; 7] = [10, 20, 50, 100, 200, 400, 400];

/// How many transactions the database undid because of others.
#[derive(Debug, Default)]
pub(crate) struct RetryCounts {
    /// Those that were run again.
    pub(crate) retried: AtomicU64,
    /// Those that were not run again, because the attempts or the time had come to an end.
    pub(crate) given_up: AtomicU64,
}

/// Runs a job. Returns its error with what that means.
pub(super) fn run<T>(
    kind: JobKind,
    by: Deadline,
    connection: &mut AnyConnection,
    counts: &RetryCounts,
    job: &mut impl FnMut(&mut AnyConnection) -> QueryResult<T>,
) -> Result<T, (Error, Fault)> {
    let mut pauses = PAUSES.into_iter().map(Duration::from_millis);
    loop {
        let begun = Instant::now();
        let error = match job(connection) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let fault = Fault::diagnose(&error, begun.elapsed(), connection);
        if !is_transient(kind, fault, &error) {
            return Err((error, fault));
        }
        let pause = pauses.next().map(|longest| longest.mul_f64(random_fraction()));
        match pause.filter(|pause| *pause < by.remaining()) {
            Some(pause) => {
                counts.retried.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(pause);
            }
            None => {
                counts.given_up.fetch_add(1, Ordering::Relaxed);
                return Err((error, fault));
            }
        }
    }
}

/// Whether the same work may succeed at once. Two who make the first counter of one account meet at its key: the second
/// will find the counter of the first.
fn is_transient(kind: JobKind, fault: Fault, error: &Error) -> bool {
    fault == Fault::Contention
        || (kind == JobKind::Write && Constraint::violated_by(error) == Some(Constraint::LoginAttempt))
}

/// A fraction of one: pauses that differ keep transactions that met once from meeting again.
fn random_fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}
