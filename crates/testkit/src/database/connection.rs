//! A connection to any of the databases that bypasses the server.

use super::DatabaseKind;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection as _, QueryableByName, RunQueryDsl};

pub(super) enum Connection {
    #[cfg(feature = "sqlite")]
    Sqlite(diesel::SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    #[cfg(feature = "mysql")]
    Mysql(diesel::MysqlConnection),
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

impl Connection {
    pub(super) fn open(kind: DatabaseKind, url: &str) -> Self {
        Self::try_open(kind, url).unwrap_or_else(|error| panic!("{kind}: {error}"))
    }

    pub(super) fn try_open(kind: DatabaseKind, url: &str) -> diesel::ConnectionResult<Self> {
        match kind {
            #[cfg(feature = "sqlite")]
            DatabaseKind::Sqlite => {
                let mut connection = diesel::SqliteConnection::establish(url.trim_start_matches("sqlite://"))?;
                // The server writes to the same file.
                let timeout = connection.batch_execute("PRAGMA busy_timeout = 5000");
                timeout.map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                Ok(Self::Sqlite(connection))
            }
            #[cfg(feature = "postgres")]
            DatabaseKind::Postgres => diesel::PgConnection::establish(url).map(Self::Postgres),
            #[cfg(feature = "mysql")]
            DatabaseKind::Mariadb | DatabaseKind::Mysql => diesel::MysqlConnection::establish(url).map(Self::Mysql),
            #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
            _ => panic!("built without the feature for {kind}"),
        }
    }

    pub(super) fn execute(&mut self, sql: &str) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => connection.batch_execute(sql),
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => connection.batch_execute(sql),
            #[cfg(feature = "mysql")]
            Self::Mysql(connection) => connection.batch_execute(sql),
        }
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(super) fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = diesel::sql_query(sql);
        let rows: diesel::QueryResult<Vec<Row>> = match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => query.load(connection),
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => query.load(connection),
            #[cfg(feature = "mysql")]
            Self::Mysql(connection) => query.load(connection),
        };
        rows.unwrap_or_else(|error| panic!("{sql}: {error}")).into_iter().map(|row| row.value).collect()
    }
}
