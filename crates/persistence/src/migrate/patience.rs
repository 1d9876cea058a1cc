//! Waiting for what other processes do.

use super::MigrateError;
use std::time::{Duration, Instant};

/// How often a process that waits tries again.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Until when a process waits for the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    end: Instant,
}

impl Patience {
    pub(super) fn within(duration: Duration) -> Self {
        Self { end: Instant::now() + duration }
    }

    /// Pauses before the next attempt. Returns `false` at the end of the time, without a pause.
    pub(super) fn pause(&self) -> bool {
        let is_left = Instant::now() < self.end;
        if is_left {
            std::thread::sleep(ASK_EVERY);
        }
        is_left
    }

    /// Tries again until there is a result.
    pub(super) fn wait_for<T>(
        &self,
        mut ask: impl FnMut() -> Result<Option<T>, MigrateError>,
    ) -> Result<T, MigrateError> {
        loop {
            if let Some(found) = ask()? {
                return Ok(found);
            }
            if !self.pause() {
                return Err(MigrateError::Locked);
            }
        }
    }
}
