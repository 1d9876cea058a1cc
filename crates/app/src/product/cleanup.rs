//! Removes images that no product uses any more.

use crate::clock::{Clock, Deadline};
use crate::product::{ImageLedger, ImageStore, Removal};
use chrono::TimeDelta;
use domain::error::Error;
use std::sync::Arc;
use std::time::Duration;

const BATCH: u32 = 50;
const TIME: Duration = Duration::from_secs(30);
/// How long a claim lasts: well after [`TIME`], in case the server dies.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// The wait after the first failure. Each further failure doubles it, up to [`LONGEST_WAIT`].
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(5);
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// Removes the images that the ledger lists. Any number of servers may run it at once.
pub struct ImageCleanup {
    pub ledger: Arc<dyn ImageLedger>,
    pub store: Arc<dyn ImageStore>,
    pub clock: Arc<dyn Clock>,
}

impl ImageCleanup {
    /// Removes due images and returns how many it processed; if not zero, more may be due.
    ///
    /// # Errors
    /// Those of the ledger. A failure of the store is recorded, and the image is tried again later.
    pub async fn run(&self) -> Result<usize, Error> {
        let by = Deadline::within(TIME);
        let now = self.clock.now();
        let removals = self.ledger.claim(BATCH, now, now + LEASE, by).await?;
        for removal in &removals {
            self.remove(removal, by).await?;
        }
        Ok(removals.len())
    }

    async fn remove(&self, removal: &Removal, by: Deadline) -> Result<(), Error> {
        let Removal { key, attempts } = removal;
        match self.store.remove(key, by).await {
            Ok(()) => {
                tracing::debug!(image = %key, "image removed");
                self.ledger.forget(key, by).await
            }
            Err(error) => {
                let causes = domain::error::causes(&error);
                tracing::warn!(image = %key, attempts, causes, "an image could not be removed");
                self.ledger.postpone(key, self.clock.now() + wait_after(*attempts), by).await
            }
        }
    }
}

/// The wait after a failure, by the number of earlier attempts.
fn wait_after(attempts: u32) -> TimeDelta {
    let factor = 2_i32.saturating_pow(attempts.min(16));
    FIRST_WAIT.checked_mul(factor).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_an_hour() {
        assert_eq!([0, 1, 2].map(wait_after), [5, 10, 20].map(TimeDelta::seconds));
        assert_eq!(wait_after(u32::MAX), TimeDelta::hours(1));
    }
}
