//! The life cycle of the process: bind all listeners, serve, drain, stop.

use crate::background;
use crate::connection_limit;
use crate::ops;
use crate::readiness::{Migrations, ReadinessWatch};
use crate::wiring::{self, Parts};
use app::clock::{Clock, Deadline};
use domain::error::BoxError;
use mail::MailSetupError;
use persistence::OpenError;
use security::tokens::InvalidKeys;
use settings::{Fault, Settings};
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The least time that the workers get to finish the current piece of work, such as a mail.
const WORKER_GRACE: Duration = Duration::from_secs(1);

/// The time that the database's last jobs get after the servers and workers have ended.
const DATABASE_GRACE: Duration = Duration::from_secs(2);

/// Why the process cannot start.
#[derive(Debug)]
pub enum StartError {
    /// A listener cannot be bound.
    Bind {
        /// The setting that names the address.
        key: &'static str,
        address: SocketAddr,
        source: std::io::Error,
    },
    /// The database can never be used with these settings.
    Database(OpenError),
    /// The file of the database cannot be used.
    DatabaseFile(PathBuf, std::io::Error),
    /// The threads that hash passwords cannot be started.
    Hashing(std::io::Error),
    /// The token keys cannot be used.
    Keys(InvalidKeys),
    /// The threads that look at images cannot be started.
    Inspecting(std::io::Error),
    Midtrans(midtrans::Error),
    /// The simulator cannot be used.
    Simulator {
        /// The setting that is at fault.
        key: &'static str,
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Mails cannot be sent like that.
    Mail(MailSetupError),
    /// The image store can never be used with these settings.
    Storage {
        place: String,
        source: BoxError,
        remedy: &'static str,
    },
}

impl StartError {
    /// The setting at fault, if there is one.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        let (key, problem, remedy) = match self {
            Self::Bind { .. } | Self::Database(_) | Self::Hashing(_) | Self::Inspecting(_) => return None,
            Self::DatabaseFile(file, error) => {
                let problem = format!("{} cannot be the database's file: {error}", file.display());
                ("database.url", problem, "name a file that this process can write, or that it can make")
            }
            Self::Keys(error) => ("auth.jwt.secret", error.to_string(), "give other keys"),
            Self::Midtrans(error) => {
                let key = match error {
                    midtrans::Error::Address { name: "snap_url", .. } => "midtrans.snap_url",
                    midtrans::Error::Address { .. } => "midtrans.api_url",
                    midtrans::Error::Key(_) => "midtrans.server_key",
                    midtrans::Error::Client(_) => "payment.gateway",
                };
                (key, error.to_string(), "put the settings of midtrans right")
            }
            Self::Simulator { key, problem, remedy } => (*key, problem.clone(), *remedy),
            Self::Mail(error) => {
                let (key, remedy) = match error {
                    MailSetupError::From(_) => ("mail.from", "give another"),
                    MailSetupError::Domain(_) => ("mail.domain", "give another"),
                    MailSetupError::Server(_) => ("mail.url", "give another"),
                    MailSetupError::Folder(..) => {
                        ("mail.folder", "let this process write there, or name another folder")
                    }
                    MailSetupError::Templates(..) | MailSetupError::Template(..) => {
                        ("mail.templates", "put it right, or leave mail.templates out for those that are built in")
                    }
                };
                (key, error.to_string(), remedy)
            }
            Self::Storage { place, source, remedy } => {
                ("storage.url", format!("images cannot be kept in {place}: {source}"), *remedy)
            }
        };
        Some(Fault { key, problem, remedy })
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.fault()) {
            (_, Some(Fault { key, problem, remedy })) => write!(f, "{key}: {problem}; {remedy}"),
            (Self::Bind { key, address, source }, None) => {
                let is_elsewhere = source.kind() == std::io::ErrorKind::AddrNotAvailable;
                let (key, remedy) = if is_elsewhere {
                    (key.replace(".port", ".host"), "name an address of this machine")
                } else {
                    ((*key).to_owned(), "choose another port, or stop what uses it")
                };
                write!(f, "{key}: cannot listen on {address}: {source}; {remedy}")
            }
            (Self::Database(error), None) => write!(f, "database.url: {error}"),
            (Self::Hashing(error), None) => write!(f, "auth.hash_threads: {error}"),
            (Self::Inspecting(error), None) => {
                write!(f, "the threads that look at images cannot be started: {error}")
            }
            (
                Self::DatabaseFile(..)
                | Self::Keys(_)
                | Self::Midtrans(_)
                | Self::Simulator { .. }
                | Self::Mail(_)
                | Self::Storage { .. },
                None,
            ) => f.write_str("a setting cannot be put to use"),
        }
    }
}

