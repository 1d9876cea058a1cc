//! Connections that bypass the product, for the reference servers, the ceiling and the script.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{ConnectionResult, QueryResult};
use persistence::schema::users;
use testkit::database::DatabaseKind;

pub(crate) use any::AnyConnection;

#[cfg_attr(not(doc), expect(unreachable_pub, reason = "the derive makes public items"))]
mod any {
    #[derive(diesel::MultiConnection)]
    pub enum AnyConnection {
        #[cfg(feature = "sqlite")]
        Sqlite(diesel::SqliteConnection),
        #[cfg(feature = "postgres")]
        Postgres(diesel::PgConnection),
        /// MariaDB and MySQL.
        #[cfg(feature = "mysql")]
        Mysql(diesel::MysqlConnection),
    }
}

/// The name, the e-mail address and the role of an account.
pub(crate) type Row = (String, String, String);

/// The same durability as the product's sessions.
#[cfg(feature = "sqlite")]
const SQLITE: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                      PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";

/// The same isolation as the product's sessions.
#[cfg(feature = "mysql")]
const MYSQL: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET SESSION time_zone = '+00:00';";

/// MySQL's URLs are those of MariaDB.
fn kind_of(url: &str) -> DatabaseKind {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("sqlite") => DatabaseKind::Sqlite,
        Some("postgres") => DatabaseKind::Postgres,
        _ => DatabaseKind::Mariadb,
    }
}

impl AnyConnection {
    /// Opens a connection with the product's session settings.
    pub(crate) fn open(url: &str) -> ConnectionResult<Self> {
        let set_up = diesel::ConnectionError::CouldntSetupConfiguration;
        match kind_of(url) {
            #[cfg(feature = "sqlite")]
            DatabaseKind::Sqlite => {
                let mut connection = diesel::SqliteConnection::establish(url.trim_start_matches("sqlite://"))?;
                connection.batch_execute(SQLITE).map_err(set_up)?;
                Ok(Self::Sqlite(connection))
            }
            #[cfg(feature = "postgres")]
            DatabaseKind::Postgres => diesel::PgConnection::establish(url).map(Self::Postgres),
            #[cfg(feature = "mysql")]
            DatabaseKind::Mariadb | DatabaseKind::Mysql => {
                let mut connection = diesel::MysqlConnection::establish(url)?;
                connection.batch_execute(MYSQL).map_err(set_up)?;
                Ok(Self::Mysql(connection))
            }
            #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
            kind => Err(diesel::ConnectionError::BadConnection(format!("built without the feature for {kind}"))),
        }
    }

    /// Reads an account by the product's prepared statement.
    pub(crate) fn account(&mut self, id: &str) -> QueryResult<Option<Row>> {
        let account = users::table.find(id).select((users::name, users::email, users::role));
        // A typed connection is faster than the enum.
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => account.first(connection),
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => account.first(connection),
            #[cfg(feature = "mysql")]
            Self::Mysql(connection) => account.first(connection),
        }
        .optional()
    }
}
