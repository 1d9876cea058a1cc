//! What can go wrong at the gateway, and at which requests.

use super::{Times, lock};
use std::collections::HashMap;
use std::sync::Mutex;

/// What a request is about.
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
    /// Every kind there is.
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

/// A way to fail. A gateway that refuses connections is one that is [stopped](super::Midtrans::stop).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Does nothing, and answers with this status of HTTP, such as 500 or 502, and a page for people.
    Status(u16),
    /// Does nothing, and says in the gateway's own words that it has failed: 500.
    Failed,
    /// Does nothing: 429.
    TooMany,
    /// Does nothing: 401, with our key in the text.
    Unauthorized,
    /// Does nothing, and sends the client elsewhere: 302.
    Redirect,
    /// Does what it should, and never answers.
    Hang,
    /// Does what it should, and closes the connection.
    HangUp,
    /// Does what it should, and answers something that nobody understands.
    Junk,
    /// Does what it should, and answers 10 MiB.
    Huge,
    /// Does what it should, and answers one byte in a second.
    Drip,
    /// Does what it should, and closes the connection in the middle of the answer.
    CutOff,
}

/// What is to go wrong.
#[derive(Default)]
pub(super) struct Faults(Mutex<HashMap<Endpoint, (Fault, Times)>>);

impl Faults {
    pub(super) fn set(&self, endpoint: Endpoint, fault: Fault, times: Times) {
        lock(&self.0).insert(endpoint, (fault, times));
    }

    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// What goes wrong now.
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
