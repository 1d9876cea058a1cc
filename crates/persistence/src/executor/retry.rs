//! Running a write again that another transaction was in the way of.

use super::JobKind;
use crate::connection::AnyConnection;
use crate::constraint::Constraint;
use crate::fault::Fault;
use app::clock::Deadline;
use diesel::QueryResult;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The longest pauses before a write is tried again: thrice, and no more.
const PAUSES: [Duration; 3] = [Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(250)];

pub(super) fn run<T>(
    kind: JobKind,
    by: Deadline,
    connection: &mut AnyConnection,
    job: &mut impl FnMut(&mut AnyConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match job(connection) {
            Err(error) if kind == JobKind::Write && is_transient(&error) => error,
            answer => return answer,
        };
        let pause = pauses.next().map(|longest| longest.mul_f64(random_fraction()));
        match pause.filter(|pause| *pause < by.remaining()) {
            Some(pause) => std::thread::sleep(pause),
            None => return Err(error),
        }
    }
}

/// Whether the same work may succeed at once. Two who make the first counter of one account meet at its key: the second
/// will find the counter of the first.
fn is_transient(error: &diesel::result::Error) -> bool {
    Fault::of(error) == Fault::Contention || Constraint::violated_by(error) == Some(Constraint::LoginAttempt)
}

/// A fraction of one: pauses that differ keep transactions that met once from meeting again.
fn random_fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}
