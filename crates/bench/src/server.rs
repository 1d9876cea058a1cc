//! The measured servers, each a process: the binary, as an operator runs it, and the reference servers.

use crate::clients::Protocol;
use crate::processes::{self, Memory};
use crate::reference::DATABASE;
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::token;

const START: Duration = Duration::from_secs(60);

/// The interval at which a starting server is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A running server, killed when this value is dropped.
pub struct Server {
    child: Child,
    pub rest: String,
    /// The address of gRPC.
    pub grpc: String,
    /// The time from start to readiness.
    pub start: Duration,
    folder: TempDir,
}

/// Migrates the database and seeds it with products.
pub fn fill(binary: &Path, database: &str, products: u64) {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [vec!["migrate".to_owned()], vec!["seed".to_owned(), format!("--products={products}")]] {
        let output = command(binary, &folder, database).args(&arguments).output().expect("the binary");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
}

/// A command of the binary with production's settings where they cost time, and without rate limits.
fn command(binary: &Path, folder: &TempDir, database: &str) -> Command {
    let mut command = Command::new(binary.canonicalize().unwrap_or_else(|_| PathBuf::from(binary)));
    command.current_dir(folder.path()).env("COMMERCE_ENV", "development").env("COMMERCE__DATABASE__URL", database);
    for (key, value) in [
        ("RATE_LIMIT__ENABLED", "false"),
        ("LOG__FORMAT", "json"),
        ("REST__PORT", "0"),
        ("GRPC__PORT", "0"),
        ("OPS__PORT", "0"),
        ("AUTH__JWT__SECRET", token::SECRET),
        ("AUTH__JWT__KID", token::KID),
        ("AUTH__JWT__ISSUER", token::ISSUER),
        ("AUTH__JWT__AUDIENCE", token::AUDIENCE),
        ("AUTH__BCRYPT_COST", &BCRYPT_COST.to_string()),
    ] {
        command.env(format!("COMMERCE__{key}"), value);
    }
    command
}

/// The lowest bcrypt cost that development allows, so that a round has many hashes.
pub const BCRYPT_COST: u32 = 10;

impl Server {
    /// Starts the binary and waits until it is ready.
    #[must_use]
    pub fn start(binary: &Path, database: &str) -> Self {
        Self::start_with(binary, database, &[])
    }

    /// The same with more settings, as environment variables without their common prefix.
    #[must_use]
    pub fn start_with(binary: &Path, database: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(binary, &folder, database);
        command.envs(settings.iter().map(|(key, value)| (format!("COMMERCE__{key}"), value)));
        command.args(["serve", "--ready-file", "ready.json"]);
        Self::spawn(command, folder)
    }

    #[must_use]
    pub fn reference(protocol: Protocol, database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.current_dir(folder.path()).args(["reference", "--protocol", &protocol.to_string().to_lowercase()]);
        command.args(["--ready-file", "ready.json"]).env(DATABASE, database);
        Self::spawn(command, folder)
    }

    fn spawn(mut command: Command, folder: TempDir) -> Self {
        let log = |name| Stdio::from(File::create(folder.path().join(name)).unwrap());
        command.stdin(Stdio::null()).stdout(log("log")).stderr(log("errors"));
        let path = folder.path().join("ready.json");
        let begun = Instant::now();
        let mut child = command.spawn().expect("the binary");
        let (text, start) = loop {
            if let Ok(text) = std::fs::read_to_string(&path) {
                break (text, begun.elapsed());
            }
            if child.try_wait().unwrap().is_some() || begun.elapsed() > START {
                let said = ["log", "errors"].map(|name| std::fs::read_to_string(folder.path().join(name)));
                panic!("the server does not start: {said:?}");
            }
            std::thread::sleep(POLL_INTERVAL);
        };
        let ready: Value = serde_json::from_str(&text).unwrap();
        let address = |key: &str| ready.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { child, rest: address("rest"), grpc: address("grpc"), start, folder }
    }

    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        processes::cpu_time(self.child.id())
    }

    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory::of(self.child.id())
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
