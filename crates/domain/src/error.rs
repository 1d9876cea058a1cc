//! The one error that leaves the core, and the catalogue of its codes.
//!
//! Each protocol maps an [`ErrorCode`] in exactly one place. [`Error`]'s `Display` is the text that a client may
//! see; what caused it is reachable by [`std::error::Error::source`] alone, and only the log reads that.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;
use strum::{IntoStaticStr, VariantArray};

/// The cause of an error, kept for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The catalogue: one variant is one stable identifier on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ErrorCode {
    InvalidRequest,
    InvalidLogin,
    EmailTaken,
    /// There is no account with this e-mail address and password.
    LoginFailed,
    /// The call needs an access token and came without one.
    TokenMissing,
    /// The access token is forged, expired, or not one of ours.
    TokenInvalid,
    RoleNotAllowed,
    Forbidden,
    UserNotFound,
    ProductNotFound,
    /// The product is no longer as the caller has seen it.
    ProductChanged,
    /// The store of images is away, or refused an image.
    ImageStoreFailed,
    OrderedProductNotFound,
    InsufficientStock,
    PaymentNotFound,
    GatewayFailed,
    IdempotencyKeyReused,
    /// The order that came before with this key is not finished.
    IdempotencyKeyInUse,
    SignatureInvalid,
    /// There is no payment that the notification can be about.
    NotifiedOrderNotFound,
    /// The client has used up its share of calls for now.
    RateLimited,
    LoginThrottled,
    Overloaded,
    /// The database, or another system that the call needs, is away.
    Unavailable,
    DeadlineExceeded,
    Internal,
}

impl ErrorCode {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The stable identifier that clients may program against.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// The text for people, where the error has none of its own.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::InvalidLogin => "invalid request",
            Self::EmailTaken => "email already exists",
            Self::LoginFailed => "login failed",
            Self::TokenMissing => "missing authorization token",
            Self::TokenInvalid => "invalid authorization token",
            Self::RoleNotAllowed => "not authorized to access this resource",
            Self::Forbidden => "forbidden access",
            Self::UserNotFound => "user not found",
            Self::ProductNotFound => "product not found",
            Self::ProductChanged => "the product has changed meanwhile, read it again",
            Self::ImageStoreFailed => "failed to upload image",
            Self::OrderedProductNotFound => "product not found",
            Self::InsufficientStock => "insufficient stock",
            Self::PaymentNotFound => "Payment not found",
            Self::GatewayFailed => "payment gateway unavailable",
            Self::IdempotencyKeyReused => "this idempotency key was used for another order, use a new one",
            Self::IdempotencyKeyInUse => "the order with this idempotency key is being made, try again shortly",
            Self::SignatureInvalid => "invalid signature",
            Self::NotifiedOrderNotFound => "payment not found",
            Self::RateLimited => "rate limit exceeded",
            Self::LoginThrottled => "too many failed logins for this account, try again later",
            Self::Overloaded => "the server is busy, try again shortly",
            Self::Unavailable => "Service Unavailable",
            Self::DeadlineExceeded => "deadline exceeded",
            Self::Internal => "Internal Server Error",
        }
    }
}

/// What can be wrong with one field. The order of the variants is the order in which the Go system checked, which
/// its clients see: the first of them gives an error its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ViolationCode {
    Empty,
    /// The value is no number of the kind that is asked for.
    InvalidNumber,
    NotPositive,
    Negative,
    OutOfRange,
    FileTooLarge,
    /// The file is not an image of a kind that is taken, or not a whole one.
    InvalidImage,
    ImageTooLarge,
    /// The text is not the address of something on the web.
    InvalidUrl,
    UnknownRole,
    /// The order is none of those in which lists are given.
    UnknownSort,
    UnknownStatus,
    /// The e-mail address does not follow RFC 5321.
    InvalidEmail,
    InvalidId,
    /// The text is no cursor that such a list has given out.
    InvalidCursor,
    TooShort,
    TooLong,
    InvalidCharacter,
    /// The password is one of those that are guessed first.
    TooCommon,
    Taken,
    Mismatch,
}

impl ViolationCode {
    /// The stable identifier that clients may program against.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// When the Go system would have found such a mistake: it looked for values that are absent, for numbers that are none, and
    /// for prices of nothing in one go.
    const fn precedence(self) -> Self {
        match self {
            Self::InvalidNumber | Self::NotPositive => Self::Empty,
            other => other,
        }
    }
}

/// What is wrong with a value, before it is known which field held it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    code: ViolationCode,
    message: Cow<'static, str>,
}

