//! What the process does by itself while it serves. A job may be cut off when the process stops, and loses nothing by that:
//! the next process does the work again.

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

/// How often rows that are not needed any more are deleted.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

/// How long an order that is sent again under the same key gets the first answer.
const KEYS_KEPT: TimeDelta = TimeDelta::hours(24);

/// How long mails are kept once they are sent.
const MAILS_KEPT: TimeDelta = TimeDelta::days(30);

/// How long entries of the audit log are kept.
const AUDIT_LOG_KEPT: TimeDelta = TimeDelta::days(366);

/// How often the backlog is counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// How often a mail server is probed that has not answered yet.
const PROBE_EVERY: Duration = Duration::from_secs(15);

/// The same for a mail server that refuses us: more often would be taken for an attack.
const PROBE_REFUSED_EVERY: Duration = Duration::from_secs(300);

/// How long sending may go on when the process stops. A mail that is cut off near its end may be sent once more.
const MAIL_GRACE: Duration = Duration::from_secs(10);

/// How often a job that keeps failing is logged.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// A hash that takes longer makes log-in feel broken (OWASP's Password Storage Cheat Sheet).
const SLOW_HASH: Duration = Duration::from_secs(1);

/// Logs how much of a CPU one hash takes, which limits how many log-ins a second this machine can serve. Its time on the clock
/// would tell of what else the machine has to do.
pub(crate) async fn log_hashing_time(passwords: Arc<Bcrypt>) {
    match passwords.measure(Deadline::within(Duration::from_secs(30))).await {
        Ok(elapsed) if elapsed > SLOW_HASH => {
            tracing::warn!(hash_ms = millis(elapsed), "a password hash takes long; lower auth.bcrypt_cost");
        }
        Ok(elapsed) => tracing::info!(hash_ms = millis(elapsed), "password hash measured"),
        Err(error) => tracing::debug!(code = error.code().as_str(), "password hash not measured"),
    }
}

/// Deletes what is not needed any more: log-in counters, idempotency keys, mails that were sent, old entries of the audit log,
/// marks of writers.
pub(crate) async fn purge(database: Arc<Database>, clock: Arc<dyn Clock>) {
    let mut ticks = tokio::time::interval(PURGE_EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let (now, by) = (clock.now(), || Deadline::within(Duration::from_secs(10)));
        log_purged("login attempts", LoginAttempts::purge(&*database, now, by()).await);
        log_purged("idempotency keys", database.forget_keys(now - KEYS_KEPT, by()).await);
        log_purged("audit log", AuditLog::purge(&*database, now - AUDIT_LOG_KEPT, by()).await);
        log_purged("write marks", database.forget_write_marks(now, by()).await);
        log_purged("mails", Outbox::purge(&*database, now - MAILS_KEPT, by()).await);
    }
}

fn log_purged(what: &'static str, outcome: Result<usize, Error>) {
    match outcome {
        Ok(purged) => tracing::debug!(purged, what, "purged"),
        Err(error) => tracing::warn!(causes = domain::error::causes(&error), what, "not purged"),
    }
}

/// Counts the work on payments that waits, for the metrics.
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

/// Runs a worker once every interval, and once more after the pause if there was work. The loop stops between two runs, so no
/// run is cut off.
pub(crate) async fn run_worker(worker: Arc<dyn Worker>, pause: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(worker.interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = FailureLog::new(worker.subject());
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        while !stop.is_cancelled() && failures.record(worker.run().await).is_some_and(|done| done > 0) {
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }
}

/// Connects to the mail server until it answers, so that a capability that it lacks is logged before a mail needs it. Each
/// later connection reports capabilities by itself.
pub(crate) async fn probe_mail_server(mailer: Arc<Mailer>, stop: CancellationToken) {
    let probing = async {
        while let Err(error) = mailer.probe().await {
            let is_refused = matches!(error, MailError::Refused(_));
            tokio::time::sleep(if is_refused { PROBE_REFUSED_EVERY } else { PROBE_EVERY }).await;
        }
    };
    // Cancelling in the middle loses nothing: no mail is being sent.
    stop.run_until_cancelled(probing).await;
}

/// Runs the outbox worker, and renews the leases of mails meanwhile: a mail server may take minutes for one mail.
pub(crate) async fn send_mails(outbox_worker: Arc<OutboxWorker>, stop: CancellationToken) {
    let sending = run_worker(outbox_worker.clone(), Duration::ZERO, stop.clone());
    let renewing = async {
        let mut failures = FailureLog::new("the leases of mails");
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            failures.record(outbox_worker.renew().await);
        }
    };
    let stopping = async {
        stop.cancelled().await;
        outbox_worker.stop();
        tokio::time::sleep(MAIL_GRACE).await;
        tracing::info!("mails that are still being sent are left to the next process");
    };
    tokio::select! {
        () = sending => {}
        () = renewing => {}
        () = stopping => {}
    }
}

/// Logs when a job begins to fail and when it succeeds again, and from time to time between.
struct FailureLog {
    subject: &'static str,
    logged_at: Option<Instant>,
}

impl FailureLog {
    const fn new(subject: &'static str) -> Self {
        Self { subject, logged_at: None }
    }

    fn record<T>(&mut self, outcome: Result<T, Error>) -> Option<T> {
        match outcome {
            Ok(done) => {
                if self.logged_at.take().is_some() {
                    tracing::info!("{} are looked after again", self.subject);
                }
                Some(done)
            }
            Err(error) => {
                if self.logged_at.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
                    self.logged_at = Some(Instant::now());
                    let causes = domain::error::causes(&error);
                    tracing::warn!(
                        code = error.code().as_str(),
                        causes,
                        "{} cannot be looked after for now",
                        self.subject
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
    fn a_job_that_keeps_failing_is_logged_once() {
        let mut failures = FailureLog::new("images");
        assert_eq!(failures.record(Ok(1)), Some(1));
        assert!(failures.logged_at.is_none());
        assert_eq!(failures.record::<()>(Err(Error::unavailable("away"))), None);
        let logged_at = failures.logged_at;
        assert!(logged_at.is_some());
        assert_eq!(failures.record::<()>(Err(Error::unavailable("away"))), None);
        assert_eq!(failures.logged_at, logged_at, "not again so soon");
        assert_eq!(failures.record(Ok(2)), Some(2));
        assert!(failures.logged_at.is_none(), "the next failure is news");
    }
}
