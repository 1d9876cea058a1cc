//! What the process does by itself while it serves. Each job ends where it is when the process stops, and loses nothing by
//! that: what it was at is taken up by the next process.

use crate::serve::millis;
use app::audit_log::AuditLog;
use app::clock::{Clock, Deadline};
use app::payment::{MailError, Outbox, OutboxWorker, Payments, RENEW_EVERY};
use app::user::LoginAttempts;
use app::worker::Worker;
use chrono::TimeDelta;
use domain::error::Error;
use mail::Mailer;
use persistence::{Backlog, Database};
use security::passwords::Bcrypt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often what is not needed any more is dropped.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

/// How long an order that is sent again is known again.
const KEYS_KEPT: TimeDelta = TimeDelta::hours(24);

/// How long mails are kept once they are sent.
const MAILS_KEPT: TimeDelta = TimeDelta::days(30);

/// How long the audit log tells of something.
const AUDIT_LOG_KEPT: TimeDelta = TimeDelta::days(366);

/// How often what waits to be done about payments is counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// How often a mail server is called at that has not answered yet.
const CALL_EVERY: Duration = Duration::from_secs(15);

/// How often one is called at that refuses us: more would be taken for an attack.
const CALL_AGAIN_EVERY: Duration = Duration::from_secs(300);

/// How long mails that are being sent may go on when the process stops. What is cut off behind its end may be sent once more.
const LAST_MAILS: Duration = Duration::from_secs(10);

/// How often a job that keeps failing says so.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// A hash that takes longer makes log-in feel broken (OWASP's Password Storage Cheat Sheet).
const SLOW_HASH: Duration = Duration::from_secs(1);

/// Tells how long one hash takes on this machine, from which follows how many log-ins a second it can bear.
pub(crate) async fn tell_hashing_time(passwords: Arc<Bcrypt>) {
    match passwords.measure(Deadline::within(Duration::from_secs(30))).await {
        Ok(elapsed) if elapsed > SLOW_HASH => {
            tracing::warn!(hash_ms = millis(elapsed), "a password hash takes long; lower auth.bcrypt_cost");
        }
        Ok(elapsed) => tracing::info!(hash_ms = millis(elapsed), "password hash measured"),
        Err(error) => tracing::debug!(code = error.code().as_str(), "password hash not measured"),
    }
}

/// Drops what is not needed any more: log-in counters, keys of orders, mails that were sent, old entries
/// of the audit log.
pub(crate) async fn purge(database: Arc<Database>, clock: Arc<dyn Clock>) {
    let mut ticks = tokio::time::interval(PURGE_EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let (now, by) = (clock.now(), || Deadline::within(Duration::from_secs(10)));
        tell_purged("login attempts", LoginAttempts::purge(&*database, now, by()).await);
        tell_purged("idempotency keys", database.forget_keys(now - KEYS_KEPT, by()).await);
        tell_purged("audit log", AuditLog::purge(&*database, now - AUDIT_LOG_KEPT, by()).await);
        tell_purged("mails", Outbox::purge(&*database, now - MAILS_KEPT, by()).await);
    }
}

fn tell_purged(what: &'static str, outcome: Result<usize, Error>) {
    match outcome {
        Ok(purged) => tracing::debug!(purged, what, "purged"),
        Err(error) => tracing::warn!(causes = domain::error::causes(&error), what, "not purged"),
    }
}

/// Counts what waits to be done about payments, for the metrics.
pub(crate) async fn count_backlog(database: Arc<Database>, clock: Arc<dyn Clock>, backlog: Arc<Mutex<Backlog>>) {
    let mut ticks = tokio::time::interval(COUNT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Ok(counted) = database.backlog(clock.now(), Deadline::within(COUNT_EVERY)).await {
            *backlog.lock().unwrap_or_else(PoisonError::into_inner) = counted;
        }
    }
}

/// Runs a worker again and again: once every interval, and where there was work, once more after the pause. The loop stops
/// between two runs, so that nothing is left half done that need not be.
pub(crate) async fn run_worker(worker: Arc<dyn Worker>, pause: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(worker.interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = FailureLog::new(worker.subject());
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        while !stop.is_cancelled() && failures.heed(worker.run().await).is_some_and(|done| done > 0) {
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }
}

/// Finds out what the mail server can do, so that what it lacks is told before a mail needs it. Once it has answered there is
/// nothing left to do: each further connection tells anew.
pub(crate) async fn look_at_mail_server(mailer: Arc<Mailer>, stop: CancellationToken) {
    let calling = async {
        while let Err(error) = mailer.look().await {
            let is_refused = matches!(error, MailError::Refused(_));
            tokio::time::sleep(if is_refused { CALL_AGAIN_EVERY } else { CALL_EVERY }).await;
        }
    };
    // Nothing is lost by ending in the middle: no mail is at stake.
    stop.run_until_cancelled(calling).await;
}

/// Sends the mails that are due, which may take a mail server minutes for each.
pub(crate) async fn send_mails(outbox_worker: Arc<OutboxWorker>, stop: CancellationToken) {
    let sending = run_worker(outbox_worker.clone(), Duration::ZERO, stop.clone());
    let renewing = async {
        let mut failures = FailureLog::new("the leases of mails");
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            failures.heed(outbox_worker.renew().await);
        }
    };
    let stopping = async {
        stop.cancelled().await;
        outbox_worker.stop();
        tokio::time::sleep(LAST_MAILS).await;
        tracing::info!("mails that are still being sent are left to the next process");
    };
    tokio::select! {
        () = sending => {}
        () = renewing => {}
        () = stopping => {}
    }
}

/// Remembers that a job fails, so that it is logged when that begins and ends, and now and then between.
struct FailureLog {
    what: &'static str,
    complained: Option<Instant>,
}

impl FailureLog {
    const fn new(what: &'static str) -> Self {
        Self { what, complained: None }
    }

    fn heed<T>(&mut self, outcome: Result<T, Error>) -> Option<T> {
        match outcome {
            Ok(done) => {
                if self.complained.take().is_some() {
                    tracing::info!("{} are looked after again", self.what);
                }
                Some(done)
            }
            Err(error) => {
                if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                    self.complained = Some(Instant::now());
                    let causes = domain::error::causes(&error);
                    tracing::warn!(
                        code = error.code().as_str(),
                        causes,
                        "{} cannot be looked after for now",
                        self.what
                    );
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
        let mut failures = FailureLog::new("images");
        assert_eq!(failures.heed(Ok(1)), Some(1));
        assert!(failures.complained.is_none());
        assert_eq!(failures.heed::<()>(Err(Error::unavailable("away"))), None);
        let complained = failures.complained;
        assert!(complained.is_some());
        assert_eq!(failures.heed::<()>(Err(Error::unavailable("away"))), None);
        assert_eq!(failures.complained, complained, "not again so soon");
        assert_eq!(failures.heed(Ok(2)), Some(2));
        assert!(failures.complained.is_none(), "the next failure is news");
    }
}