impl std::error::Error for StartError {}

/// Where the process listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Addresses {
    pub rest: SocketAddr,
    pub grpc: SocketAddr,
    /// Liveness, readiness, metrics.
    pub ops: SocketAddr,
}

struct Listeners {
    rest: TcpListener,
    grpc: TcpListener,
    ops: TcpListener,
    addresses: Addresses,
}

fn bind(key: &'static str, host: IpAddr, port: u16) -> Result<(TcpListener, SocketAddr), StartError> {
    let address = SocketAddr::new(host, port);
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|source| StartError::Bind { key, address, source })
}

impl Listeners {
    fn bind(settings: &Settings) -> Result<Self, StartError> {
        let (rest, rest_address) = bind("rest.port", settings.rest.host, settings.rest.port)?;
        let (grpc, grpc_address) = bind("grpc.port", settings.grpc.host, settings.grpc.port)?;
        let (ops, ops_address) = bind("ops.port", settings.ops.host, settings.ops.port)?;
        let addresses = Addresses { rest: rest_address, grpc: grpc_address, ops: ops_address };
        Ok(Self { rest, grpc, ops, addresses })
    }
}

/// The name of a server and its result.
type Ended = (&'static str, Result<(), BoxError>);

pub struct Running {
    pub addresses: Addresses,
    pub parts: Parts,
    readiness: ReadinessWatch,
    servers: JoinSet<Ended>,
    ops_server: JoinSet<Ended>,
    background: JoinSet<()>,
    workers: JoinSet<()>,
    stop_workers: CancellationToken,
    stop_public: CancellationToken,
    stop_ops: CancellationToken,
    drain_delay: Duration,
    drain_timeout: Duration,
}

/// Binds all listeners, builds the application and serves it. Returns once requests are taken.
///
/// An unavailable database does not prevent the start: the process becomes ready when the database answers.
///
/// # Errors
/// An address or the database cannot be used. Nothing is served then.
pub async fn start(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Running, StartError> {
    let listeners = Listeners::bind(settings)?;
    wiring::check::database(settings)?;
    let parts = wiring::wire(settings, &clock, listeners.addresses.rest)?;
    let readiness = ReadinessWatch::default();
    let migrations = settings.database.migrate_on_start.then(|| Migrations::new(wiring::database(settings)));
    readiness.check(&parts.database, migrations.as_ref()).await;

    let mut background = JoinSet::new();
    let (ready, is_ready) = watch::channel(false);
    background.spawn(readiness.clone().follow(ready));
    background.spawn(readiness.clone().watch(Arc::clone(&parts.database), migrations));
    background.spawn(background::purge(Arc::clone(&parts.database), Arc::clone(&clock)));
    background.spawn(background::count_backlog(Arc::clone(&parts.database), clock, Arc::clone(&parts.backlog)));
    background.spawn(Arc::clone(&parts.clock).follow(Arc::clone(&parts.database)));
    if let Some(replica) = &parts.replica {
        background.spawn(Arc::clone(replica).watch(parts.clock.clone()));
    }
    background.spawn(Arc::clone(&parts.notifier).run());
    if let Some(notifications) = &parts.gateway.notifications {
        background.spawn(notifications());
    }
    background.spawn(background::log_hashing_time(Arc::clone(&parts.passwords)));
    let stop_workers = CancellationToken::new();
    let workers = workers(&parts, settings, &stop_workers);

    let mut running = Running {
        addresses: listeners.addresses,
        parts,
        readiness,
        servers: JoinSet::new(),
        ops_server: JoinSet::new(),
        background,
        workers,
        stop_workers,
        stop_public: CancellationToken::new(),
        stop_ops: CancellationToken::new(),
        drain_delay: settings.shutdown.drain_delay,
        drain_timeout: settings.shutdown.drain_timeout,
    };
    running.serve(settings, listeners, is_ready);
    Ok(running)
}

/// Starts the workers that process the queues in the database. They stop between two pieces of work.
fn workers(parts: &Parts, settings: &Settings, stop: &CancellationToken) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    let payments_pause = settings.payment.check_pause;
    workers.spawn(background::run_worker(parts.webhook_worker.clone(), Duration::ZERO, stop.clone()));
    workers.spawn(background::run_worker(parts.reconciler.clone(), payments_pause, stop.clone()));
    workers.spawn(background::run_worker(parts.cleanup.clone(), Duration::ZERO, stop.clone()));
    workers.spawn(background::send_mails(parts.outbox_worker.clone(), stop.clone()));
    workers.spawn(background::probe_mail_server(parts.mailer.clone(), stop.clone()));
    workers
}

impl Running {
    fn serve(&mut self, settings: &Settings, listeners: Listeners, is_ready: watch::Receiver<bool>) {
        let (app, stop) = (&self.parts.app, &self.stop_public);
        let mut rest_options = wiring::rest(settings, &self.parts, self.addresses);
        let mut grpc_options = wiring::grpc(settings, &self.parts.uploads);
        rest_options.max_connections = connection_limit::connections_per_listener(rest_options.max_connections);
        grpc_options.max_connections = connection_limit::connections_per_listener(grpc_options.max_connections);

        let rest = rest::serve(Arc::clone(app), rest_options, listeners.rest, stop.clone());
        self.servers.spawn(async { ("rest", ended(rest).await) });
        let grpc = grpc::serve(Arc::clone(app), grpc_options, listeners.grpc, is_ready, stop.clone());
        self.servers.spawn(async { ("grpc", grpc.await) });

        let (readiness, metrics) = (self.readiness.clone(), Arc::clone(&self.parts.metrics));
        let ops = ops::serve(listeners.ops, readiness, metrics, self.stop_ops.clone());
        self.ops_server.spawn(async { ("ops", ended(ops).await) });
    }

    /// Waits for a server that ends by itself. The process must stop then, for half a service is worse than none.
    pub async fn server_ended(&mut self) -> &'static str {
        let ended = tokio::select! {
            ended = self.servers.join_next() => ended,
            ended = self.ops_server.join_next() => ended,
        };
        let name = match ended {
            Some(Ok(ended)) => log_end(ended),
            Some(Err(_)) | None => "a server",
        };
        tracing::error!(server = name, "a server ended by itself");
        name
    }

    /// Stops in an order that drops no request: becomes not ready, gives load balancers time to notice, accepts no new connections,
    /// and waits for requests, commands and workers. Returns whether all of them ended in time.
    pub async fn drain(mut self) -> bool {
        let started = Instant::now();
        self.readiness.stop();
        tracing::info!(delay_ms = millis(self.drain_delay), "draining: not ready any more");
        tokio::time::sleep(self.drain_delay).await;

        self.stop_public.cancel();
        let bound = Deadline::within(self.drain_timeout);
        let servers = tokio::time::timeout(self.drain_timeout, join_all(&mut self.servers)).await;
        tracing::info!(in_time = servers.is_ok(), "draining: servers stopped");
        let commands = self.parts.runtime.drain(bound.remaining().max(Duration::from_millis(100))).await;
        tracing::info!(in_time = commands, "draining: commands ended");

        self.stop_workers.cancel();
        let time = bound.remaining().max(WORKER_GRACE);
        let workers = tokio::time::timeout(time, async { while self.workers.join_next().await.is_some() {} }).await;
        tracing::info!(in_time = workers.is_ok(), "draining: workers stopped");
        self.workers.shutdown().await;
        self.background.shutdown().await;
        let mut jobs = self.parts.database.close(DATABASE_GRACE).await;
        if let Some(replica) = &self.parts.replica {
            jobs &= replica.close(DATABASE_GRACE).await;
        }
        tracing::info!(in_time = jobs, "draining: database closed");
        self.stop_ops.cancel();
        join_all(&mut self.ops_server).await;
        let in_time = servers.is_ok() && commands && workers.is_ok() && jobs;
        tracing::info!(in_time, elapsed_ms = millis(started.elapsed()), "stopped");
        in_time
    }
}

/// Milliseconds for the log, which writes numbers of more than 64 bits as text.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

async fn ended(server: std::io::Result<actix_web::dev::Server>) -> Result<(), BoxError> {
    Ok(server?.await?)
}

async fn join_all(servers: &mut JoinSet<Ended>) {
    while let Some(ended) = servers.join_next().await {
        if let Ok(ended) = ended {
            log_end(ended);
        }
    }
}

fn log_end((name, outcome): Ended) -> &'static str {
    match outcome {
        Ok(()) => tracing::debug!(server = name, "server ended"),
        Err(error) => tracing::error!(server = name, %error, "server failed"),
    }
    name
}
