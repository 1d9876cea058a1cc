//! The ways in which the mail server can fail, and when.

use super::lock;
use std::sync::Mutex;
use std::time::Duration;

/// The step of a session at which the server fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStep {
    /// A client has connected and waits for the greeting.
    Greeting,
    /// The client has sent `EHLO`.
    Ehlo,
    /// The client has sent `STARTTLS`.
    StartTls,
    /// The client has logged in.
    Auth,
    /// The client has named the sender.
    Mail,
    /// The client has named a recipient.
    Rcpt,
    /// The client has sent `DATA`.
    Data,
    /// The first line of the content has arrived.
    Text,
    /// The final dot has arrived and the mail is stored.
    Dot,
    /// The client has sent `NOOP`.
    Noop,
}

/// The way to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The server replies this, such as `451 4.3.0 later`. At [`SessionStep::Dot`] the mail is not stored unless the
    /// reply begins with 2.
    Reply(String),
    /// The server replies these bytes, line ends included. At [`SessionStep::Dot`] it stores the mail if the first
    /// byte is `2`.
    Bytes(Vec<u8>),
    /// The server gives the right reply after this time.
    Late(Duration),
    /// The server closes the connection without a reply.
    Close,
    /// The server closes the connection after the right reply.
    CloseAfter,
    /// The server neither replies nor closes the connection.
    Hang,
    /// The server gives right replies from then on, one byte per second.
    Slow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Next(u32),
    All,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: SessionStep,
    pub action: Action,
}

impl Fault {
    /// Closes connections before the greeting.
    #[must_use]
    pub const fn refuse() -> Self {
        Self { at: SessionStep::Greeting, action: Action::Close }
    }

    /// Greets with 421.
    #[must_use]
    pub fn busy() -> Self {
        Self::reply(SessionStep::Greeting, "421 4.3.2 too busy")
    }

    /// Replies 451.
    #[must_use]
    pub fn defer(at: SessionStep) -> Self {
        Self::reply(at, "451 4.3.0 try again later")
    }

    /// Replies 550.
    #[must_use]
    pub fn reject(at: SessionStep) -> Self {
        Self::reply(at, "550 5.1.1 no such user here")
    }

    #[must_use]
    pub fn reply(at: SessionStep, answer: &str) -> Self {
        Self { at, action: Action::Reply(answer.to_owned()) }
    }

    #[must_use]
    pub fn bytes(at: SessionStep, answer: &[u8]) -> Self {
        Self { at, action: Action::Bytes(answer.to_owned()) }
    }

    #[must_use]
    pub const fn late(at: SessionStep, after: Duration) -> Self {
        Self { at, action: Action::Late(after) }
    }

    /// Closes the connection instead of a reply.
    #[must_use]
    pub const fn close(at: SessionStep) -> Self {
        Self { at, action: Action::Close }
    }

    /// Closes the connection after the reply.
    #[must_use]
    pub const fn close_after(at: SessionStep) -> Self {
        Self { at, action: Action::CloseAfter }
    }

    #[must_use]
    pub const fn hang(at: SessionStep) -> Self {
        Self { at, action: Action::Hang }
    }

    /// Sends one byte per second.
    #[must_use]
    pub const fn slow() -> Self {
        Self { at: SessionStep::Greeting, action: Action::Slow }
    }
}

#[derive(Default)]
pub(super) struct Faults(Mutex<Option<(Fault, Times)>>);

impl Faults {
    pub(super) fn set(&self, fault: Option<(Fault, Times)>) {
        *lock(&self.0) = fault;
    }

    /// The fault for this request, if any.
    pub(super) fn take(&self, at: SessionStep) -> Option<Action> {
        let mut planned = lock(&self.0);
        let (fault, times) = planned.as_mut().filter(|(fault, _)| fault.at == at)?;
        let action = fault.action.clone();
        match times {
            Times::All => {}
            Times::Next(0) => return None,
            Times::Next(left) => *left -= 1,
        }
        Some(action)
    }
}
