//! Whether the database has refused a write for a while because it takes none.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) at: Instant,
    /// What the database said.
    pub(crate) reason: String,
}

/// The last refusal, until a check finds that the database takes writes. A write that succeeds does not end it: on a full
/// disk, a write that fits into what the database's files hold already succeeds beside those that do not.
#[derive(Debug, Default)]
pub(crate) struct LastRefusal(Mutex<Option<Refusal>>);

impl LastRefusal {
    pub(crate) fn record(&self, reason: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Refusal { at: Instant::now(), reason });
    }

    pub(crate) fn get(&self) -> Option<Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends this refusal, unless there has been another since.
    pub(crate) fn end(&self, refusal: &Refusal) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.take_if(|last| last == refusal);
    }
}
