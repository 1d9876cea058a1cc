//! How the database is reached and how much of it is used.

use secrecy::SecretString;
use std::time::Duration;

/// How long a job may wait for a thread before it is refused.
pub(crate) const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);
/// What a job that has begun may take beyond its statement's own limit before its caller stops waiting.
pub(crate) const ANSWER_SLACK: Duration = Duration::from_secs(2);
/// How long a statement may wait for a row that another transaction holds.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long `migrate` waits for another process that migrates.
pub(crate) const MIGRATE_TIMEOUT: Duration = Duration::from_secs(60);

/// What may be done with an SQLite file. Database servers have rights of their own for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading and writing; the file is created where there is none.
    Create,
    /// Reading and writing; the file has to exist.
    Write,
    /// Reading; the file has to exist.
    Read,
}

#[derive(Clone, Debug)]
pub struct Options {
    /// The primary database: `sqlite://PATH`, `postgres://…` or `mysql://…` (`mariadb://…` means the same).
    ///
    /// A PostgreSQL URL takes libpq's parameters, a MySQL URL `ssl_mode` and those beside it. What they ask of TLS is kept, or
    /// refused. Without them a connection may go in the clear: [`remedy_for_plaintext`](crate::remedy_for_plaintext) tells.
    pub url: SecretString,
    /// A replica for lists of products, of the same kind; without one the primary answers them.
    pub read_url: Option<SecretString>,
    /// How far the replica may lag behind the primary. One that lags further is left out.
    pub max_replica_lag: Duration,
    pub access: Access,
    /// Threads for each URL, each holding one connection. On SQLite these are the readers, beside the one writer.
    pub pool_size: usize,
    /// How many jobs may wait for a thread; more are refused at once.
    pub queue: usize,
    /// Whether statements are prepared once for each connection and named on the server.
    ///
    /// Off for a pooler that hands out a PostgreSQL connection for each transaction (PgBouncer's `pool_mode =
    /// transaction`). Statements then go unnamed, and no session settings are made, which such a pooler would hand to
    /// somebody else: set the limits on the database role (`ALTER ROLE … SET statement_timeout = …`). `migrate` makes
    /// settings for its session and needs a URL that leads past the pooler. On MySQL and SQLite each statement is then
    /// prepared anew, and nothing else changes.
    pub prepared_statements: bool,
    /// Whether to use a server that is known not to keep a promise, such as one whose CHECK constraints do nothing.
    pub allow_unsuitable_server: bool,
    /// How long opening a connection may take. libpq counts whole seconds and at least two. MySQL's client gives no
    /// say in it: there it is how long a call waits, while the kernel goes on trying.
    pub connect_timeout: Duration,
    /// How long one statement may take. MySQL limits only `SELECT`, MariaDB and PostgreSQL all statements; on SQLite it
    /// is how long a statement waits for another's write.
    pub statement_timeout: Duration,
}

impl Options {
    /// The usual limits, for the database at this URL.
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            read_url: None,
            max_replica_lag: Duration::from_secs(5),
            access: Access::Create,
            pool_size: 4,
            queue: 256,
            prepared_statements: true,
            allow_unsuitable_server: false,
            connect_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
        }
    }
}
