//! How many calls a client may make.

use crate::client::ClientAddress;
use crate::observe::Protocol;
use domain::user::UserId;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimitClass {
    /// Log-in and registration: few, because each costs a password hash and is what an attacker repeats.
    Credentials,
    /// Calls that change something.
    Write,
    /// Calls that only look.
    Read,
    /// Notifications from the payment gateway, which come in bursts and must not be turned away.
    Notification,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimitKey {
    /// Calls without an account, by where they come from.
    Client(ClientAddress),
    /// Calls of a known account, from wherever.
    User(UserId),
}

/// What is left of an allowance after a call has been counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: u32,
    pub window: Duration,
    pub remaining: u32,
    pub resets_in: Duration,
    /// Whether this very call was one too many.
    pub exceeded: bool,
}

pub trait RateLimiter: Send + Sync {
    /// Counts one call that came by a protocol. Log-ins and registrations are counted together, whichever protocol they come by.
    /// `None` where calls are not limited.
    fn check(&self, protocol: Protocol, class: RateLimitClass, key: RateLimitKey) -> Option<Quota>;
}
