//! What the process does by itself while it serves. Each job ends where it is when the process stops, and loses nothing by
//! that: what it was at is taken up by the next process.

use domain::clock::{Clock, Deadline};
use domain::error::Error;
use domain::product::ImageCleanup;
use domain::user::LoginAttempts;
use outbound::passwords::Bcrypt;
use persistence::Database;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// How often forgotten log-in counters are dropped.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

/// How often images are looked for that no product has any more.
const CLEAN_EVERY: Duration = Duration::from_secs(2);

/// How often a job that keeps failing says so.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// A hash that takes longer makes log-in feel broken (OWASP's Password Storage Cheat Sheet).
const SLOW_HASH: Duration = Duration::from_secs(1);

/// Tells how long one hash takes on this machine, from which follows how many log-ins a second it can bear.
pub(crate) async fn tell_hashing_time(passwords: Arc<Bcrypt>) {
    match passwords.measure(Deadline::within(Duration::from_secs(30))).await {
        Ok(elapsed) if elapsed > SLOW_HASH => {
            tracing::warn!(hash_ms = elapsed.as_millis(), "a password hash takes long; lower auth.bcrypt_cost");
        }
        Ok(elapsed) => tracing::info!(hash_ms = elapsed.as_millis(), "password hash measured"),
        Err(error) => tracing::debug!(code = error.code().as_str(), "password hash not measured"),
    }
}

pub(crate) async fn purge_login_attempts(attempts: Arc<Database>, clock: Arc<dyn Clock>) {
    let mut ticks = tokio::time::interval(PURGE_EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match attempts.purge(clock.now(), Deadline::within(Duration::from_secs(10))).await {
            Ok(purged) => tracing::debug!(purged, "login attempts purged"),
            Err(error) => tracing::warn!(causes = domain::error::causes(&error), "login attempts not purged"),
        }
    }
}

/// Removes the images that no product has any more.
pub(crate) async fn remove_images(cleanup: Arc<ImageCleanup>) {
    let mut ticks = tokio::time::interval(CLEAN_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut trouble = Trouble::default();
    loop {
        ticks.tick().await;
        // Where there were some, there may be more than are taken at once.
        while trouble.heed(cleanup.run().await).is_some_and(|removals| removals > 0) {}
    }
}

/// Remembers that a job fails, so that it is logged when that begins and ends, and now and then between.
#[derive(Default)]
struct Trouble {
    complained: Option<Instant>,
}

impl Trouble {
    fn heed<T>(&mut self, outcome: Result<T, Error>) -> Option<T> {
        match outcome {
            Ok(done) => {
                if self.complained.take().is_some() {
                    tracing::info!("images are looked after again");
                }
                Some(done)
            }
            Err(error) => {
                if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                    self.complained = Some(Instant::now());
                    let causes = domain::error::causes(&error);
                    tracing::warn!(code = error.code().as_str(), causes, "images cannot be looked after for now");
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_keeps_failing_complains_once() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.heed(Ok(1)), Some(1));
        assert!(trouble.complained.is_none());
        assert_eq!(trouble.heed::<()>(Err(Error::unavailable("away"))), None);
        let complained = trouble.complained;
        assert!(complained.is_some());
        assert_eq!(trouble.heed::<()>(Err(Error::unavailable("away"))), None);
        assert_eq!(trouble.complained, complained, "not again so soon");
        assert_eq!(trouble.heed(Ok(2)), Some(2));
        assert!(trouble.complained.is_none(), "the next failure is news");
    }
}
