//! What processes have used, from `/proc` (proc(5)).

use std::fs;
use std::path::Path;
use std::time::Duration;

/// The fields of `/proc/*/stat` behind the name: user and system time, in clock ticks.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

/// The CPU time of a process and of those of its children that have ended.
///
/// # Panics
/// Where there is no such process.
#[must_use]
pub fn cpu_time(process: u32) -> Duration {
    of_stat(Path::new(&format!("/proc/{process}/stat"))).expect("a process under way").1
}

/// The CPU time of all processes of this name, such as a database's.
#[must_use]
pub fn cpu_time_of_all(name: &str) -> Duration {
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let stats = entries.filter_map(|entry| of_stat(&entry.path().join("stat")));
    stats.filter(|(found, _)| found == name).map(|(_, time)| time).sum()
}

/// The memory that a process holds, in bytes.
#[must_use]
pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or_default() * 1024
}

fn of_stat(path: &Path) -> Option<(String, Duration)> {
    let stat = fs::read_to_string(path).ok()?;
    // The name may hold spaces and brackets itself.
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<_> = after.split_whitespace().collect();
    let ticks: u64 = fields.get(USER_TIME)?.parse::<u64>().ok()? + fields.get(SYSTEM_TIME)?.parse::<u64>().ok()?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Some((name, Duration::from_micros(ticks * 1_000_000 / per_second)))
}
