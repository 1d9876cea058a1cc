//! The mapping of errors to HTTP statuses, and the errors of requests that reach no use case.
#![warn(clippy::wildcard_enum_match_arm)]

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::error::{Error, ErrorCode, Violation};
use std::borrow::Cow;
use std::time::Duration;

#[must_use]
pub const fn status(code: ErrorCode) -> u16 {
    answer(code).0
}

/// The HTTP status, and the challenge of RFC 6750 §3 for a token that is missing or refused.
const fn answer(code: ErrorCode) -> (u16, Option<&'static str>) {
    match code {
        ErrorCode::InvalidRequest
        | ErrorCode::EmailTaken
        | ErrorCode::OrderedProductNotFound
        | ErrorCode::InsufficientStock => (400, None),
        ErrorCode::InvalidLogin | ErrorCode::LoginFailed | ErrorCode::SignatureInvalid => (401, None),
        ErrorCode::TokenMissing => (401, Some("Bearer")),
        ErrorCode::TokenInvalid => (401, Some("Bearer error=\"invalid_token\"")),
        ErrorCode::RoleNotAllowed | ErrorCode::Forbidden => (403, None),
        ErrorCode::UserNotFound
        | ErrorCode::ProductNotFound
        | ErrorCode::PaymentNotFound
        | ErrorCode::NotifiedOrderNotFound => (404, None),
        ErrorCode::IdempotencyKeyInUse => (409, None),
        ErrorCode::ProductChanged => (412, None),
        ErrorCode::IdempotencyKeyReused => (422, None),
        ErrorCode::RateLimited | ErrorCode::LoginThrottled => (429, None),
        ErrorCode::Internal => (500, None),
        ErrorCode::ImageStoreFailed | ErrorCode::GatewayFailed => (502, None),
        ErrorCode::Overloaded | ErrorCode::Unavailable | ErrorCode::DeadlineExceeded => (503, None),
    }
}

/// An error of a request that reaches no use case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpError {
    /// No route has this path.
    NotFound,
    /// The route does not know the method. The header `Allow` names those that it knows.
    MethodNotAllowed(&'static str),
    /// The body took too long to arrive.
    BodyTimeout,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The path or the query is longer than allowed.
    UriTooLong,
    /// The body is of a kind that no route reads.
    UnsupportedMediaType,
    /// The body is not what its `Content-Type` says.
    MalformedBody,
    /// The body is no notification of the payment gateway.
    MalformedNotification,
    /// The query is no list of parameters in UTF-8, each of them once.
    MalformedQuery,
}

impl HttpError {
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "route_not_found", "Not Found"),
            Self::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method Not Allowed"),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body_timeout", "Request Timeout"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "Request Entity Too Large"),
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "uri_too_long", "URI Too Long"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported Media Type")
            }
            Self::MalformedBody => (StatusCode::BAD_REQUEST, "malformed_body", "malformed request body"),
            Self::MalformedNotification => (StatusCode::BAD_REQUEST, "malformed_body", "invalid json format"),
            Self::MalformedQuery => (StatusCode::BAD_REQUEST, "malformed_query", "malformed query string"),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct WrongField {
    pub(crate) field: Cow<'static, str>,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl From<&Violation> for WrongField {
    fn from(violation: &Violation) -> Self {
        let message = violation.message().to_owned();
        Self { field: Cow::Borrowed(violation.field()), code: violation.code().as_str(), message }
    }
}

/// The error that a handler returns. Its body depends on the request, so `error_response.rs` writes it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    pub(crate) fields: Vec<WrongField>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) allow: Option<&'static str>,
    /// The challenge of RFC 6750 §3, for a token that is missing or refused.
    pub(crate) challenge: Option<&'static str>,
    /// Whether the connection has to close, because it still holds the rest of the body.
    pub(crate) closes: bool,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Vec::new(),
            retry_after: None,
            allow: None,
            challenge: None,
            closes: false,
        }
    }

    pub(crate) fn internal() -> Self {
        ErrorCode::Internal.into()
    }

    pub(crate) fn wrong_type(field: String, expected: &str) -> Self {
        let message = format!("{field} must be {expected}");
        let wrong = WrongField { field: Cow::Owned(field), code: "wrong_type", message: message.clone() };
        let code = ErrorCode::InvalidRequest.as_str();
        Self { fields: vec![wrong], ..Self::new(StatusCode::BAD_REQUEST, code, message) }
    }

    pub(crate) fn preflight(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// The error for a status that the framework chose.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => HttpError::NotFound.into(),
            StatusCode::PAYLOAD_TOO_LARGE => HttpError::BodyTooLarge.into(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => HttpError::UnsupportedMediaType.into(),
            status if status.is_client_error() => {
                Self::new(status, "bad_request", status.canonical_reason().unwrap_or("Bad Request"))
            }
            _ => Self::internal(),
        }
    }

    /// Whether the message also stands beside the envelope's `meta`, where the clients of the Go system read it.
    pub(crate) fn repeats_message(&self) -> bool {
        matches!(self.status.as_u16(), 405 | 408 | 413 | 414 | 415 | 429 | 500 | 503) || self.code == "route_not_found"
    }
}

impl From<HttpError> for ApiError {
    fn from(error: HttpError) -> Self {
        let (status, code, message) = error.parts();
        let closes = matches!(error, HttpError::BodyTimeout | HttpError::BodyTooLarge);
        let allow = if let HttpError::MethodNotAllowed(methods) = error { Some(methods) } else { None };
        Self { allow, closes, ..Self::new(status, code, message) }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (status, challenge) = answer(error.code());
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            fields: error.violations().iter().map(WrongField::from).collect(),
            retry_after: error.retry_after(),
            challenge,
            ..Self::new(status, error.code().as_str(), error.message().to_owned())
        }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Error::new(code).into()
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// The status alone: `error_response.rs` writes the rest.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status)
    }
}
