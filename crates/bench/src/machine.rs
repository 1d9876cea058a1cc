//! The machine on which the measurement runs.

use serde::Serialize;
use std::fmt;
use std::fs;
use std::process::Command;

#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub processor: String,
    /// The number of hardware threads.
    pub cores: usize,
    /// The memory, in GiB.
    pub memory: f64,
    pub kernel: String,
    pub compiler: String,
    /// The load average of the minute before; a high one means that other processes disturb the figures.
    pub load: String,
}

/// The value of a field in one of the kernel's files.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim_start_matches([':', ' ', '\t']).trim().to_owned()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

impl Machine {
    #[must_use]
    pub fn look() -> Self {
        let file = |path: &str| first_line(&fs::read_to_string(path).unwrap_or_default());
        let kilobytes = field("/proc/meminfo", "MemTotal");
        let kilobytes = kilobytes.split(' ').next().and_then(|number| number.parse::<f64>().ok()).unwrap_or_default();
        let compiler = Command::new("rustc").arg("--version").output();
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kilobytes / f64::from(1 << 20),
            kernel: file("/proc/sys/kernel/osrelease"),
            compiler: compiler
                .map_or_else(|_| "none".to_owned(), |said| first_line(&String::from_utf8_lossy(&said.stdout))),
            load: file("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory, kernel, compiler, load } = self;
        write!(
            f,
            "{processor}, {cores} cores, {memory:.0} GiB, Linux {kernel}, {compiler}; load {load} at the beginning"
        )
    }
}
