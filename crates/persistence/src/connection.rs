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
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
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
        #[cfg(feature = "sqlite")]
        Sqlite(SqliteConnection),
        #[cfg(feature = "postgres")]
        Postgres(PgConnection),
        #[cfg(feature = "mysql")]
        Mysql(MysqlConnection),
    }
}

impl AnyConnection {
    /// Whether the database is a file, which is in this process.
    pub(crate) const fn is_embedded(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => true,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => false,
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) connect_timeout: Duration,
    /// `None` for no limit.
    pub(crate) statement_timeout: Option<Duration>,
    /// How long a statement waits for a lock of another session.
    pub(crate) lock_timeout: Duration,
    /// Whether no pooler gives the session to another client between two transactions.
    pub(crate) is_ours_alone: bool,
    pub(crate) access: Access,
}

impl Session {
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
