//! What the shop reports of itself, as a port: the binary turns it into logs and metrics.

use crate::client::ClientAddress;
use crate::context::RequestId;
use crate::payment::{Attempt, NotificationOutcome};
use domain::error::ErrorCode;
use std::time::Duration;

/// The protocol that a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1 with JSON.
    Rest,
    /// gRPC over HTTP/2.
    Grpc,
}

impl Protocol {
    /// The name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Grpc => "grpc",
        }
    }
}

/// One request that has been answered.
#[derive(Debug)]
pub struct RequestReport<'a> {
    /// How it came.
    pub protocol: Protocol,
    /// The HTTP method; `POST` for gRPC.
    pub method: &'a str,
    /// The route's pattern or the RPC's full name, never the path as sent: the number of routes is bounded.
    pub route: &'a str,
    /// The HTTP status, or the gRPC status code's number.
    pub status: u16,
    /// Whether the status is a fault of ours.
    pub is_fault: bool,
    /// From the request's head to the answer's head.
    pub elapsed: Duration,
    /// The request's identifier.
    pub request_id: &'a RequestId,
    /// The client as the trusted proxies tell it.
    pub client: ClientAddress,
}

/// Something about payments that is counted.
#[derive(Clone, Copy, Debug)]
pub enum PaymentReport<'a> {
    /// A notification without a right signature has come.
    Forged,
    /// A notification has been judged.
    Notification(NotificationOutcome),
    /// A payment was moved on because it was asked about, not because the gateway told of it.
    Corrected,
    /// A mail was tried.
    Mail(&'a Attempt),
    /// It could not be sent because the mail server cannot take its address.
    UnsupportedAddress,
    /// It could not be sent because the mail server refuses whom it is from: our account, our address or our machine.
    SenderRefused,
}

/// Where reports go.
pub trait Observer: Send + Sync {
    /// A request has been answered.
    fn request_answered(&self, report: &RequestReport<'_>);
    /// A use case has ended: with its result's code, or `None` for success.
    fn use_case_ended(&self, name: &'static str, outcome: Option<ErrorCode>, elapsed: Duration);
    /// Something about payments.
    fn payment(&self, report: PaymentReport<'_>);
    /// A panic was caught and answered.
    fn panic_caught(&self, place: &'static str);
    /// A use case has returned a code that its [`ERRORS`](crate::pipeline::UseCase::ERRORS) do not list. A debug build panics:
    /// a test that meets the code is to fail.
    fn unlisted_error(&self, use_case: &'static str, code: ErrorCode) {
        debug_assert!(false, "the use case {use_case} returned {code}, which its ERRORS do not list");
    }
}
