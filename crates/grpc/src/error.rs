//! The mapping of errors to gRPC statuses and details.
#![warn(clippy::wildcard_enum_match_arm)]

use app::context::RequestId;
use domain::error::{Error, ErrorCode, Violation};
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// The domain in `google.rpc.ErrorInfo`, beside which a code is unique in the world.
const DOMAIN: &str = "gocommerce";

/// The status code of an error, as `google/rpc/code.proto` defines them. None is `UNKNOWN`.
#[must_use]
pub const fn code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::InvalidRequest | ErrorCode::InvalidLogin | ErrorCode::IdempotencyKeyReused => Code::InvalidArgument,
        ErrorCode::EmailTaken => Code::AlreadyExists,
        ErrorCode::LoginFailed | ErrorCode::TokenMissing | ErrorCode::TokenInvalid | ErrorCode::SignatureInvalid => {
            Code::Unauthenticated
        }
        ErrorCode::RoleNotAllowed | ErrorCode::Forbidden => Code::PermissionDenied,
        ErrorCode::UserNotFound
        | ErrorCode::ProductNotFound
        | ErrorCode::OrderedProductNotFound
        | ErrorCode::PaymentNotFound
        | ErrorCode::NotifiedOrderNotFound => Code::NotFound,
        ErrorCode::InsufficientStock => Code::FailedPrecondition,
        ErrorCode::ProductChanged | ErrorCode::IdempotencyKeyInUse => Code::Aborted,
        ErrorCode::RateLimited | ErrorCode::LoginThrottled | ErrorCode::Overloaded => Code::ResourceExhausted,
        ErrorCode::ImageStoreFailed | ErrorCode::GatewayFailed | ErrorCode::Unavailable => Code::Unavailable,
        ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorCode::Internal => Code::Internal,
    }
}

/// The status of a failed call, with all details that a client can use.
pub(crate) fn status(error: &Error, request_id: &RequestId) -> Status {
    let mut details = details(error.code().as_str(), request_id);
    if !error.violations().is_empty() {
        details.set_bad_request(error.violations().iter().map(violation).collect::<Vec<_>>());
    }
    if let Some(delay) = error.retry_after() {
        details.set_retry_info(Some(delay));
    }
    Status::with_error_details(code(error.code()), message(error), details)
}

/// The replacement of a status that tonic itself gives, whose text would reveal the libraries. tonic reports a message that
/// is malformed or incomplete as an error of the server, and has two statuses for a message that is too large. `None` where
/// tonic's status is right.
pub(crate) fn replacement(status: Code, request_id: &RequestId) -> Option<Status> {
    let (code, reason, message) = if matches!(status, Code::Internal | Code::Unknown) {
        (Code::InvalidArgument, "malformed_body", "malformed request message")
    } else if matches!(status, Code::OutOfRange | Code::ResourceExhausted) {
        (Code::ResourceExhausted, "body_too_large", "request message too large")
    } else {
        return None;
    };
    Some(Status::with_error_details(code, message, details(reason, request_id)))
}

/// The status of a call to an unknown rpc, for which tonic sends no message.
pub(crate) fn unknown_rpc(message: String, request_id: &RequestId) -> Status {
    Status::with_error_details(Code::Unimplemented, message, details("rpc_not_found", request_id))
}

fn details(reason: &str, request_id: &RequestId) -> ErrorDetails {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    details.set_request_info(request_id.as_str(), "");
    details
}

fn violation(violation: &Violation) -> FieldViolation {
    FieldViolation {
        reason: violation.code().as_str().to_owned(),
        ..FieldViolation::new(violation.field(), violation.message())
    }
}

/// The text for people: that of the error, except for the code whose text differed over gRPC in the Go system.
fn message(error: &Error) -> &str {
    if error.code() == ErrorCode::TokenInvalid { "invalid token" } else { error.message() }
}
