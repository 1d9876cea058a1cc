//! The port for rate limits.

use crate::client::ClientAddress;
use crate::observe::Protocol;
use domain::user::UserId;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimitClass {
    /// Log-in and registration: few calls, because each costs a password hash and attackers repeat them.
    Credentials,
    /// Calls that change something.
    Write,
    /// Calls that only read.
    Read,
    /// Notifications of the payment gateway, which come in bursts and must not be refused.
    Notification,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimitKey {
    /// Calls without an account, by client address.
    Client(ClientAddress),
    /// Calls of an account, from any address.
    User(UserId),
}

/// The state of a rate limit after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: u32,
    pub window: Duration,
    pub remaining: u32,
    pub resets_in: Duration,
    /// Whether this call exceeded the limit.
    pub exceeded: bool,
}

pub trait RateLimiter: Send + Sync {
    /// Counts one call. Both protocols share the limit for log-ins and registrations. Returns `None` if calls of this class
    /// are not limited.
    fn check(&self, protocol: Protocol, class: RateLimitClass, key: RateLimitKey) -> Option<Quota>;
}
