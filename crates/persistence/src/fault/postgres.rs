//! Errors of PostgreSQL that Diesel tells no kind of.
//!
//! Their SQLSTATE stays inside Diesel, and the message is in the server's language. But a statement that was cancelled because
//! of another transaction has waited: for `deadlock_timeout` before a deadlock is looked for (40P01), for `lock_timeout`
//! (55P03), or for `statement_timeout` (57014). A statement that is wrong fails sooner. All of them change nothing.

use super::Fault;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use std::time::Duration;

/// The limits of this session, in milliseconds; zero is none.
const LIMITS: &str = "FROM pg_settings WHERE setting <> '0' AND name IN";

pub(super) fn after(took: Duration, connection: &mut PgConnection) -> Fault {
    let shortest =
        |names: &str| sql::<Nullable<BigInt>>(&format!("(SELECT MIN(CAST(setting AS BIGINT)) {LIMITS} ({names}))"));
    let waits = shortest("'deadlock_timeout', 'lock_timeout'");
    let limits = diesel::select((waits, shortest("'statement_timeout'"))).get_result(connection);
    let (waits, statement): (Option<i64>, Option<i64>) = match limits {
        Ok(limits) => limits,
        // Whether the connection has ended is found by whoever asks for it.
        Err(_) => return Fault::Other,
    };
    let has_waited = |limit: Option<i64>| {
        limit.and_then(|limit| u64::try_from(limit).ok()).is_some_and(|limit| took >= Duration::from_millis(limit))
    };
    if has_waited(statement) {
        Fault::TimedOut
    } else if has_waited(waits) {
        Fault::Contention
    } else {
        Fault::Other
    }
}
