//! The product's binary as a process of its own, as an operator starts it.

use serde::Deserialize;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that a start may take.
const START: Duration = Duration::from_secs(30);

/// Where a process listens, as its ready file tells.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Addresses {
    /// REST.
    pub rest: SocketAddr,
    /// gRPC.
    pub grpc: SocketAddr,
    /// Liveness, readiness, metrics.
    pub ops: SocketAddr,
}

/// A process under way; killed with this value.
pub struct Process {
    child: Child,
    folder: TempDir,
}

/// The binary beside the running test.
///
/// # Panics
/// Where it has not been built.
#[must_use]
pub fn path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("go-commerce");
    assert!(path.is_file(), "{} is not there; build it with `cargo build -p server`", path.display());
    path
}

/// Sends a signal by its name, as in `TERM`, to a process. Tells whether there was such a process.
///
/// # Panics
/// Where the machine has no program `kill`.
pub fn signal(name: &str, process: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(process.to_string()).stderr(Stdio::null());
    kill.status().unwrap().success()
}

impl Process {
    /// Starts a command of the binary in an empty folder, with nothing in its environment but what is given.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn spawn(arguments: &[&str], settings: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = |name: &str| Stdio::from(File::create(folder.path().join(name)).unwrap());
        let mut command = Command::new(path());
        command.args(arguments).current_dir(folder.path()).env_clear().envs(variables.iter().copied());
        for (key, value) in settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command.stdin(Stdio::null()).stdout(output("stdout")).stderr(output("stderr"));
        let child = command.spawn().unwrap();
        Self { child, folder }
    }

    /// Starts a server of the environment `test` on free ports.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn serve(settings: &[(&str, &str)]) -> Self {
        let own = [("rest.port", "0"), ("grpc.port", "0"), ("ops.port", "0")];
        let all: Vec<_> = own.iter().chain(settings).copied().collect();
        Self::spawn(&["serve", "--env", "test", "--ready-file", "ready.json"], &all, &[])
    }

    /// Waits until it listens.
    ///
    /// # Panics
    /// Where it ends instead, or takes too long.
    pub fn addresses(&mut self) -> Addresses {
        let begun = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(self.folder.path().join("ready.json")) {
                return serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ended with {status} before it was ready:\n{}", self.output());
            }
            assert!(begun.elapsed() < START, "not ready after {START:?}:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it has said that it is ready.
    #[must_use]
    pub fn has_ready_file(&self) -> bool {
        self.folder.path().join("ready.json").exists()
    }

    /// Sends a signal by its name, as in `TERM`.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn signal(&self, name: &str) {
        assert!(signal(name, self.child.id()), "ended before SIG{name} came:\n{}", self.output());
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// Where it has not within `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < timeout, "still there after {timeout:?}:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it has ended, and returns its exit code; a process that a signal ended has none.
    ///
    /// # Panics
    /// Where it has not within `timeout`.
    pub fn exit_code(&mut self, timeout: Duration) -> Option<i32> {
        self.wait(timeout).code()
    }

    /// All that it has written so far, to either stream.
    #[must_use]
    pub fn output(&self) -> String {
        ["stdout", "stderr"]
            .map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .join("")
    }

    /// The folder that it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
