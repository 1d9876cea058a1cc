//! Another program on the same machine, which computes and never rests.

use std::process::{Child, Command, Stdio};
use std::thread::available_parallelism;

/// A loop for each CPU, ended when this value is dropped.
pub(super) struct BusyLoops(Vec<Child>);

impl BusyLoops {
    pub(super) fn start(nice: u8) -> Self {
        let loops = available_parallelism().map_or(2, usize::from);
        let start = || {
            let mut command = Command::new("nice");
            command.args(["-n", &nice.to_string(), "sh", "-c", "while :; do :; done"]);
            command.stdin(Stdio::null()).spawn().expect("nice and sh")
        };
        Self((0..loops).map(|_| start()).collect())
    }
}

impl Drop for BusyLoops {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It ends by nothing else.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
