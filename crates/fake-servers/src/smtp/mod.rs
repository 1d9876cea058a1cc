//! A mail server (RFC 5321) that takes mail for anybody, keeps it, and fails as it is told to.
//!
//! It runs on a thread of its own, so that tests of any kind can talk to it, and can stop it in the middle of anything.

mod fault;
mod session;
mod tls;

pub use fault::{Action, Fault, Moment, Times};

use fault::Faults;
use session::Session;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tls::Certificates;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};

/// What kind of server it is.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// How connections are encrypted.
    pub encryption: Encryption,
    /// Who may send mail; everybody where there is none.
    pub account: Option<Account>,
    /// Whether it takes addresses in ASCII alone: it offers no `SMTPUTF8` (RFC 6531).
    pub is_ascii_only: bool,
    /// Whether it knows `HELO` alone.
    pub is_old: bool,
    /// How it has clients log in, where there is an account.
    pub login: Login,
}

/// How a server has clients log in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The line by which it offers that.
    pub offer: String,
    /// Whether it refuses `PLAIN` although it offers it.
    pub knows_login_alone: bool,
    /// The lines by which it asks for the name and the password in `LOGIN`, with `334`.
    pub questions: [String; 2],
}

impl Default for Login {
    fn default() -> Self {
        Self {
            offer: "AUTH PLAIN LOGIN".to_owned(),
            knows_login_alone: false,
            // `Username:` and `Password:`.
            questions: ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"].map(str::to_owned),
        }
    }
}

/// How connections are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    #[default]
    None,
    /// When the client asks for it by `STARTTLS` (RFC 3207); nothing is taken before.
    StartTls,
    /// From the first byte on (RFC 8314 §3.3).
    Implicit,
}

/// Who may send mail (RFC 4954, `PLAIN` and `LOGIN`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The content, with dots unstuffed (RFC 5321 §4.5.2).
    pub data: Vec<u8>,
    /// Whether it came encrypted.
    pub is_encrypted: bool,
    /// Who had logged in.
    pub user: Option<String>,
}

impl Mail {
    /// The content of its `Message-ID`, without the angle brackets; empty where it has none.
    #[must_use]
    pub fn message_id(&self) -> String {
        let text = String::from_utf8_lossy(&self.data);
        let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
        let mut ids = fields.filter(|(name, _)| name.eq_ignore_ascii_case("message-id"));
        ids.next().map(|(_, id)| id.trim().trim_matches(['<', '>']).to_owned()).unwrap_or_default()
    }
}

/// A line that a client said, other than a mail's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedLine {
    /// Which connection it came by, counted from 1.
    pub connection: usize,
    /// The line, without its end.
    pub text: String,
    /// Whether it came encrypted.
    pub is_encrypted: bool,
}

/// What all sessions share.
#[derive(Default)]
struct Shared {
    setup: Setup,
    certificates: Certificates,
    faults: Faults,
    mails: Mutex<Vec<Mail>>,
    lines: Mutex<Vec<ReceivedLine>>,
    connections: Mutex<usize>,
    is_ascii_only: AtomicBool,
    most_connections: AtomicUsize,
}

/// A mail server on a port of 127.0.0.1. It ends when it is dropped.
pub struct Smtp {
    shared: Arc<Shared>,
    port: u16,
    runtime: Option<Runtime>,
    serving: Option<JoinHandle<()>>,
}

impl Smtp {
    /// Starts a server that neither encrypts nor asks who sends.
    #[must_use]
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    /// Starts a server of some kind.
    #[must_use]
    pub fn with(setup: Setup) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("smtp").enable_all().build();
        let is_ascii_only = AtomicBool::new(setup.is_ascii_only);
        let most_connections = AtomicUsize::new(usize::MAX);
        let shared = Arc::new(Shared { setup, is_ascii_only, most_connections, ..Shared::default() });
        let mut smtp = Self { shared, port: 0, runtime: Some(runtime.unwrap()), serving: None };
        smtp.start_again();
        smtp
    }

    /// The port that it listens on, also while it is stopped.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where clients find it: `smtp://127.0.0.1:PORT`, or `smtp://localhost:PORT?tls=required`, or `smtps://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        match self.shared.setup.encryption {
            Encryption::None => format!("smtp://127.0.0.1:{}", self.port),
            Encryption::StartTls => format!("smtp://localhost:{}?tls=required", self.port),
            Encryption::Implicit => format!("smtps://localhost:{}", self.port),
        }
    }

    /// The certificate of the authority that has signed the server's own, which is for `localhost`, as PEM.
    #[must_use]
    pub fn authority(&self) -> String {
        self.shared.certificates.authority.clone()
    }

    /// All mails that it has taken, the oldest first; also those of which the client never heard.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.shared.mails).clone()
    }

    /// How many mails of each `Message-ID` it has taken.
    #[must_use]
    pub fn count_by_message_id(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in self.mails() {
            *counts.entry(mail.message_id()).or_default() += 1;
        }
        counts
    }

    /// All that clients have said, but for mails' content.
    #[must_use]
    pub fn lines(&self) -> Vec<ReceivedLine> {
        lock(&self.shared.lines).clone()
    }

    /// How many connections it has taken.
    #[must_use]
    pub fn connections(&self) -> usize {
        *lock(&self.shared.connections)
    }

    /// From now on takes addresses in ASCII alone, or all of them. Clients hear of it when they connect again.
    pub fn set_ascii_only(&self, is_ascii_only: bool) {
        self.shared.is_ascii_only.store(is_ascii_only, Ordering::SeqCst);
    }

    /// From now on greets so many clients at a time, and tells others that there are too many.
    pub fn set_most_connections(&self, count: usize) {
        self.shared.most_connections.store(count, Ordering::SeqCst);
    }

    /// From now on fails in this way, so many times; it fails in no other way any more.
    pub fn set_fault(&self, fault: Fault, times: Times) {
        self.shared.faults.set(Some((fault, times)));
    }

    /// From now on does what it should.
    pub fn heal(&self) {
        self.shared.faults.set(None);
    }

    /// Refuses connections and cuts those that there are, until it is started again.
    pub fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            while !serving.is_finished() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Starts again on the same port, with all that it had kept.
    pub fn start_again(&mut self) {
        self.stop();
        let listener = crate::listen(self.port);
        listener.set_nonblocking(true).unwrap();
        self.port = listener.local_addr().unwrap().port();
        let runtime = self.runtime.as_ref().unwrap();
        self.serving = Some(runtime.spawn(serve(listener, Arc::clone(&self.shared))));
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.stop();
        // Waiting for its threads would not be allowed where a test is asynchronous.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    // With the set all sessions end.
    let mut sessions = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        while sessions.try_join_next().is_some() {}
        let is_one_too_many = sessions.len() >= shared.most_connections.load(Ordering::SeqCst);
        sessions.spawn(Session::run(stream, Arc::clone(&shared), is_one_too_many));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
