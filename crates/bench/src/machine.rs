//! The machine that everything is measured on.

use serde::Serialize;
use std::fmt;
use std::fs;
use std::process::Command;

/// What a reader has to know of it.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor.
    pub processor: String,
    /// How many threads run at once.
    pub cores: usize,
    /// The memory, in GiB.
    pub memory: f64,
    /// The kernel.
    pub kernel: String,
    /// The compiler that is installed.
    pub compiler: String,
    /// How many processes wanted to run in the last minute before: more than a few, and the figures are somebody else's too.
    pub load: String,
}

/// What stands behind a name in one of the kernel's files.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim_start_matches([':', ' ', '\t']).trim().to_owned()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

impl Machine {
    /// Looks at this one.
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
