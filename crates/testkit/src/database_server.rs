//! Database servers that a test may stop, start and freeze.

use crate::binary::signal;
use crate::database::{self, DatabaseKind};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

mod replica;

const START: Duration = Duration::from_secs(60);

/// Folders in which Debian installs programs, some of them not on the path.
const FOLDERS: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/usr/lib/postgresql/*/bin"];

/// The environment variable with the folder of MySQL's programs.
const MYSQL_ROOT: &str = "TEST_MYSQL_ROOT";

/// A database server in a temporary folder, stopped when this value is dropped.
pub struct DatabaseServer {
    kind: DatabaseKind,
    port: u16,
    programs: Programs,
    process: Option<Child>,
    /// What it is started with besides.
    arguments: Vec<String>,
    folder: TempDir,
}

struct Programs {
    install: PathBuf,
    serve: PathBuf,
}

impl Programs {
    fn find(kind: DatabaseKind) -> Result<Self, String> {
        let (install, serve) = match kind {
            DatabaseKind::Sqlite => return Err("SQLite has no server".to_owned()),
            DatabaseKind::Postgres => ("initdb", "postgres"),
            DatabaseKind::Mariadb => ("mariadb-install-db", "mariadbd"),
            DatabaseKind::Mysql => return Self::of_mysql(),
        };
        Ok(Self { install: program(install)?, serve: program(serve)? })
    }

    /// No package of the system's own: `scripts/with-databases` names the folder.
    fn of_mysql() -> Result<Self, String> {
        let root = std::env::var_os(MYSQL_ROOT).ok_or_else(|| format!("{MYSQL_ROOT} is not set"))?;
        let serve = Path::new(&root).join("bin/mysqld");
        Ok(Self { install: serve.clone(), serve })
    }
}

fn program(name: &str) -> Result<PathBuf, String> {
    let folders = FOLDERS.iter().flat_map(|folder| match folder.split_once('*') {
        None => vec![PathBuf::from(folder)],
        Some((above, below)) => {
            let entries = std::fs::read_dir(above).into_iter().flatten().flatten();
            entries.map(|entry| entry.path().join(below.trim_start_matches('/'))).collect()
        }
    });
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    let found = found.ok_or_else(|| format!("{name} is not on this machine"))?;
    Ok(found.canonicalize().unwrap_or(found))
}

fn am_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

impl DatabaseServer {
    /// Installs and starts a server; fails with the reason if this machine lacks the programs.
    pub fn start(kind: DatabaseKind) -> Result<Self, String> {
        Self::start_with(kind, &[])
    }

    /// Installs a server and starts it with these arguments besides.
    pub fn start_with(kind: DatabaseKind, arguments: &[&str]) -> Result<Self, String> {
        Self::start_as(kind, arguments.iter().map(|&argument| argument.to_owned()).collect())
    }

    fn start_as(kind: DatabaseKind, arguments: Vec<String>) -> Result<Self, String> {
        let mut server = Self::make(kind, arguments)?;
        server.install();
        server.resume();
        if server.is_mysql_like() {
            server.execute_as_root("CREATE DATABASE shop");
        }
        Ok(server)
    }

    fn make(kind: DatabaseKind, arguments: Vec<String>) -> Result<Self, String> {
        let programs = Programs::find(kind)?;
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Ok(Self { kind, port, programs, arguments, process: None, folder })
    }

    /// The URL of a database that every server has.
    fn root_url(&self) -> String {
        match self.kind {
            DatabaseKind::Mariadb | DatabaseKind::Mysql => format!("mysql://root@127.0.0.1:{}/mysql", self.port),
            DatabaseKind::Sqlite | DatabaseKind::Postgres => self.url(),
        }
    }

    fn execute_as_root(&self, sql: &str) {
        database::execute(self.kind, &self.root_url(), sql);
    }

    fn is_mysql_like(&self) -> bool {
        matches!(self.kind, DatabaseKind::Mariadb | DatabaseKind::Mysql)
    }

    #[must_use]
    pub fn url(&self) -> String {
        match self.kind {
            DatabaseKind::Mariadb | DatabaseKind::Mysql => format!("mysql://root@127.0.0.1:{}/shop", self.port),
            DatabaseKind::Sqlite | DatabaseKind::Postgres => {
                format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A command that runs as the user `postgres`, because PostgreSQL's programs refuse to run as root.
    fn as_owner(&self, program: &Path) -> Command {
        if self.kind == DatabaseKind::Postgres && am_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        }
    }

    /// Gives the folder to the user that the server runs as.
    fn give_folder_away(&self) {
        if self.kind == DatabaseKind::Postgres && am_root() {
            run(Command::new("chown").arg("postgres").arg(self.folder.path()));
        }
    }

    fn install(&self) {
        self.give_folder_away();
        let mut install = self.as_owner(&self.programs.install);
        match self.kind {
            DatabaseKind::Mariadb => install
                .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
                .arg(format!("--datadir={}", self.data().display())),
            DatabaseKind::Mysql => install
                .args(["--no-defaults", "--initialize-insecure"])
                .arg(format!("--datadir={}", self.data().display())),
            DatabaseKind::Sqlite | DatabaseKind::Postgres => install
                .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D"])
                .arg(self.data()),
        };
        // A server that starts removes the temporary files of others from a folder that they share.
        install.env("TMPDIR", self.folder.path());
        if self.is_mysql_like() && am_root() {
            install.arg("--user=root");
        }
        run(&mut install);
    }

    /// Starts the server on the same port with the same data.
    pub fn resume(&mut self) {
        let mut serve = self.as_owner(&self.programs.serve);
        let folder = self.folder.path().display();
        match self.kind {
            DatabaseKind::Mariadb | DatabaseKind::Mysql => serve
                .args(["--no-defaults", "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2"])
                .arg(format!("--datadir={folder}/data"))
                .arg(format!("--socket={folder}/socket"))
                .arg(format!("--pid-file={folder}/pid"))
                .arg(format!("--port={}", self.port)),
            DatabaseKind::Sqlite | DatabaseKind::Postgres => {
                let port = self.port.to_string();
                serve.arg("-D").arg(self.data()).args(["-h", "127.0.0.1", "-F", "-k", ""]).args(["-p", &port])
            }
        };
        if self.is_mysql_like() && am_root() {
            serve.arg("--user=root");
        }
        serve.args(&self.arguments).env("TMPDIR", self.folder.path());
        if self.kind == DatabaseKind::Mysql {
            serve.arg("--mysqlx=OFF");
        }
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        serve.stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log);
        self.process = Some(serve.spawn().unwrap());
        let begun = Instant::now();
        let url = self.root_url();
        while !database::answers(self.kind, &url) {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < START, "{} does not start:\n{log}", self.kind);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops the server at once, as a crash does.
    pub fn crash(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        // An immediate shutdown of PostgreSQL leaves no child processes; killing its first process would.
        signal(if self.kind == DatabaseKind::Postgres { "QUIT" } else { "KILL" }, process.id());
        process.wait().unwrap();
    }

    /// Suspends the server with its connections open.
    pub fn freeze(&self) {
        self.signal_all("STOP");
    }

    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, name: &str) {
        let Some(process) = &self.process else { return };
        let first = process.id();
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()).chain([first]) {
            signal(name, child);
        }
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        self.thaw();
        self.crash();
    }
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
