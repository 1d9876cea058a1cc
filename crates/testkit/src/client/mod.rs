//! The client's side of both protocols: forms, answers and errors that are the same over each.

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Rest,
    Grpc,
}

impl Protocol {
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

/// An error in the terms that both protocols share.
#[derive(Clone, Debug)]
pub struct CallError {
    pub code: ErrorCode,
    pub message: String,
    /// The invalid fields, each with its message, in the order of the answer.
    pub fields: Vec<(String, String)>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    /// The whole answer without request id and date, which differ between any two answers.
    pub received: String,
}

pub type Outcome<T> = Result<T, CallError>;

/// A client of one protocol. Every call also checks the wire format of that protocol.
#[async_trait]
pub trait ShopClient: PaymentClient {
    fn with_authorization(&self, authorization: &str) -> Box<dyn ShopClient>;

    /// The same client, which gives up after `timeout`.
    fn with_timeout(&self, timeout: Duration) -> Box<dyn ShopClient>;

    /// The same client, which changes or deletes a product only while `etag` is its entity tag.
    fn with_if_match(&self, etag: &str) -> Box<dyn ShopClient>;

    async fn register(&self, form: &RegisterForm) -> Outcome<Registered>;

    async fn login(&self, email: &str, password: &str) -> Outcome<LoggedIn>;

    async fn profile(&self, id: &str) -> Outcome<Profile>;

    async fn create(&self, form: &ProductForm) -> Outcome<Product>;

    /// Changes the fields that the form holds.
    async fn update(&self, id: &str, form: &ProductForm) -> Outcome<Product>;

    async fn delete(&self, id: &str) -> Outcome<()>;

    async fn product(&self, id: &str) -> Outcome<Product>;

    async fn products(&self, query: &Query) -> Outcome<Listing>;
}

/// A time as REST writes it: RFC 3339 in UTC with microseconds.
#[must_use]
pub fn time_text(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The error code with this stable identifier.
#[must_use]
pub fn code(identifier: &str) -> ErrorCode {
    ErrorCode::ALL
        .iter()
        .copied()
        .find(|code| code.as_str() == identifier)
        .unwrap_or_else(|| panic!("{identifier:?} is not in the catalogue of errors"))
}
