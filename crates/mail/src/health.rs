//! The mail server's health: a gauge, and a log line when it changes.

use app::payment::MailError;
use std::mem::discriminant;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a lasting failure is logged.
const TELL_EVERY: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whether the last log-in succeeded; `None` before the first.
    is_usable: Option<bool>,
    /// The failure that was logged last, and when.
    told: Option<(std::mem::Discriminant<MailError>, Instant)>,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_usable(&self) -> Option<bool> {
        self.state().is_usable
    }

    /// Records the outcome of a conversation with the server.
    pub(super) fn observe<T>(&self, outcome: &Result<T, MailError>) {
        let mut state = self.state();
        match outcome {
            Err(error @ (MailError::Away(_) | MailError::Refused(_))) => {
                state.is_usable = Some(false);
                let (kind, told) = (discriminant(error), state.told);
                if told.is_none_or(|(before, at)| before != kind || at.elapsed() >= TELL_EVERY) {
                    state.told = Some((kind, Instant::now()));
                    tracing::warn!(error = error.to_string(), "the mail server cannot be used, and mails wait");
                }
            }
            _ => {
                if state.is_usable.replace(true) == Some(false) {
                    tracing::info!("the mail server can be used again");
                }
                state.told = None;
            }
        }
    }
}
