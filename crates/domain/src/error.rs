//! The error type of all use cases, and the catalogue of its codes.
//!
//! Each protocol maps an [`ErrorCode`] in exactly one place. `Display` of [`Error`] is the text that a client may see. Only
//! [`std::error::Error::source`] returns the cause, and only the log reads it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;
use strum::{IntoStaticStr, VariantArray};

/// The cause of an error, kept for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Each variant has one stable identifier on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ErrorCode {
    /// One or more fields of the request are wrong.
    InvalidRequest,
    /// One or more fields of a log-in are wrong.
    InvalidLogin,
    /// Another account has this e-mail address.
    EmailTaken,
    /// No account has this e-mail address and password.
    LoginFailed,
    /// The call needs an access token and has none.
    TokenMissing,
    /// The access token is forged, expired, or issued by somebody else.
    TokenInvalid,
    /// The caller's role does not do this.
    RoleNotAllowed,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such user.
    UserNotFound,
    /// There is no such product.
    ProductNotFound,
    /// The product's version is not the one that the caller expects.
    ProductChanged,
    /// The image store is unavailable, or refused an image.
    ImageStoreFailed,
    /// There is no such product to order.
    OrderedProductNotFound,
    /// There are not as many pieces as are ordered.
    InsufficientStock,
    /// There is no such payment.
    PaymentNotFound,
    /// The payment gateway is away, or refused an order.
    GatewayFailed,
    /// The key has come before with another order.
    IdempotencyKeyReused,
    /// An earlier order with this key is still in progress.
    IdempotencyKeyInUse,
    /// The notification is not the gateway's.
    SignatureInvalid,
    /// No payment matches the order id of the notification.
    NotifiedOrderNotFound,
    /// The client exceeded its rate limit.
    RateLimited,
    /// Too many failed log-ins on this account.
    LoginThrottled,
    /// The server has more work than it will queue.
    Overloaded,
    /// The database, or another system that the call needs, is unavailable.
    Unavailable,
    /// The caller's deadline, or the server's own, has passed.
    DeadlineExceeded,
    /// A fault of ours.
    Internal,
}

impl ErrorCode {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The stable identifier on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

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

/// The kinds of mistake in a field. Their order is the order of the Go system's checks, which its clients see: the first one
/// gives an error its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ViolationCode {
    /// The field is absent or blank.
    Empty,
    /// The value is not a number of the expected kind.
    InvalidNumber,
    /// The amount is zero or less.
    NotPositive,
    /// The count is less than zero.
    Negative,
    /// The number is smaller or larger than allowed.
    OutOfRange,
    /// The file is larger than allowed.
    FileTooLarge,
    /// The file is not a complete image of a supported format.
    InvalidImage,
    /// The image has more pixels than allowed.
    ImageTooLarge,
    /// The text is not an `http` or `https` URL.
    InvalidUrl,
    /// The role is none of those that exist.
    UnknownRole,
    /// The sort order does not exist.
    UnknownSort,
    /// The status is none of those that payments have.
    UnknownStatus,
    /// The e-mail address does not follow RFC 5321.
    InvalidEmail,
    /// The text is no identifier.
    InvalidId,
    /// The text is not a cursor of this list.
    InvalidCursor,
    /// The text is shorter than allowed.
    TooShort,
    /// The text is longer than allowed.
    TooLong,
    /// The text holds control or direction-changing characters.
    InvalidCharacter,
    /// The password is in the list of common passwords.
    TooCommon,
    /// Another account has the value.
    Taken,
    /// The repeated password is not the password.
    Mismatch,
}

impl ViolationCode {
    /// The stable identifier on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// The Go system checked absent values, malformed numbers and prices of zero in one step.
    const fn precedence(self) -> Self {
        match self {
            Self::InvalidNumber | Self::NotPositive => Self::Empty,
            other => other,
        }
    }
}

/// A mistake in a value whose field is not yet known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    code: ViolationCode,
    message: Cow<'static, str>,
}

impl Reason {
    /// The message may contain `{field}`, which becomes the field's name.
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

/// A mistake in one field of a request.
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

/// All mistakes in a request, in the order of its fields.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Returns the parsed value, or records the mistake.
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

    /// The message is that of the mistake that the Go system reports first; the list keeps the order of the fields.
    #[must_use]
    pub fn into_error(self, code: ErrorCode) -> Error {
        let first = self.0.iter().min_by_key(|violation| violation.code.precedence());
        let message = first.map(|violation| Cow::Owned(violation.message.clone()));
        Error { message, violations: self.0, ..Error::new(code) }
    }
}

/// The error of a use case, in terms that both protocols can express.
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

    /// The error of a call without an id: `{thing} id is required`, which is the Go system's text.
    #[must_use]
    pub fn id_required(thing: &str) -> Self {
        let mut wrong = Violations::default();
        wrong.add("id", &Reason::new(ViolationCode::Empty, format!("{thing} {{field}} is required")));
        wrong.into_error(ErrorCode::InvalidRequest)
    }

    /// An internal error. Only the log shows the cause.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into()), ..Self::new(ErrorCode::Internal) }
    }

    /// A system that the call needs is unavailable. Only the log shows the cause.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            source: Some(source.into()),
            ..Self::new(ErrorCode::Unavailable)
        }
    }

    /// The image store failed. Only the log shows the cause.
    pub fn image_store(source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into()), ..Self::new(ErrorCode::ImageStoreFailed) }
    }

    /// The payment gateway failed. Only the log shows the cause.
    pub fn gateway(source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into()), ..Self::new(ErrorCode::GatewayFailed) }
    }

    /// The server's queue is full.
    #[must_use]
    pub fn overloaded(retry_after: Duration) -> Self {
        Self::retry_later(ErrorCode::Overloaded, retry_after)
    }

    /// An error that goes away after this time.
    #[must_use]
    pub fn retry_later(code: ErrorCode, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(code) }
    }

    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The text for the client.
    #[must_use]
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_else(|| self.code.message())
    }

    /// The mistakes, in the order of the request's fields.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How long the client should wait before it tries again, if waiting helps.
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

/// Returns an error's causes on one line for the log, the outermost first.
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
