//! A mail server (RFC 5321) that accepts mail for any recipient, stores it, and fails on demand.
//!
//! It runs on its own thread, so that synchronous and asynchronous tests can use it and stop it at any moment.

mod fault;
mod session;
mod tls;

pub use fault::{Action, Fault, SessionStep, Times};

use crate::listening::Listening;
use fault::Faults;
use session::Session;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tls::Certificates;
use tokio::task::JoinSet;

/// The configuration of a server.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    pub encryption: Encryption,
    /// Who may send mail; `None` for everybody.
    pub account: Option<Account>,
    /// Whether it accepts ASCII addresses only and does not offer `SMTPUTF8` (RFC 6531).
    pub is_ascii_only: bool,
    /// Whether it supports `HELO` but not `EHLO`.
    pub is_old: bool,
    /// How clients log in, if `account` is set.
    pub login: Login,
}

/// How clients log in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The line that offers the mechanisms.
    pub offer: String,
    pub knows_login_alone: bool,
    /// The prompts for name and password in `LOGIN`, each with `334`.
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    #[default]
    None,
    /// By `STARTTLS` (RFC 3207), before which no mail is accepted.
    StartTls,
    /// From the first byte on (RFC 8314 §3.3).
    Implicit,
}

/// Who may send mail (RFC 4954, `PLAIN` and `LOGIN`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user: String,
    pub password: String,
}

#[derive(Clone, Debug)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The content without dot stuffing (RFC 5321 §4.5.2).
    pub data: Vec<u8>,
    pub is_encrypted: bool,
    /// The user who had logged in.
    pub user: Option<String>,
}

impl Mail {
    /// The `Message-ID` without the angle brackets; empty if the mail has none.
    #[must_use]
    pub fn message_id(&self) -> String {
        let text = String::from_utf8_lossy(&self.data);
        let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
        let mut ids = fields.filter(|(name, _)| name.eq_ignore_ascii_case("message-id"));
        ids.next().map(|(_, id)| id.trim().trim_matches(['<', '>']).to_owned()).unwrap_or_default()
    }
}

/// A line that a client has sent, other than a mail's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedLine {
    /// The number of the connection, counted from 1.
    pub connection: usize,
    /// The line without its end.
    pub text: String,
    pub is_encrypted: bool,
}

/// The state that all sessions share.
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

/// A mail server on a port of 127.0.0.1, stopped when this value is dropped.
pub struct Smtp {
    shared: Arc<Shared>,
    listening: Listening,
}

impl Smtp {
    /// Starts a server without encryption and without accounts.
    #[must_use]
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    #[must_use]
    pub fn with(setup: Setup) -> Self {
        let is_ascii_only = AtomicBool::new(setup.is_ascii_only);
        let most_connections = AtomicUsize::new(usize::MAX);
        let shared = Arc::new(Shared { setup, is_ascii_only, most_connections, ..Shared::default() });
        let mut smtp = Self { shared, listening: Listening::new("smtp") };
        smtp.start_again();
        smtp
    }

    /// The server's port, also while it is stopped.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.listening.port()
    }

    /// The server's URL: `smtp://127.0.0.1:PORT`, `smtp://localhost:PORT?tls=required` or
    /// `smtps://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        match self.shared.setup.encryption {
            Encryption::None => format!("smtp://127.0.0.1:{}", self.listening.port()),
            Encryption::StartTls => format!("smtp://localhost:{}?tls=required", self.listening.port()),
            Encryption::Implicit => format!("smtps://localhost:{}", self.listening.port()),
        }
    }

    /// The certificate of the authority that signed the server's certificate for `localhost`, as PEM.
    #[must_use]
    pub fn authority(&self) -> String {
        self.shared.certificates.authority.clone()
    }

    /// All stored mails, the oldest first, including those that the client got no reply for.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.shared.mails).clone()
    }

    /// The number of stored mails by `Message-ID`.
    #[must_use]
    pub fn count_by_message_id(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in self.mails() {
            *counts.entry(mail.message_id()).or_default() += 1;
        }
        counts
    }

    /// All lines that clients have sent, without the content of mails.
    #[must_use]
    pub fn lines(&self) -> Vec<ReceivedLine> {
        lock(&self.shared.lines).clone()
    }

    #[must_use]
    pub fn connections(&self) -> usize {
        *lock(&self.shared.connections)
    }

    /// Accepts ASCII addresses only, or all addresses. Clients notice when they connect again.
    pub fn set_ascii_only(&self, is_ascii_only: bool) {
        self.shared.is_ascii_only.store(is_ascii_only, Ordering::SeqCst);
    }

    /// Limits the number of connections at a time; further clients are told that there are too many.
    pub fn set_most_connections(&self, count: usize) {
        self.shared.most_connections.store(count, Ordering::SeqCst);
    }

    /// Fails in this way the next times; replaces the fault before.
    pub fn set_fault(&self, fault: Fault, times: Times) {
        self.shared.faults.set(Some((fault, times)));
    }

    pub fn heal(&self) {
        self.shared.faults.set(None);
    }

    /// Closes all connections and refuses new ones until the next start.
    pub fn stop(&mut self) {
        self.listening.stop();
    }

    /// Starts again on the same port with the stored mails.
    pub fn start_again(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.listening.start(|listener| serve(listener, shared));
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    // Dropping the set ends all sessions.
    let mut sessions = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        while sessions.try_join_next().is_some() {}
        let exceeds_limit = sessions.len() >= shared.most_connections.load(Ordering::SeqCst);
        sessions.spawn(Session::run(stream, Arc::clone(&shared), exceeds_limit));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
