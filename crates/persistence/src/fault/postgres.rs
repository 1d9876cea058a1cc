//! Errors of PostgreSQL that Diesel tells no kind of.
//!
//! Their SQLSTATE stays inside Diesel, and the message is in the server's language. But a statement that was cancelled because
//! of another transaction has waited: for `deadlock_timeout` before a deadlock is looked for (40P01), for `lock_timeout`
//! (55P03), or for `statement_timeout` (57014). A statement that is wrong fails sooner. All of them change nothing.
//!
//! A full disk (53100) takes no time. After an error that is none of the above, the server is asked whether it has room.

use super::Fault;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Nullable};
use std::time::Duration;

/// The limits of this session, in milliseconds; zero is none.
const LIMITS: &str = "FROM pg_settings WHERE setting <> '0' AND name IN";

/// Fails as on a read-only server, which is a kind that Diesel tells, where the server has no room for 1.4 MB.
///
/// The rows of a function that exceed `work_mem` are written to a temporary file, which is gone when the statement ends. That
/// takes no privilege, no row, no entry in the catalog and no state of the session; it works on a standby and behind a
/// pooler. An empty `temp_tablespaces` means the folder of the database's own tables, whose files a server extends by 512 kB at
/// most. What a quota refuses is an internal error to PostgreSQL.
pub(crate) const NEEDS_ROOM: &str = "\
    DO $$ BEGIN \
        PERFORM set_config('work_mem', '64kB', true), set_config('temp_tablespaces', '', true); \
        PERFORM count(*) FROM generate_series(1, 100000); \
    EXCEPTION WHEN disk_full OR io_error OR internal_error THEN \
        RAISE read_only_sql_transaction USING MESSAGE = 'the server cannot write files: ' || SQLERRM; \
    END $$";

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
    } else if is_full(connection) {
        Fault::NoWrites
    } else {
        Fault::Other
    }
}

fn is_full(connection: &mut PgConnection) -> bool {
    matches!(connection.batch_execute(NEEDS_ROOM), Err(Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)))
}
