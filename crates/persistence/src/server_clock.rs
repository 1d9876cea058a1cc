//! The time of day at the database server, whose clock all servers of the shop share.

use crate::connection::AnyConnection;
use crate::database::Database;
use app::clock::Deadline;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::error::Error;

#[cfg(any(feature = "postgres", feature = "mysql"))]
#[derive(QueryableByName)]
struct Moment {
    #[diesel(sql_type = diesel::sql_types::Timestamp)]
    value: NaiveDateTime,
}

fn now(connection: &mut AnyConnection) -> QueryResult<Option<NaiveDateTime>> {
    match connection {
        // SQLite has no clock other than this machine's.
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Ok(None),
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => {
            let now = diesel::sql_query("SELECT clock_timestamp() AT TIME ZONE 'utc' AS value");
            now.get_result(postgres).map(|Moment { value }| Some(value))
        }
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => {
            let now = diesel::sql_query("SELECT UTC_TIMESTAMP(6) AS value");
            now.get_result(mysql).map(|Moment { value }| Some(value))
        }
    }
}

impl Database {
    /// The time of day at the database server; `None` on SQLite.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn server_time(&self, by: Deadline) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.read(by, now).await?.map(|moment| moment.and_utc()))
    }
}
