//! What can go wrong at a mail server, and when.

use super::lock;
use std::sync::Mutex;
use std::time::Duration;

/// When something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A client has connected, and waits for the greeting.
    Greeting,
    /// It has said hello.
    Ehlo,
    /// It wants to encrypt.
    StartTls,
    /// It has told who it is.
    Auth,
    /// It has told from whom a mail is.
    Mail,
    /// It has told to whom.
    Rcpt,
    /// It wants to send the content.
    Data,
    /// The first line of the content has come.
    Text,
    /// The final dot has come, and the mail is kept.
    Dot,
    /// It has asked whether the server is still there.
    Noop,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The server answers this, such as `451 4.3.0 later`. At [`Moment::Dot`] a reply that does not begin with 2 means that the
    /// mail is not kept.
    Reply(String),
    /// It answers these bytes, with their line ends. At [`Moment::Dot`] it keeps the mail where the first is a `2`.
    Bytes(Vec<u8>),
    /// It answers rightly, after this time.
    Late(Duration),
    /// It closes the connection without an answer.
    Close,
    /// It closes the connection behind the right answer.
    CloseAfter,
    /// It never answers, and never closes the connection.
    Hang,
    /// It answers rightly from then on, at one byte in a second.
    Slow,
}

/// How often something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next times that the moment comes.
    Next(u32),
    /// Always.
    All,
}

/// A way to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub at: Moment,
    /// In which way.
    pub action: Action,
}

impl Fault {
    /// Closes connections before a word.
    #[must_use]
    pub const fn refuse() -> Self {
        Self { at: Moment::Greeting, action: Action::Close }
    }

    /// Has no time: greets with 421.
    #[must_use]
    pub fn busy() -> Self {
        Self::reply(Moment::Greeting, "421 4.3.2 too busy")
    }

    /// Puts it off: 451.
    #[must_use]
    pub fn defer(at: Moment) -> Self {
        Self::reply(at, "451 4.3.0 try again later")
    }

    /// Refuses it for good: 550.
    #[must_use]
    pub fn reject(at: Moment) -> Self {
        Self::reply(at, "550 5.1.1 no such user here")
    }

    /// Gives an answer of one's own.
    #[must_use]
    pub fn reply(at: Moment, answer: &str) -> Self {
        Self { at, action: Action::Reply(answer.to_owned()) }
    }

    /// Gives an answer that is no text.
    #[must_use]
    pub fn bytes(at: Moment, answer: &[u8]) -> Self {
        Self { at, action: Action::Bytes(answer.to_owned()) }
    }

    /// Answers late.
    #[must_use]
    pub const fn late(at: Moment, after: Duration) -> Self {
        Self { at, action: Action::Late(after) }
    }

    /// Closes the connection instead of answering.
    #[must_use]
    pub const fn close(at: Moment) -> Self {
        Self { at, action: Action::Close }
    }

    /// Closes the connection behind the answer.
    #[must_use]
    pub const fn close_after(at: Moment) -> Self {
        Self { at, action: Action::CloseAfter }
    }

    /// Never answers.
    #[must_use]
    pub const fn hang(at: Moment) -> Self {
        Self { at, action: Action::Hang }
    }

    /// Sends one byte in a second.
    #[must_use]
    pub const fn slow() -> Self {
        Self { at: Moment::Greeting, action: Action::Slow }
    }
}

/// What is to go wrong.
#[derive(Default)]
pub(super) struct Faults(Mutex<Option<(Fault, Times)>>);

impl Faults {
    pub(super) fn set(&self, fault: Option<(Fault, Times)>) {
        *lock(&self.0) = fault;
    }

    /// What goes wrong now.
    pub(super) fn take(&self, at: Moment) -> Option<Action> {
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
