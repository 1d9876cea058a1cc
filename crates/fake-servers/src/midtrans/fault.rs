//! The ways in which the gateway can fail, and at which requests.

use super::{Times, lock};
use std::collections::HashMap;
use std::sync::Mutex;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /snap/v1/transactions`.
    Create,
    /// `POST /snap/v1/transactions/{token}/cancel`.
    Cancel,
    /// `GET /v2/{id}/status`.
    Status,
}

impl Endpoint {
    pub const ALL: [Self; 3] = [Self::Create, Self::Cancel, Self::Status];

    pub(super) fn find(method: &str, path: &str) -> Option<Self> {
        let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match (method, segments.as_slice()) {
            ("POST", ["snap", "v1", "transactions"]) => Some(Self::Create),
            ("POST", ["snap", "v1", "transactions", _, "cancel"]) => Some(Self::Cancel),
            ("GET", ["v2", _, "status"]) => Some(Self::Status),
            _ => None,
        }
    }
}

/// A way to fail. To refuse connections, [stop](super::Midtrans::stop) the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Does nothing and answers with this HTTP status, such as 500 or 502, and an HTML page.
    Status(u16),
    /// Does nothing and answers 500 with the gateway's own error body.
    Failed,
    /// Does nothing and answers 429.
    TooMany,
    /// Does nothing and answers 401 with the server key in the text.
    Unauthorized,
    /// Does nothing and redirects the client: 302.
    Redirect,
    /// Does the work and never answers.
    Hang,
    /// Does the work and closes the connection.
    HangUp,
    /// Does the work and answers with an invalid body.
    Junk,
    /// Does the work and answers with 10 MiB.
    Huge,
    /// Does the work and answers one byte per second.
    Drip,
    /// Does the work and closes the connection in the middle of the answer.
    CutOff,
}

#[derive(Default)]
pub(super) struct Faults(Mutex<HashMap<Endpoint, (Fault, Times)>>);

impl Faults {
    pub(super) fn set(&self, endpoint: Endpoint, fault: Fault, times: Times) {
        lock(&self.0).insert(endpoint, (fault, times));
    }

    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// The fault for this request, if any.
    pub(super) fn take(&self, endpoint: Endpoint) -> Option<Fault> {
        let mut planned = lock(&self.0);
        let (fault, times) = planned.get_mut(&endpoint)?;
        match times {
            Times::All => {}
            Times::Next(0) => return None,
            Times::Next(left) => *left -= 1,
        }
        Some(*fault)
    }
}
