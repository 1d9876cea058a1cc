//! Accounts over both protocols.

use domain::error::ErrorCode;
use testkit::client::{CallError, Outcome, Protocol};

pub mod faults;
pub mod hashes;
pub mod key_rotation;
pub mod legacy_tokens;
pub mod logging_in;
pub mod overload;
pub mod passwords;
pub mod races;
pub mod rate_limit;
pub mod registering;
pub mod throttle;
pub mod tokens;
pub mod viewing;

pub const PROTOCOLS: &[Protocol] = &Protocol::ALL;

/// Checks that a call has failed with this code and its usual message, over either protocol.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(outcome: Outcome<T>, code: ErrorCode) -> CallError {
    let call_error = outcome.unwrap_err();
    assert_eq!(call_error.code, code, "{call_error:?}");
    let usual = [code.message(), testkit::grpc::message(code)];
    assert!(usual.contains(&call_error.message.as_str()), "{call_error:?}");
    call_error
}

/// Checks that a form was rejected for these fields, each with its message, in this order.
#[track_caller]
pub(crate) fn assert_fields<T: std::fmt::Debug>(outcome: Outcome<T>, expected: &[(&str, &str)]) -> CallError {
    let call_error = outcome.unwrap_err();
    let fields: Vec<_> = call_error.fields.iter().map(|(field, message)| (field.as_str(), message.as_str())).collect();
    assert_eq!(fields, expected, "{call_error:?}");
    call_error
}
