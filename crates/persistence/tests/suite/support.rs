//! Private databases, and plain SQL on them beside the crate under test.

use app::clock::Deadline;
use app::user::Users;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query, sql_types::Text};
use domain::actor::{Actor, Identity, Seller};
use domain::product::{Description, Details, ImageFormat, ImageKey, Picture, Price, Product, ProductName, Stock};
use domain::user::{Email, Name, PasswordHash, Role, User};
use persistence::{Database, Options, migrate};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    Mariadb,
    Mysql,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Sqlite, Self::Postgres, Self::Mariadb, Self::Mysql];

    /// The URL of a server that may create databases; `None` for a file.
    pub(crate) fn server(self) -> Option<String> {
        let variable = match self {
            Self::Sqlite => return None,
            Self::Postgres => "TEST_POSTGRES_URL",
            Self::Mariadb => "TEST_MARIADB_URL",
            Self::Mysql => "TEST_MYSQL_URL",
        };
        std::env::var(variable).ok()
    }

    fn why_left_out(self) -> Option<&'static str> {
        match self {
            Self::Sqlite if !cfg!(feature = "sqlite") => Some("not compiled in"),
            Self::Postgres if !cfg!(feature = "postgres") => Some("not compiled in"),
            Self::Mariadb | Self::Mysql if !cfg!(feature = "mysql") => Some("not compiled in"),
            Self::Sqlite => None,
            Self::Postgres if self.server().is_none() => Some("TEST_POSTGRES_URL is not set"),
            Self::Mariadb if self.server().is_none() => Some("TEST_MARIADB_URL is not set"),
            Self::Mysql if self.server().is_none() => Some("TEST_MYSQL_URL is not set"),
            Self::Postgres | Self::Mariadb | Self::Mysql => None,
        }
    }

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mariadb | Self::Mysql => "mysql",
        }
    }

    /// Whether it is a server with MySQL's protocol and dialect.
    pub(crate) fn is_mysql_like(self) -> bool {
        matches!(self, Self::Mariadb | Self::Mysql)
    }
}

/// The kinds at hand. Names those that are left out once, on the process's own stderr, which the test harness does not
/// capture.
pub(crate) fn kinds() -> Vec<Kind> {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        for kind in Kind::ALL {
            let text = match kind.why_left_out() {
                Some(reason) => format!("{kind:?}: LEFT OUT, {reason}\n"),
                None => format!("{kind:?}: tested\n"),
            };
            std::io::stderr().write_all(text.as_bytes()).unwrap();
        }
    });
    Kind::ALL.into_iter().filter(|kind| kind.why_left_out().is_none()).collect()
}

/// The kinds at hand that are servers.
pub(crate) fn servers() -> Vec<Kind> {
    kinds().into_iter().filter(|kind| *kind != Kind::Sqlite).collect()
}

/// A database of one test, which is dropped with this value.
pub(crate) struct TestDatabase {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    name: String,
    server: Option<String>,
    folder: Option<tempfile::TempDir>,
}

impl TestDatabase {
    pub(crate) fn empty(kind: Kind) -> Self {
        Self::empty_in(kind, &std::env::temp_dir())
    }

    /// An empty database; an SQLite file is created below `place`.
    fn empty_in(kind: Kind, place: &Path) -> Self {
        let Some(server) = kind.server() else {
            let folder = tempfile::tempdir_in(place).unwrap();
            let url = format!("sqlite://{}", folder.path().join("new/shop.db").display());
            return Self { kind, url, name: String::new(), server: None, folder: Some(folder) };
        };
        Self::empty_on(kind, server)
    }

