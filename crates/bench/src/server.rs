//! The binary, as an operator runs it.

use crate::processes;
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that a start may take.
const START: Duration = Duration::from_secs(60);

/// A server under way; killed with this value.
pub struct Server {
    child: Child,
    /// Where REST listens.
    pub rest: String,
    /// Where gRPC listens.
    pub grpc: String,
    _folder: TempDir,
}

/// Brings the schema up to date and fills the shop.
///
/// # Panics
/// Where the binary fails.
pub fn fill(binary: &Path, database: &str, products: u64) {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [vec!["migrate".to_owned()], vec!["seed".to_owned(), format!("--products={products}")]] {
        let output = command(binary, &folder, database).args(&arguments).output().expect("the binary");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
}

/// The binary with the settings of a measurement: those of production as far as they cost time, and no limits for clients.
fn command(binary: &Path, folder: &TempDir, database: &str) -> Command {
    let mut command = Command::new(binary.canonicalize().unwrap_or_else(|_| PathBuf::from(binary)));
    command.current_dir(folder.path()).env("COMMERCE_ENV", "development").env("COMMERCE__DATABASE__URL", database);
    for (key, value) in [
        ("RATE_LIMIT__ENABLED", "false"),
        ("LOG__FORMAT", "json"),
        ("REST__PORT", "0"),
        ("GRPC__PORT", "0"),
        ("OPS__PORT", "0"),
    ] {
        command.env(format!("COMMERCE__{key}"), value);
    }
    command
}

impl Server {
    /// Starts it, and waits until it listens.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    pub fn start(binary: &Path, database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = command(binary, &folder, database);
        command.args(["serve", "--ready-file", "ready.json"]).stdin(Stdio::null()).stdout(log).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary");
        let begun = Instant::now();
        let ready = loop {
            if let Ok(text) = std::fs::read_to_string(folder.path().join("ready.json")) {
                break serde_json::from_str::<Value>(&text).unwrap();
            }
            assert!(child.try_wait().unwrap().is_none() && begun.elapsed() < START, "the server does not start");
            std::thread::sleep(Duration::from_millis(20));
        };
        let address = |key: &str| format!("http://{}", ready.get(key).and_then(Value::as_str).unwrap());
        Self { child, rest: address("rest"), grpc: address("grpc"), _folder: folder }
    }

    /// The CPU time that it has used.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        processes::cpu_time(self.child.id())
    }

    /// The memory that it holds, in bytes.
    #[must_use]
    pub fn resident(&self) -> u64 {
        processes::resident(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
