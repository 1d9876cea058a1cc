//! The time of day at the database server, whose clock all servers of the shop share.

use crate::connection::AnyConnection;
use crate::database::Database;
use app::clock::Deadline;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Timestamp;
use domain::error::Error;

#[derive(QueryableByName)]
struct Moment {
    #[diesel(sql_type = Timestamp)]
    value: NaiveDateTime,
}

fn now(connection: &mut AnyConnection) -> QueryResult<Option<NaiveDateTime>> {
    let moment: Moment = match connection {
        // SQLite has no clock other than this machine's.
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => return Ok(None),
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => {
            sql_query("SELECT clock_timestamp() AT TIME ZONE 'utc' AS value").get_result(postgres)?
        }
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => sql_query("SELECT UTC_TIMESTAMP(6) AS value").get_result(mysql)?,
    };
    Ok(Some(moment.value))
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