impl Reason {
    /// A reason with a message that may name the field as `{field}`.
    pub fn new(code: ViolationCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    #[must_use]
    pub const fn empty() -> Self {
        Self { code: ViolationCode::Empty, message: Cow::Borrowed("{field} is empty") }
    }

    #[must_use]
    pub const fn code(&self) -> ViolationCode {
        self.code
    }
}

/// One field of a request and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    field: &'static str,
    code: ViolationCode,
    message: String,
}

impl Violation {
    #[must_use]
    pub fn new(field: &'static str, reason: &Reason) -> Self {
        Self { field, code: reason.code, message: reason.message.replace("{field}", field) }
    }

    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    #[must_use]
    pub const fn code(&self) -> ViolationCode {
        self.code
    }

    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// All that is wrong with one request, in the order of its fields.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Keeps a parsed value, or notes why there is none.
    pub fn take<T>(&mut self, field: &'static str, parsed: Result<T, Reason>) -> Option<T> {
        parsed.map_err(|reason| self.add(field, &reason)).ok()
    }

    pub fn add(&mut self, field: &'static str, reason: &Reason) {
        self.0.push(Violation::new(field, reason));
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The error of a request with these mistakes. Its message is that of the mistake the Go system would have told
    /// first; the list keeps the order of the fields.
    #[must_use]
    pub fn into_error(self, code: ErrorCode) -> Error {
        let first = self.0.iter().min_by_key(|violation| violation.code.precedence());
        let message = first.map(|violation| Cow::Owned(violation.message.clone()));
        Error { message, violations: self.0, ..Error::new(code) }
    }
}

/// A failed use case, in terms that every protocol can express.
#[derive(Debug, thiserror::Error)]
pub struct Error {
    code: ErrorCode,
    message: Option<Cow<'static, str>>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
    source: Option<BoxError>,
}

impl Error {
    #[must_use]
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, message: None, violations: Vec::new(), retry_after: None, source: None }
    }

    /// The error of a call that does not say which thing it is about: `{thing} id is required`, in the Go system's words.
    #[must_use]
    pub fn id_required(thing: &str) -> Self {
        let mut wrong = Violations::default();
        wrong.add("id", &Reason::new(ViolationCode::Empty, format!("{thing} {{field}} is required")));
        wrong.into_error(ErrorCode::InvalidRequest)
    }

    /// A fault of ours; the cause goes to the log and never to a client.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into()), ..Self::new(ErrorCode::Internal) }
    }

    /// A system that the call needs is away; the cause goes to the log and never to a client.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            source: Some(source.into()),
            ..Self::new(ErrorCode::Unavailable)
        }
    }

    /// The store of images is away, or refused one; the cause goes to the log and never to a client.
    pub fn image_store(source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into()), ..Self::new(ErrorCode::ImageStoreFailed) }
    }

    /// The payment gateway is away, or refused an order; the cause goes to the log and never to a client.
    pub fn gateway(source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into()), ..Self::new(ErrorCode::GatewayFailed) }
    }

    /// More work than the server will queue.
    #[must_use]
    pub fn overloaded(retry_after: Duration) -> Self {
        Self::retry_later(ErrorCode::Overloaded, retry_after)
    }

    /// A refusal that ends by itself after a while.
    #[must_use]
    pub fn retry_later(code: ErrorCode, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(code) }
    }

    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The text that a client may see.
    #[must_use]
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_else(|| self.code.message())
    }

    /// The fields that are wrong, in the order of the request's fields.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How long to wait before trying again, where waiting helps.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

/// An error's causes on one line, outermost first, for the log.
#[must_use]
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_has_an_identifier_of_its_own() {
        let identifiers: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(identifiers.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn violations_keep_the_order_of_fields_and_tell_first_what_go_told_first() {
        let mut wrong = Violations::default();
        wrong.add("email", &Reason::new(ViolationCode::InvalidEmail, "invalid email"));
        wrong.add("role", &Reason::new(ViolationCode::UnknownRole, "invalid role"));
        let error = wrong.into_error(ErrorCode::InvalidRequest);
        assert_eq!(error.message(), "invalid role");
        let fields: Vec<_> = error.violations().iter().map(Violation::field).collect();
        assert_eq!(fields, ["email", "role"]);
    }

    #[test]
    fn a_cause_is_kept_from_the_text_and_given_to_the_log() {
        let error = Error::internal("password=hunter2");
        assert_eq!(error.to_string(), "Internal Server Error");
        assert_eq!(causes(&error), "password=hunter2");
    }
}
