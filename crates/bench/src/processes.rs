//! The CPU time and memory of processes, from `/proc` (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The indexes of fields in `/proc/*/stat` after the name: the parent; user and system time in clock ticks.
const PARENT: usize = 1;
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

struct Stat {
    name: String,
    parent: u32,
    time: Duration,
}

#[must_use]
pub fn cpu_time(process: u32) -> Duration {
    stat(process).expect("a process under way").time
}

/// A time divided by a number of answers, in microseconds.
#[must_use]
pub fn each(time: Duration, shares: u64) -> f64 {
    time.as_secs_f64() * 1e6 / shares.max(1) as f64
}

/// The processes of a database: those with this name among the descendants of this process's parent, so that other
/// databases of the machine do not count.
#[derive(Clone, Debug)]
pub struct ProcessGroup {
    name: &'static str,
    root: u32,
}

impl ProcessGroup {
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self { name, root: stat(std::process::id()).expect("this process").parent }
    }

    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let all: HashMap<u32, Stat> = numbers.filter_map(|number| Some((number, stat(number)?))).collect();
        let is_ours = |mut process: u32| {
            while let Some(Stat { parent, .. }) = all.get(&process) {
                if *parent == self.root {
                    return true;
                }
                process = *parent;
            }
            false
        };
        let named = all.iter().filter(|(_, stat)| stat.name == self.name);
        named.filter(|(number, _)| is_ours(**number)).map(|(_, stat)| stat.time).sum()
    }
}

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub resident: u64,
    /// Anonymous memory: not backed by a file, such as the binary, that the kernel may drop and read again.
    pub own: u64,
}

impl Memory {
    /// The memory of a process; 0 if it does not exist.
    #[must_use]
    pub fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or_default()
                * 1024
        };
        Self { resident: bytes("VmRSS:"), own: bytes("RssAnon:") }
    }
}

fn stat(process: u32) -> Option<Stat> {
    let stat = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).ok()?;
    // The name may contain spaces and brackets.
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<_> = after.split_whitespace().collect();
    let ticks: u64 = fields.get(USER_TIME)?.parse::<u64>().ok()? + fields.get(SYSTEM_TIME)?.parse::<u64>().ok()?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Some(Stat {
        name,
        parent: fields.get(PARENT)?.parse().ok()?,
        time: Duration::from_micros(ticks * 1_000_000 / per_second),
    })
}
