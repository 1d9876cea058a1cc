//! Which database server this is, and whether it is known not to keep a promise.

use crate::connection::AnyConnection;
use crate::url::Backend;
use diesel::QueryResult;
use std::fmt;

mod asking;
mod product;

pub(crate) use asking::ask;
use product::Product;

/// Why a server cannot be used, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.problem, self.remedy)
    }
}

/// A database server, as it describes itself.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) product: Product,
    /// The version in the server's own words.
    pub(crate) version: String,
    /// Settings, with the values that our sessions have.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Promises that it is known not to keep.
    pub(crate) objections: Vec<Objection>,
    /// What weakens a promise and is the operator's choice.
    pub(crate) warnings: Vec<String>,
}

impl Server {
    /// All objections in one line; `None` where there are none.
    pub(crate) fn unsuitable(&self) -> Option<String> {
        let objections: Vec<_> = self.objections.iter().map(ToString::to_string).collect();
        (!objections.is_empty()).then(|| objections.join("; "))
    }

    /// Logs what the server is.
    pub(crate) fn log(&self, is_accepted: bool) {
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        tracing::info!(
            product = self.product.name(),
            version = self.version,
            settings = settings.join(" "),
            "the database server"
        );
        for warning in &self.warnings {
            tracing::warn!(warning, "the database server may lose what it has confirmed");
        }
        if let Some(reason) = self.unsuitable().filter(|_| is_accepted) {
            tracing::warn!(reason, "the database server is used although it is known not to keep a promise");
        }
    }
}

/// Why the server may not be used, if it is known not to keep a promise.
pub(crate) fn objection_to(connection: &mut AnyConnection, backend: Backend) -> QueryResult<Option<String>> {
    Ok(if backend == Backend::Sqlite { None } else { ask(connection)?.unsuitable() })
}

#[cfg(test)]
mod tests;
