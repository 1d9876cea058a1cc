//! Removes images that no product uses any more.

use crate::backoff::Backoff;
use crate::clock::{Clock, Deadline};
use crate::product::{ImageLedger, ImageStore, Removal};
use crate::worker::Worker;
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::error::Error;
use std::sync::Arc;
use std::time::Duration;

const BATCH: u32 = 50;
const TIME: Duration = Duration::from_secs(30);
/// How long a claim lasts: well after [`TIME`], in case the server dies.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// The wait between two attempts to remove an image.
const BACKOFF: Backoff = Backoff { first: TimeDelta::seconds(5), longest: TimeDelta::hours(1) };

/// Removes the images that the ledger lists. Any number of servers may run it at once.
pub struct ImageCleanup {
    pub ledger: Arc<dyn ImageLedger>,
    pub store: Arc<dyn ImageStore>,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Worker for ImageCleanup {
    fn subject(&self) -> &'static str {
        "images"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn run(&self) -> Result<usize, Error> {
        let by = Deadline::within(TIME);
        let now = self.clock.now();
        let removals = self.ledger.claim(BATCH, now, now + LEASE, by).await?;
        for removal in &removals {
            self.remove(removal, by).await?;
        }
        Ok(removals.len())
    }
}

impl ImageCleanup {
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
                self.ledger.postpone(key, self.clock.now() + BACKOFF.wait(*attempts), by).await
            }
        }
    }
}
