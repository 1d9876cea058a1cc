//! The port for observability: the binary turns reports into logs and metrics.

use crate::client::ClientAddress;
use crate::context::RequestId;
use crate::payment::{NotificationOutcome, SendOutcome};
use domain::error::ErrorCode;
use std::time::Duration;
use strum::IntoStaticStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Protocol {
    Rest,
    Grpc,
}

impl Protocol {
    /// The name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

#[derive(Debug)]
pub struct RequestReport<'a> {
    pub protocol: Protocol,
    /// The HTTP method; `POST` for gRPC.
    pub method: &'a str,
    /// The route's pattern or the RPC's full name, never the sent path, so that the number of values is bounded.
    pub route: &'a str,
    /// The HTTP status, or the gRPC status code's number.
    pub status: u16,
    /// Whether the status is a server error.
    pub is_fault: bool,
    /// The time from the request's head to the answer's head.
    pub elapsed: Duration,
    pub request_id: &'a RequestId,
    pub client: ClientAddress,
}

#[derive(Clone, Copy, Debug)]
pub enum PaymentReport<'a> {
    /// A notification with an invalid signature arrived.
    Forged,
    Notification(NotificationOutcome),
    /// A check, not a notification, changed a payment.
    Corrected,
    Mail(&'a SendOutcome),
    /// A mail could not be sent because the mail server does not support its address.
    UnsupportedAddress,
    /// A mail could not be sent because the mail server refuses the sender's account, address or machine.
    SenderRefused,
}

pub trait Observer: Send + Sync {
    fn request_answered(&self, report: &RequestReport<'_>);
    /// Reports a finished use case: its error code, or `None` for success.
    fn use_case_ended(&self, name: &'static str, outcome: Option<ErrorCode>, elapsed: Duration);
    fn payment(&self, report: PaymentReport<'_>);
    fn panic_caught(&self, place: &'static str);
    /// A use case has returned a code that its [`ERRORS`](crate::pipeline::UseCase::ERRORS) do not list. A debug build panics:
    /// a test that meets the code is to fail.
    fn unlisted_error(&self, use_case: &'static str, code: ErrorCode) {
        debug_assert!(false, "the use case {use_case} returned {code}, which its ERRORS do not list");
    }
}
