//! Starts the product's binary as a process, as an operator does.

use crate::small_disk::SmallDisk;
use serde::Deserialize;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const START: Duration = Duration::from_secs(30);
const SERVE: [&str; 5] = ["serve", "--env", "test", "--ready-file", "ready.json"];

/// The addresses in a process's ready file.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Addresses {
    pub rest: SocketAddr,
    pub grpc: SocketAddr,
    /// Liveness, readiness and metrics.
    pub ops: SocketAddr,
}

/// A running process, killed when this value is dropped.
pub struct Process {
    child: Child,
    folder: TempDir,
}

/// The path of the binary beside the running test.
#[must_use]
pub fn path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("go-commerce");
    assert!(path.is_file(), "{} is not there; build it with `cargo build -p server`", path.display());
    path
}

/// Sends a signal by its name, such as `TERM`, to a process. Returns whether the process exists.
pub fn signal(name: &str, process: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(process.to_string()).stderr(Stdio::null());
    kill.status().unwrap().success()
}

fn with_free_ports<'a>(settings: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [("rest.port", "0"), ("grpc.port", "0"), ("ops.port", "0")];
    own.iter().chain(settings).copied().collect()
}

impl Process {
    /// Starts a command of the binary in an empty folder, with these environment variables alone.
    #[must_use]
    pub fn spawn(arguments: &[&str], settings: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        Self::spawn_with(arguments, settings, variables, |_| Command::new(path()))
    }

    fn spawn_with(
        arguments: &[&str],
        settings: &[(&str, &str)],
        variables: &[(&str, &str)],
        command: impl FnOnce(&Path) -> Command,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = |name: &str| Stdio::from(File::create(folder.path().join(name)).unwrap());
        let mut command = command(folder.path());
        command.args(arguments).current_dir(folder.path()).env_clear().envs(variables.iter().copied());
        for (key, value) in settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command.stdin(Stdio::null()).stdout(output("stdout")).stderr(output("stderr"));
        let child = command.spawn().unwrap();
        Self { child, folder }
    }

    /// Starts a server on free ports with the settings of the environment `test`.
    #[must_use]
    pub fn serve(settings: &[(&str, &str)]) -> Self {
        Self::spawn(&SERVE, &with_free_ports(settings), &[])
    }

    /// The same, for a server that finds this file system.
    #[must_use]
    pub fn serve_on(disk: &SmallDisk, settings: &[(&str, &str)]) -> Self {
        Self::spawn_with(&SERVE, &with_free_ports(settings), &[], |folder| disk.command(&path(), folder))
    }

    /// Waits until the process listens.
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

    #[must_use]
    pub fn has_ready_file(&self) -> bool {
        self.folder.path().join("ready.json").exists()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        assert!(signal(name, self.child.id()), "ended before SIG{name} came:\n{}", self.output());
    }

    /// Waits until the process has ended.
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

    /// Waits until the process has ended and returns its exit code; `None` after a signal.
    pub fn exit_code(&mut self, timeout: Duration) -> Option<i32> {
        self.wait(timeout).code()
    }

    /// Everything that the process has written so far to stdout and stderr.
    #[must_use]
    pub fn output(&self) -> String {
        ["stdout", "stderr"]
            .map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .join("")
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
