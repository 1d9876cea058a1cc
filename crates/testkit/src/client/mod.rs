//! The shop as its clients see it, whichever protocol they speak.

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::error::ErrorCode;
use std::fmt;
use std::time::Duration;

mod account;
mod payment;
mod product;

pub use account::{LoggedIn, PASSWORD, Profile, RegisterForm, Registered, ada};
pub use payment::{Payment, PaymentClient, PaymentQuery, Payments, StatusChange, StatusChanges, TimelineEntry};
pub use product::{ImageFile, Listing, Product, ProductForm, Query, change, teapot};

/// The protocol that a cell of the matrix speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.1 with JSON.
    Rest,
    /// gRPC over HTTP/2.
    Grpc,
}

impl Protocol {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Rest, Self::Grpc];
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rest => "rest",
            Self::Grpc => "grpc",
        })
    }
}

/// An error, in the terms that both protocols share.
#[derive(Clone, Debug)]
pub struct CallError {
    /// Which error it is.
    pub code: ErrorCode,
    /// The text for people.
    pub message: String,
    /// The fields that are wrong, each with its message, in the order of the answer.
    pub fields: Vec<(String, String)>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    /// All that the client received, less what differs between any two answers: request id and date.
    pub received: String,
}

/// What a call came to.
pub type Outcome<T> = Result<T, CallError>;

/// The shop behind one protocol. Every call also checks what this protocol alone promises.
#[async_trait]
pub trait ShopClient: PaymentClient {
    /// The same shop, asked with this value of `authorization`.
    fn with_authorization(&self, authorization: &str) -> Box<dyn ShopClient>;

    /// The same shop, asked by a client that gives up after so long.
    fn with_timeout(&self, timeout: Duration) -> Box<dyn ShopClient>;

    /// The same shop, asked to change or withdraw a product only while this is its entity tag.
    fn with_if_match(&self, etag: &str) -> Box<dyn ShopClient>;

    /// Opens an account.
    async fn register(&self, form: &RegisterForm) -> Outcome<Registered>;

    /// Trades an e-mail address and a password for an access token.
    async fn login(&self, email: &str, password: &str) -> Outcome<LoggedIn>;

    /// Shows an account to its owner.
    async fn profile(&self, id: &str) -> Outcome<Profile>;

    /// Offers a product.
    async fn create(&self, form: &ProductForm) -> Outcome<Product>;

    /// Changes what a form says of a product.
    async fn update(&self, id: &str, form: &ProductForm) -> Outcome<Product>;

    /// Withdraws a product.
    async fn delete(&self, id: &str) -> Outcome<()>;

    /// Shows a product to anybody.
    async fn product(&self, id: &str) -> Outcome<Product>;

    /// Shows a piece of a list of products to anybody.
    async fn products(&self, query: &Query) -> Outcome<Listing>;
}

/// A time as REST writes it: RFC 3339 in UTC with microseconds.
#[must_use]
pub fn time_text(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Reads a stable identifier back into the catalogue's code.
///
/// # Panics
/// Where the identifier is not in the catalogue: no client could program against it.
#[must_use]
pub fn code(identifier: &str) -> ErrorCode {
    ErrorCode::ALL
        .into_iter()
        .find(|code| code.as_str() == identifier)
        .unwrap_or_else(|| panic!("{identifier:?} is not in the catalogue of errors"))
}
