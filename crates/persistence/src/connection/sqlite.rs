//! A session on an SQLite file.

use super::{Session, set_up};
use crate::url::{Address, OpenError};
use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{Connection, ConnectionError, ConnectionResult, RunQueryDsl, SqliteConnection};
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// The first version without the WAL-reset bug, which can corrupt a database that several connections write to
/// (<https://www.sqlite.org/wal.html#walresetbug>).
const OLDEST: [u32; 3] = [3, 51, 3];

/// The size, in bytes, to which the write-ahead log shrinks once it has been written back: 64 MiB.
const JOURNAL_SIZE_LIMIT: u32 = 64 * 1024 * 1024;

pub(super) fn open(address: &Address, session: &Session) -> ConnectionResult<SqliteConnection> {
    let path = Path::new(address.expose());
    create_privately(path).map_err(|error| {
        let problem = format!("the database file cannot be opened: {error}");
        ConnectionError::BadConnection(problem)
    })?;
    let mut connection = SqliteConnection::establish(address.expose())?;
    set_up(&mut connection, &settings(session))?;
    Ok(connection)
}

/// The file holds password hashes: nobody but its owner may read it. SQLite gives its companions the same rights.
fn create_privately(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// The time to wait comes first, because switching to the write-ahead log needs a lock too. `FULL` keeps what was
/// committed through a loss of power (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
fn settings(session: &Session) -> String {
    let wait = session.statement_timeout.unwrap_or(session.lock_timeout).as_millis();
    format!(
        "PRAGMA busy_timeout = {wait}; \
         PRAGMA journal_mode = WAL; \
         PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; \
         PRAGMA journal_size_limit = {JOURNAL_SIZE_LIMIT}; \
         PRAGMA temp_store = MEMORY; \
         PRAGMA trusted_schema = OFF;"
    )
}

/// Refuses a library that destroys data. It is bundled, but a build may be made to link another.
pub(crate) fn check_library() -> Result<(), OpenError> {
    let version = SqliteConnection::establish(":memory:")
        .ok()
        .and_then(|mut connection| {
            let version = diesel::select(sql::<Text>("sqlite_version()"));
            version.get_result::<String>(&mut connection).ok()
        })
        .unwrap_or_default();
    if is_sound(&version) { Ok(()) } else { Err(OpenError::SqliteTooOld(version)) }
}

fn is_sound(version: &str) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    numbers.as_slice() >= OLDEST.as_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_in_use_is_sound_and_those_with_the_bug_are_not() {
        assert!(check_library().is_ok());
        for (version, sound) in
            [("3.40.1", false), ("3.51.2", false), ("3.51.3", true), ("3.53.2", true), ("4.0", true), ("", false)]
        {
            assert_eq!(is_sound(version), sound, "{version:?}");
        }
    }

    #[test]
    fn a_session_has_the_settings_that_keep_data_safe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/shop.db");
        let address = Address::parse(&format!("sqlite://{}", path.display()).into()).unwrap();
        let options = crate::options::Options::new("sqlite://unused");
        let mut connection = open(&address, &Session::serving(&options)).unwrap();
        for (pragma, expected) in [
            ("busy_timeout", "5000"),
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("foreign_keys", "1"),
            ("journal_size_limit", "67108864"),
            ("temp_store", "2"),
            ("trusted_schema", "0"),
        ] {
            let column = if pragma == "busy_timeout" { "timeout" } else { pragma };
            let query = format!("(SELECT CAST({column} AS TEXT) FROM pragma_{pragma})");
            let value: String = diesel::select(sql::<Text>(&query)).get_result(&mut connection).unwrap();
            assert_eq!(value, expected, "{pragma}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "nobody else may read it");
        }
    }
}
