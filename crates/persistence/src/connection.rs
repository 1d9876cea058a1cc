//! One connection type for all databases, and how a session of each is opened.
//!
//! The derive also makes an `establish`, which is not used: it tries one database after the other and hides why the right
//! one failed.

use crate::options::{Access, LOCK_TIMEOUT, Options};
use crate::url::{Address, Backend};
use diesel::connection::{CacheSize, SimpleConnection};
use diesel::{Connection, ConnectionError, ConnectionResult};
use std::time::Duration;

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

pub(crate) use any::AnyConnection;

#[cfg_attr(not(doc), expect(unreachable_pub, reason = "the derive makes public items"))]
mod any {
    #[cfg(feature = "mysql")]
    use diesel::MysqlConnection;
    #[cfg(feature = "postgres")]
    use diesel::PgConnection;
    #[cfg(feature = "sqlite")]
    use diesel::SqliteConnection;

    /// A connection to a database of any kind.
    #[derive(diesel::MultiConnection)]
    pub enum AnyConnection {
        /// To a file.
        #[cfg(feature = "sqlite")]
        Sqlite(SqliteConnection),
        /// To PostgreSQL.
        #[cfg(feature = "postgres")]
        Postgres(PgConnection),
        /// To MySQL or MariaDB.
        #[cfg(feature = "mysql")]
        Mysql(MysqlConnection),
    }
}

/// How a session behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// How long opening it may take.
    pub(crate) connect_timeout: Duration,
    /// How long a statement may take; `None` for as long as it likes.
    pub(crate) statement_timeout: Option<Duration>,
    /// How long a statement waits for another's lock.
    pub(crate) lock_timeout: Duration,
    /// Whether it is ours alone: no pooler gives it to somebody else between two transactions.
    pub(crate) is_ours_alone: bool,
    /// What may be done with a database that is a file.
    pub(crate) access: Access,
}

impl Session {
    /// A session that serves calls.
    pub(crate) const fn serving(options: &Options) -> Self {
        Self {
            connect_timeout: options.connect_timeout,
            statement_timeout: Some(options.statement_timeout),
            lock_timeout: LOCK_TIMEOUT,
            is_ours_alone: options.prepared_statements,
            access: options.access,
        }
    }

    /// A session that changes the schema, which may take long.
    pub(crate) const fn migrating(options: &Options) -> Self {
        Self { statement_timeout: None, is_ours_alone: true, ..Self::serving(options) }
    }
}

/// Opens a session.
pub(crate) fn open(address: &Address, session: &Session) -> ConnectionResult<AnyConnection> {
    let mut connection = match address.backend {
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => AnyConnection::Sqlite(sqlite::open(address, session)?),
        #[cfg(feature = "postgres")]
        Backend::Postgres => AnyConnection::Postgres(postgres::open(address, session)?),
        #[cfg(feature = "mysql")]
        Backend::Mysql => AnyConnection::Mysql(mysql::open(address, session)?),
        #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
        _ => return Err(ConnectionError::BadConnection("not compiled in".to_owned())),
    };
    if !session.is_ours_alone {
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    }
    Ok(connection)
}

fn set_up(connection: &mut impl SimpleConnection, settings: &str) -> ConnectionResult<()> {
    connection.batch_execute(settings).map_err(ConnectionError::CouldntSetupConfiguration)
}
