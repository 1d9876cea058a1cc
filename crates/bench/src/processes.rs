//! What processes have used, from `/proc` (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The fields of `/proc/*/stat` behind the name: the parent; user and system time, in clock ticks.
const PARENT: usize = 1;
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

/// A process at this moment.
struct Stat {
    name: String,
    parent: u32,
    time: Duration,
}

/// The CPU time of a process.
///
/// # Panics
/// Where there is no such process.
#[must_use]
pub fn cpu_time(process: u32) -> Duration {
    stat(process).expect("a process under way").time
}

/// A share of a time, in microseconds.
#[must_use]
pub fn each(time: Duration, shares: u64) -> f64 {
    time.as_secs_f64() * 1e6 / shares.max(1) as f64
}

/// The processes of a database, such as PostgreSQL's: those of a name that whoever started this process has started too. Other
/// databases of the machine are not ours to count.
#[derive(Clone, Debug)]
pub struct ProcessGroup {
    name: &'static str,
    root: u32,
}

impl ProcessGroup {
    /// The processes of this name.
    ///
    /// # Panics
    /// Where this process is not in `/proc`.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self { name, root: stat(std::process::id()).expect("this process").parent }
    }

    /// Their CPU time.
    ///
    /// # Panics
    /// Where there is no `/proc`.
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

/// The memory that a process holds, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All of it.
    pub resident: u64,
    /// What is not a piece of a file, such as of the binary, that the kernel may drop and read again.
    pub own: u64,
}

impl Memory {
    /// That of a process; zero where there is none.
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
    // The name may hold spaces and brackets itself.
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
