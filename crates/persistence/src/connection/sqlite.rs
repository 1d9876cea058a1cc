//! A session on an SQLite file.

use super::{Session, set_up};
use crate::options::Access;
use crate::url::{Address, OpenError};
use diesel::dsl::sql;
use diesel::result::Error;
use diesel::sql_types::Text;
use diesel::{Connection, ConnectionError, ConnectionResult, RunQueryDsl, SqliteConnection};
use std::fmt::Write;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf, absolute};

/// The first version without the WAL-reset bug, which can corrupt a database that several connections write to
/// (<https://www.sqlite.org/wal.html#walresetbug>).
const OLDEST: [u32; 3] = [3, 51, 3];

/// The size, in bytes, to which the write-ahead log shrinks once it has been written back: 64 MiB.
const JOURNAL_SIZE_LIMIT: u32 = 64 * 1024 * 1024;

pub(super) fn open(address: &Address, session: &Session) -> ConnectionResult<SqliteConnection> {
    let path = Path::new(address.expose());
    let mut connection = match session.access {
        Access::Create => {
            create_privately(path).map_err(|error| {
                ConnectionError::BadConnection(format!("the file {} cannot be opened: {error}", path.display()))
            })?;
            SqliteConnection::establish(address.expose())
        }
        Access::Write | Access::Read => SqliteConnection::establish(&existing(address.expose())),
    }
    .map_err(|error| ConnectionError::BadConnection(format!("the file {}: {error}", path.display())))?;
    set_up(&mut connection, &settings(session)).map_err(|error| naming(path, error))?;
    Ok(connection)
}

/// Puts the file's name before the message. The kind of the error stays, because a file that another process is switching to
/// the write-ahead log is tried again.
fn naming(path: &Path, error: ConnectionError) -> ConnectionError {
    match error {
        ConnectionError::CouldntSetupConfiguration(Error::DatabaseError(kind, information)) => {
            let message = format!("the file {}: {}", path.display(), information.message());
            ConnectionError::CouldntSetupConfiguration(Error::DatabaseError(kind, Box::new(message)))
        }
        other => ConnectionError::BadConnection(format!("the file {}: {other}", path.display())),
    }
}

/// The whole path of the file, where the file has to exist and does not.
pub(crate) fn missing(address: &Address, access: Access) -> Option<PathBuf> {
    let path = Path::new(address.expose());
    let is_missing = access != Access::Create && !path.exists();
    is_missing.then(|| absolute(path).unwrap_or_else(|_| path.to_owned()))
}

/// A URI by which SQLite opens the file and never creates it (<https://www.sqlite.org/uri.html>). The file is opened for
/// writing even for readers, because they need the index of the write-ahead log.
fn existing(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { "file:".to_owned() };
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri + "?mode=rw"
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
    // Switching to the write-ahead log would change a file that may not be a shop's. A shop's file has been switched already.
    let mode = match session.access {
        Access::Create => "PRAGMA journal_mode = WAL;",
        Access::Write => "",
        Access::Read => "PRAGMA query_only = ON;",
    };
    format!(
        "PRAGMA busy_timeout = {wait}; \
         {mode} \
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

    #[test]
    fn who_only_reads_makes_no_file_and_changes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("50% #1?.db");
        let address = Address {
            backend: crate::url::Backend::Sqlite,
            url: path.display().to_string().into(),
            must_prove_tls: false,
            without_options: None,
            database: None,
        };
        let session = |access| {
            let options = crate::options::Options { access, ..crate::options::Options::new("sqlite://unused") };
            Session::serving(&options)
        };
        for access in [Access::Read, Access::Write] {
            assert_eq!(missing(&address, access), Some(path.clone()));
            assert!(open(&address, &session(access)).is_err());
            assert!(!path.exists());
        }
        std::fs::write(&path, "").unwrap();
        let mut reader = open(&address, &session(Access::Read)).unwrap();
        assert!(diesel::sql_query("CREATE TABLE t (a INTEGER)").execute(&mut reader).is_err());
        drop(reader);
        let mut writer = open(&address, &session(Access::Write)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), 0, "not even its header");
        diesel::sql_query("CREATE TABLE t (a INTEGER)").execute(&mut writer).unwrap();
        let mut reader = open(&address, &session(Access::Read)).unwrap();
        diesel::sql_query("SELECT a FROM t").execute(&mut reader).unwrap();
        assert!(diesel::sql_query("DROP TABLE t").execute(&mut reader).is_err());
        assert_eq!(missing(&address, Access::Read), None);
    }
}
