//! The gauges that each scrape of the metrics reads.

use super::ConfiguredGateway;
use crate::telemetry::{self, Gauge};
use app::refusals::HeldRefusals;
use executor::ExecutorGauges;
use images::{Inspector, Store};
use mail::Mailer;
use persistence::{Backlog, Database, Replica};
use security::passwords::Bcrypt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// The parts that the gauges are read from.
pub(super) struct Sources {
    pub(super) backlog: Arc<Mutex<Backlog>>,
    pub(super) gateway: ConfiguredGateway,
    pub(super) database: Arc<Database>,
    pub(super) replica: Option<Arc<Replica>>,
    pub(super) passwords: Arc<Bcrypt>,
    pub(super) inspector: Arc<Inspector>,
    pub(super) store: Arc<Store>,
    pub(super) uploads: Arc<Semaphore>,
    pub(super) max_uploads: usize,
    pub(super) mailer: Arc<Mailer>,
    pub(super) refusals: Arc<HeldRefusals>,
}

impl Sources {
    /// Reads all gauges. Those of one name are adjacent.
    pub(super) fn read(&self) -> Vec<Gauge> {
        let mut gauges = self.databases();
        let help = "Hashing threads (size), at work (in_use), and hashes that wait for one (waiting)";
        gauges.extend(executor("hashing_lane", help, &self.passwords.gauges()));
        let help = "Threads that look at images (size), at work (in_use), and images that wait for one (waiting)";
        gauges.extend(executor("image_lane", help, &self.inspector.gauges()));
        let help = "How often in a row the store of images has failed; 0 once it succeeds";
        let failures = self.store.gauges();
        let failures = [("put", failures.failed_puts), ("remove", failures.failed_removals)];
        gauges
            .extend(failures.map(|(operation, failed)| {
                gauge("image_store_failures", help, vec![("operation", operation)], failed)
            }));
        let help = "Uploads of images that are allowed at once (size), and under way (in_use)";
        let in_use = self.max_uploads.saturating_sub(self.uploads.available_permits());
        gauges.extend(states("upload_places", help, [("size", self.max_uploads), ("in_use", in_use)]));
        let help = "Refusals that may be held back at once (size), and that are (in_use)";
        let (size, in_use) = self.refusals.gauges();
        gauges.extend(states("refusals_held", help, [("size", size), ("in_use", in_use)]));
        gauges.extend(self.payments());
        let help = "Log lines that were dropped because the output's reader is too slow";
        gauges.push(gauge("log_lines_dropped", help, Vec::new(), telemetry::dropped_lines()));
        gauges
    }

    /// The backlog of payments, as counted last.
    fn payments(&self) -> Vec<Gauge> {
        let backlog = *self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |name, help, value: i64| gauge(name, help, Vec::new(), value);
        let circuit_open = i64::from(self.gateway.is_circuit_open());
        let help = "Whether the mail server takes addresses with characters beyond ASCII before the @ (SMTPUTF8)";
        let smtputf8 = self.mailer.takes_all_addresses().map(|takes| one("mail_server_smtputf8", help, takes.into()));
        let help = "Whether the mail server let us in when a mail was last tried";
        let usable = self.mailer.is_usable().map(|is_usable| one("mail_server_usable", help, is_usable.into()));
        let counted = [
            one("notifications_waiting", "Notifications about which nothing has been done yet", backlog.notifications),
            one("notifications_age_seconds", "How long the oldest of them has waited", backlog.notifications_age),
            one("mails_waiting", "Mails that are yet to be sent", backlog.mails),
            one("mails_age_seconds", "How long the oldest of them has waited", backlog.mails_age),
            one("mails_dead", "Mails that are not tried any more", backlog.dead_mails),
            one(
                "mails_uncertain",
                "Attempts of mails not yet sent that may have sent them all the same",
                backlog.uncertain_mails,
            ),
            one("payments_unfulfilled", "Payments that are paid and have no pieces", backlog.unfulfilled),
            one(
                "payments_contradicted",
                "Payments of which the gateway tells what does not fit, and that wait for a person",
                backlog.contradicted,
            ),
            one(
                "gateway_resting",
                "Whether the gateway is not asked for now, because it has failed so often",
                circuit_open,
            ),
        ];
        counted.into_iter().chain(smtputf8).chain(usable).collect()
    }

    fn databases(&self) -> Vec<Gauge> {
        let help = "Connections held (size), at work (in_use), and calls that wait for one (waiting)";
        let replica = self.replica.as_ref().map(|replica| replica.report());
        let lanes = self.database.gauges().into_iter().chain(replica.iter().map(|report| ("read", report.threads)));
        let mut gauges: Vec<_> = lanes
            .flat_map(|(name, threads)| {
                let states = [("size", threads.threads), ("in_use", threads.in_use), ("waiting", threads.waiting)];
                states
                    .map(|(state, value)| gauge("database_slots", help, vec![("lane", name), ("state", state)], value))
            })
            .collect();
        if let Some(report) = replica {
            let help = "Whether the replica answers lists; 0 while it is left out";
            gauges.push(gauge("replica_used", help, Vec::new(), i64::from(report.is_used)));
            let help = "How long ago everything was committed that the replica is known to have";
            gauges.push(gauge("replica_lag_seconds", help, Vec::new(), report.lag.as_secs()));
            let help = "Lists read since the start, by outcome: the replica answered, or why the primary did";
            gauges.extend(
                report.reads.map(|(outcome, count)| gauge("replica_reads", help, vec![("outcome", outcome)], count)),
            );
        }
        let help = "Transactions that the database undid because of others: run again, or given up";
        gauges.extend(self.database.retries().map(|(outcome, count)| Gauge {
            is_counter: true,
            ..gauge("database_undone", help, vec![("outcome", outcome)], count)
        }));
        gauges
    }
}

fn executor(name: &'static str, help: &'static str, gauges: &ExecutorGauges) -> [Gauge; 3] {
    states(name, help, [("size", gauges.threads), ("in_use", gauges.in_use), ("waiting", gauges.waiting)])
}

fn states<const N: usize>(name: &'static str, help: &'static str, states: [(&'static str, usize); N]) -> [Gauge; N] {
    states.map(|(state, value)| gauge(name, help, vec![("state", state)], value))
}

fn gauge<V: TryInto<i64>>(
    name: &'static str,
    help: &'static str,
    labels: Vec<(&'static str, &'static str)>,
    value: V,
) -> Gauge {
    Gauge { name, help, labels, value: value.try_into().unwrap_or(i64::MAX), is_counter: false }
}
