//! What is read at every scrape: how busy the lanes are, how many uploads there are, and how the log keeps up.

use crate::telemetry::{self, Gauge};
use outbound::LaneGauges;
use outbound::images::Inspector;
use outbound::passwords::Bcrypt;
use persistence::Database;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The parts that are asked.
pub(super) struct Sources {
    pub(super) database: Arc<Database>,
    pub(super) passwords: Arc<Bcrypt>,
    pub(super) inspector: Arc<Inspector>,
    pub(super) uploads: Arc<Semaphore>,
    pub(super) max_uploads: usize,
}

impl Sources {
    /// All values of one name stand together.
    pub(super) fn read(&self) -> Vec<Gauge> {
        let mut gauges = self.databases();
        let help = "Hashing threads (size), at work (in_use), and hashes that wait for one (waiting)";
        gauges.extend(lane("hashing_lane", help, &self.passwords.gauges()));
        let help = "Threads that look at images (size), at work (in_use), and images that wait for one (waiting)";
        gauges.extend(lane("image_lane", help, &self.inspector.gauges()));
        let help = "Uploads of images that are allowed at once (size), and under way (in_use)";
        let in_use = self.max_uploads.saturating_sub(self.uploads.available_permits());
        gauges.extend(states("upload_places", help, [("size", self.max_uploads), ("in_use", in_use)]));
        let help = "Log lines that were dropped because the output's reader is too slow";
        gauges.push(gauge("log_lines_dropped", help, Vec::new(), telemetry::dropped_lines()));
        gauges
    }

    fn databases(&self) -> Vec<Gauge> {
        let help = "Connections held (size), at work (in_use), and calls that wait for one (waiting)";
        let lanes = self.database.gauges().into_iter().flat_map(|lane| {
            let states = [("size", lane.size), ("in_use", lane.in_use), ("waiting", lane.waiting)];
            states
                .map(|(state, value)| gauge("database_slots", help, vec![("lane", lane.lane), ("state", state)], value))
        });
        lanes.collect()
    }
}

fn lane(name: &'static str, help: &'static str, lane: &LaneGauges) -> [Gauge; 3] {
    states(name, help, [("size", lane.threads), ("in_use", lane.in_use), ("waiting", lane.waiting)])
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
    Gauge { name, help, labels, value: value.try_into().unwrap_or(i64::MAX) }
}