    /// An empty database on the server at this URL.
    fn empty_on(kind: Kind, server: String) -> Self {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        Raw::open(kind, &server).execute(&format!("CREATE DATABASE {name}"));
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}");
        Self { kind, url, name, server: Some(server), folder: None }
    }

    pub(crate) fn migrated_on(kind: Kind, server: String) -> Self {
        let database = Self::empty_on(kind, server);
        migrate(&database.options()).unwrap();
        database
    }

    pub(crate) fn migrated(kind: Kind) -> Self {
        Self::migrated_in(kind, &std::env::temp_dir())
    }

    /// A migrated database; an SQLite file is created below `place`.
    pub(crate) fn migrated_in(kind: Kind, place: &Path) -> Self {
        let database = Self::empty_in(kind, place);
        migrate(&database.options()).unwrap();
        database
    }

    pub(crate) fn options(&self) -> Options {
        Options::new(self.url.clone())
    }

    pub(crate) fn open(&self) -> Arc<Database> {
        Database::open(self.options()).unwrap()
    }

    pub(crate) fn raw(&self) -> Raw {
        Raw::open(self.kind, &self.url)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let force = if self.kind == Kind::Postgres { " WITH (FORCE)" } else { "" };
        match (&self.server, self.folder.take()) {
            (Some(server), _) => Raw::open(self.kind, server).execute(&format!("DROP DATABASE {}{force}", self.name)),
            (None, folder) => drop(folder),
        }
    }
}

/// A connection for plain SQL.
pub(crate) enum Raw {
    #[cfg(feature = "sqlite")]
    Sqlite(diesel::SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    #[cfg(feature = "mysql")]
    Mysql(diesel::MysqlConnection),
}

#[derive(QueryableByName)]
struct Value {
    #[diesel(sql_type = Text)]
    value: String,
}

impl Raw {
    pub(crate) fn open(kind: Kind, url: &str) -> Self {
        match kind {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => {
                let path = url.trim_start_matches("sqlite://");
                let mut connection = diesel::SqliteConnection::establish(path).unwrap();
                // Waits for others that lock the file, as the product's connections do.
                connection.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
                Self::Sqlite(connection)
            }
            #[cfg(feature = "postgres")]
            Kind::Postgres => Self::Postgres(diesel::PgConnection::establish(url).unwrap()),
            #[cfg(feature = "mysql")]
            Kind::Mariadb | Kind::Mysql => Self::Mysql(diesel::MysqlConnection::establish(url).unwrap()),
            #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
            _ => panic!("{kind:?} is not compiled in"),
        }
    }

    pub(crate) fn execute(&mut self, sql: &str) {
        self.try_execute(sql).unwrap();
    }

    pub(crate) fn try_execute(&mut self, sql: &str) -> QueryResult<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => connection.batch_execute(sql),
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => connection.batch_execute(sql),
            #[cfg(feature = "mysql")]
            Self::Mysql(connection) => connection.batch_execute(sql),
        }
    }

    /// The texts in the column `value` of a query.
    pub(crate) fn values(&mut self, sql: &str) -> Vec<String> {
        let rows: Vec<Value> = match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => sql_query(sql).load(connection).unwrap(),
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => sql_query(sql).load(connection).unwrap(),
            #[cfg(feature = "mysql")]
            Self::Mysql(connection) => sql_query(sql).load(connection).unwrap(),
        };
        rows.into_iter().map(|row| row.value).collect()
    }
}

pub(crate) fn soon() -> Deadline {
    Deadline::within(Duration::from_secs(30))
}

pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub(crate) fn user(address: &str) -> User {
    let now = "2026-11-23T01:02:03.123456Z".parse().unwrap();
    let name = Name::parse("Ada").unwrap();
    let hash = PasswordHash::new("$2b$10$first");
    User::register(name, email(address), Role::Buyer, hash, now)
}

/// A seller who has an account.
pub(crate) async fn seller(database: &Database, address: &str) -> Seller {
    let account = match database.find_by_email(&email(address), soon()).await.unwrap() {
        Some(account) => account,
        None => {
            let account = user(address);
            database.add(&account, soon()).await.unwrap();
            account
        }
    };
    Actor::User(Identity { id: account.id(), role: Role::Seller }).seller().unwrap()
}

pub(crate) fn offer(seller: Seller, name: &str, price: &str, now: DateTime<Utc>) -> Product {
    let details = Details {
        name: ProductName::parse(name).unwrap(),
        description: Description::parse("of the best kind").unwrap(),
        price: Price::parse(price).unwrap(),
        stock: Stock::parse("7").unwrap(),
        picture: Picture::None,
    };
    Product::offer(seller, details, now)
}

pub(crate) fn image_key() -> ImageKey {
    ImageKey::generate(ImageFormat::Jpeg)
}
