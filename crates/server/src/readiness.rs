//! Whether this process should get requests, and why not.

use persistence::{Database, SchemaStatus};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

/// How often the database is asked while the process is ready.
const WHEN_READY: Duration = Duration::from_secs(2);
/// How often the database is asked while the process is not ready, so that service resumes soon.
const WHEN_NOT_READY: Duration = Duration::from_millis(500);

/// Whether this process should get requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Readiness {
    Ready,
    NotReady {
        component: &'static str,
        /// The cause and the remedy.
        reason: String,
    },
}

impl Readiness {
    /// Whether it is [`Self::Ready`].
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    fn starting() -> Self {
        Self::NotReady { component: "server", reason: "starting".to_owned() }
    }

    fn stopping() -> Self {
        Self::NotReady { component: "server", reason: "shutting down".to_owned() }
    }

    fn of_database(status: SchemaStatus, was_ready: bool) -> Self {
        let reason = match status {
            SchemaStatus::Ready => return Self::Ready,
            // A migration only adds what the release before it tolerates, so a release can be rolled out while the one before it
            // still serves.
            SchemaStatus::SchemaAhead { .. } if was_ready => return Self::Ready,
            SchemaStatus::Away { reason } => format!("the database is away: {reason}"),
            SchemaStatus::Unsuitable { reason } => format!(
                "the database server is known not to keep a promise: {reason}; or set database.allow_unsuitable_server"
            ),
            SchemaStatus::ReadOnly { reason } => format!("the database takes no writes, reads go on: {reason}"),
            SchemaStatus::NoAccess { grant } => {
                format!("the database's account may not read __diesel_schema_migrations: have its owner run {grant}")
            }
            SchemaStatus::SchemaBehind { missing, .. } => format!(
                "the database's schema is older than this binary: missing {}; run `go-commerce migrate`",
                missing.join(", ")
            ),
            SchemaStatus::SchemaAhead { unknown } => format!(
                "the database's schema is newer than this binary: it has {}; run a binary that knows them",
                unknown.join(", ")
            ),
        };
        Self::NotReady { component: "database", reason }
    }
}

/// Brings the database's schema up to date.
#[derive(Clone)]
pub struct Migrations(Arc<persistence::Options>);

impl Migrations {
    /// The migrations of the database that these options name.
    #[must_use]
    pub fn new(options: persistence::Options) -> Self {
        Self(Arc::new(options))
    }

    /// Runs the missing ones on a thread of their own, for they block and may take long.
    async fn run(&self) -> Result<(), String> {
        let options = Arc::clone(&self.0);
        let (done, outcome) = oneshot::channel();
        let thread = std::thread::Builder::new().name("migrate".to_owned());
        let started = thread.spawn(move || done.send(persistence::migrate(&options)));
        started.map_err(|error| format!("the migrations' thread cannot be started: {error}"))?;
        match outcome.await {
            Ok(Ok(applied)) => {
                tracing::info!(applied = applied.join(", "), "database migrated");
                Ok(())
            }
            Ok(Err(error)) => Err(format!("the migration failed: {error}")),
            Err(_) => Err("the migration panicked".to_owned()),
        }
    }
}

/// The state that `/readyz`, `grpc.health.v1` and the metrics share.
#[derive(Clone)]
pub struct ReadinessWatch {
    state: watch::Sender<Readiness>,
    stopping: CancellationToken,
}

impl Default for ReadinessWatch {
    fn default() -> Self {
        Self { state: watch::Sender::new(Readiness::starting()), stopping: CancellationToken::new() }
    }
}

impl ReadinessWatch {
    /// The present state.
    #[must_use]
    pub fn current(&self) -> Readiness {
        self.state.borrow().clone()
    }

    /// Makes the process not ready for good.
    pub fn stop(&self) {
        self.stopping.cancel();
        self.state.send_replace(Readiness::stopping());
    }

    /// Sends each change of readiness to `answer`, and `false` after [`Self::stop`].
    pub async fn follow(self, answer: watch::Sender<bool>) {
        let mut states = self.state.subscribe();
        while !self.stopping.is_cancelled() {
            let is_ready = states.borrow_and_update().is_ready();
            answer.send_if_modified(|answer| std::mem::replace(answer, is_ready) != is_ready);
            if states.changed().await.is_err() {
                break;
            }
        }
        answer.send_replace(false);
    }

    /// Asks the database once, and runs `migrations` if its schema is behind.
    pub async fn check(&self, database: &Database, migrations: Option<&Migrations>) {
        let mut status = database.status().await;
        let mut failure = None;
        if let (SchemaStatus::SchemaBehind { .. }, Some(migrations)) = (&status, migrations) {
            failure = migrations.run().await.err();
            status = database.status().await;
        }
        let was_ready = self.current().is_ready();
        let next = match failure {
            Some(failure) => Readiness::NotReady { component: "database", reason: failure },
            None => Readiness::of_database(status, was_ready),
        };
        self.publish(&next);
    }

    fn publish(&self, next: &Readiness) {
        self.state.send_if_modified(|state| {
            let is_new = state != next && !self.stopping.is_cancelled();
            if is_new {
                match next {
                    Readiness::Ready => tracing::info!("ready"),
                    Readiness::NotReady { component, reason } => tracing::error!(component, reason, "not ready"),
                }
                state.clone_from(next);
            }
            is_new
        });
    }

    /// Asks the database repeatedly until [`Self::stop`].
    pub async fn watch(self, database: Arc<Database>, migrations: Option<Migrations>) {
        let stopping = self.stopping.clone();
        let checks = async {
            loop {
                tokio::time::sleep(if self.current().is_ready() { WHEN_READY } else { WHEN_NOT_READY }).await;
                self.check(&database, migrations.as_ref()).await;
            }
        };
        stopping.run_until_cancelled(checks).await;
    }
}
