//! Whether a server lacks the database that a URL names. What it says about that is in its own language, so it is asked on a
//! connection that needs no such database.

use crate::connection::{self, AnyConnection, Session};
use crate::options::Options;
use crate::url::Address;

/// MySQL's and MariaDB's number for a database that they do not have, told to accounts that may know.
#[cfg(feature = "mysql")]
const UNKNOWN_DATABASE: i64 = 1049;

/// Whether the server can be reached and has no database of the name in the URL. Blocks the thread.
#[must_use]
pub fn lacks_database(options: &Options) -> bool {
    let Ok(address) = Address::parse(&options.url) else { return false };
    let Some((name, without)) = elsewhere(&address) else { return false };
    let Ok(mut connection) = connection::open(&without, &Session::serving(options)) else { return false };
    lacks(&mut connection, &name)
}

/// The database's name, and where else the server is connected to: PostgreSQL has `postgres` for that, MySQL needs none.
fn elsewhere(address: &Address) -> Option<(String, Address)> {
    match address.backend {
        #[cfg(feature = "postgres")]
        crate::url::Backend::Postgres => {
            let url = address.expose();
            let name = crate::redact::percent_decoded(crate::url::database_name(url)?);
            // The last one counts.
            let separator = if crate::url::query(url).is_some() { '&' } else { '?' };
            let url = format!("{url}{separator}dbname=postgres").into();
            Some((name, Address { url, ..address.clone() }))
        }
        #[cfg(feature = "mysql")]
        crate::url::Backend::Mysql => {
            use secrecy::ExposeSecret;

            if let Some(name) = &address.database {
                return Some((name.clone(), Address { database: None, ..address.clone() }));
            }
            let (name, url) = without_name(address.expose())?;
            let without_options = match &address.without_options {
                Some(url) => Some(without_name(url.expose_secret())?.1.into()),
                None => None,
            };
            Some((name, Address { url: url.into(), without_options, ..address.clone() }))
        }
        _ => None,
    }
}

/// The name in a URL as Diesel takes it, and the URL without it.
#[cfg(feature = "mysql")]
fn without_name(url: &str) -> Option<(String, String)> {
    let base = url.split('?').next()?;
    let (_, behind_scheme) = base.split_once("://")?;
    let (_, name) = behind_scheme.split_once('/')?;
    let end = base.len().checked_sub(name.len())?;
    Some((name.to_owned(), format!("{}{}", base.get(..end)?, url.get(base.len()..)?)))
}

#[cfg_attr(not(any(feature = "postgres", feature = "mysql")), expect(unused_variables, reason = "servers have names"))]
fn lacks(connection: &mut AnyConnection, name: &str) -> bool {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => false,
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => {
            use diesel::dsl::sql;
            use diesel::prelude::*;
            use diesel::sql_types::{Bool, Text};

            let listed =
                sql::<Bool>("EXISTS (SELECT 1 FROM pg_database WHERE datname = ").bind::<Text, _>(name).sql(")");
            diesel::select(listed).get_result(postgres) == Ok(false)
        }
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => {
            use diesel::connection::SimpleConnection;

            mysql.batch_execute(&connection::mysql::select_database(name)).is_err()
                && crate::fault::mysql::last_error(mysql) == Some(UNKNOWN_DATABASE)
        }
    }
}
