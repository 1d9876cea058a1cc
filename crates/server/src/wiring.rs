//! From settings to the application: the one place that names adapters. No logic, only choices.

use crate::serve::StartError;
use crate::settings::{Grpc, Rest, Settings};
use crate::spawner::MainRuntime;
use crate::telemetry::{self, Gauge, Metrics, Telemetry};
use domain::app::App;
use domain::client::TrustedProxies;
use domain::clock::Clock;
use domain::quota::Quotas;
use domain::use_case::{FrontDesk, Handler};
use domain::user::{LoginAttempts, LoginUser, PasswordRules, RegisterUser, ViewProfile};
use outbound::passwords::{self, Bcrypt};
use outbound::quotas::{self, ClientQuotas, Rate, Unlimited};
use outbound::tokens::{self, Jwt, Key, KeySet, KeyState};
use persistence::Database;
use std::sync::Arc;

/// The application and the parts of it that the process starts, watches and stops.
pub struct Parts {
    /// What both protocols serve.
    pub app: Arc<App>,
    /// The storage.
    pub database: Arc<Database>,
    /// The hashing lane.
    pub passwords: Arc<Bcrypt>,
    /// The tokens, whose keys can be changed while the process runs.
    pub tokens: Arc<Jwt>,
    /// Everything that is counted.
    pub metrics: Arc<Metrics>,
    pub(crate) runtime: Arc<MainRuntime>,
}

/// Builds the application that the settings describe.
///
/// # Errors
/// Where a part cannot be used however long one waits.
pub fn wire(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Parts, StartError> {
    let database = Database::open(database(settings)).map_err(StartError::Database)?;
    let passwords = Arc::new(Bcrypt::start(hashing(settings)).map_err(StartError::Hashing)?);
    let tokens = Arc::new(Jwt::new(jwt(settings), keys(settings)?, Arc::clone(clock)));
    let metrics = Arc::new(Metrics::new(gauges(&database, &passwords)));
    let runtime = Arc::new(MainRuntime::current());
    let desk = Arc::new(FrontDesk {
        tokens: tokens.clone(),
        quotas: quotas(settings),
        observer: Arc::new(Telemetry::new(Arc::clone(&metrics))),
        spawner: runtime.clone(),
    });
    let register_user = RegisterUser {
        users: database.clone(),
        passwords: passwords.clone(),
        rules: password_rules(settings),
        clock: Arc::clone(clock),
    };
    let login_user = LoginUser {
        users: database.clone(),
        passwords: passwords.clone(),
        tokens: tokens.clone(),
        attempts: settings.rate_limit.enabled.then(|| database.clone() as Arc<dyn LoginAttempts>),
        clock: Arc::clone(clock),
    };
    let view_profile = ViewProfile { users: database.clone() };
    let app = Arc::new(App {
        register_user: Handler::new(&desk, register_user),
        login_user: Handler::new(&desk, login_user),
        view_profile: Handler::new(&desk, view_profile),
        desk,
    });
    Ok(Parts { app, database, passwords, tokens, metrics, runtime })
}

/// The storage that the settings name.
#[must_use]
pub fn database(settings: &Settings) -> persistence::Options {
    let database = &settings.database;
    persistence::Options {
        url: database.url.clone(),
        read_url: database.read_url.clone(),
        pool_size: database.pool_size,
        queue: database.queue,
        prepared_statements: database.prepared_statements,
        connect_timeout: database.connect_timeout,
        statement_timeout: database.statement_timeout,
    }
}

fn hashing(settings: &Settings) -> passwords::Options {
    passwords::Options {
        cost: settings.auth.bcrypt_cost,
        threads: settings.auth.hash_threads,
        queue: settings.auth.hash_queue,
        ..passwords::Options::default()
    }
}

fn password_rules(settings: &Settings) -> PasswordRules {
    let password = &settings.auth.password;
    PasswordRules { min_length: password.min_length, reject_common: password.reject_common }
}

fn quotas(settings: &Settings) -> Arc<dyn Quotas> {
    let limits = &settings.rate_limit;
    if !limits.enabled {
        return Arc::new(Unlimited);
    }
    Arc::new(ClientQuotas::new(quotas::Options {
        credentials: Rate::per_minute(limits.credentials_per_minute),
        credentials_sustained: Rate::per_hour(limits.credentials_per_hour),
        write: Rate::per_minute(limits.writes_per_minute),
        read: Rate::per_minute(limits.reads_per_minute),
        ..quotas::Options::default()
    }))
}

fn jwt(settings: &Settings) -> tokens::Options {
    let jwt = &settings.auth.jwt;
    tokens::Options {
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
        lifetime: jwt.ttl,
        accept_legacy: jwt.accept_legacy,
    }
}

/// The keys that the settings name: the one to sign with, and those to accept besides.
///
/// # Errors
/// Where a key cannot be used.
pub fn keys(settings: &Settings) -> Result<KeySet, StartError> {
    let jwt = &settings.auth.jwt;
    let current = Key { id: jwt.kid.clone(), state: KeyState::Current, secret: jwt.secret.clone() };
    let others = jwt.verification_keys.iter().map(|key| Key {
        id: key.kid.clone(),
        state: KeyState::Retired,
        secret: key.secret.clone(),
    });
    let keys: Vec<_> = std::iter::once(current).chain(others).collect();
    KeySet::new(&keys).map_err(StartError::Keys)
}

fn trusted_proxies(settings: &Settings) -> TrustedProxies {
    TrustedProxies::new(settings.trusted_proxies.clone())
}

/// How REST is served.
#[must_use]
pub fn rest(settings: &Settings) -> rest::Options {
    let Rest { workers, max_connections, request_timeout, body_timeout, .. } = settings.rest;
    rest::Options {
        workers,
        max_connections,
        request_timeout,
        body_timeout,
        trusted_proxies: trusted_proxies(settings),
        cors_origins: settings.cors.allowed_origins.clone(),
        drain_timeout: settings.shutdown.drain_timeout,
        ..rest::Options::default()
    }
}

/// How gRPC is served.
#[must_use]
pub fn grpc(settings: &Settings) -> grpc::Options {
    let Grpc { max_connections, deadline, reflection, .. } = settings.grpc;
    grpc::Options {
        max_connections,
        deadline,
        reflection,
        trusted_proxies: trusted_proxies(settings),
        drain_timeout: settings.shutdown.drain_timeout,
        ..grpc::Options::default()
    }
}

/// What is read at every scrape: how busy the lanes are, and how the log keeps up.
fn gauges(database: &Arc<Database>, passwords: &Arc<Bcrypt>) -> impl Fn() -> Vec<Gauge> + Send + Sync + 'static {
    let (database, passwords) = (Arc::clone(database), Arc::clone(passwords));
    let gauge =
        |name, help, labels, value| Gauge { name, help, labels, value: i64::try_from(value).unwrap_or(i64::MAX) };
    move || {
        let databases = database.gauges().into_iter().flat_map(|lane| {
            let help = "Connections held (size), at work (in_use), and calls that wait for one (waiting)";
            let states = [("size", lane.size), ("in_use", lane.in_use), ("waiting", lane.waiting)];
            states
                .map(|(state, value)| gauge("database_slots", help, vec![("lane", lane.lane), ("state", state)], value))
        });
        let lane = passwords.gauges();
        let help = "Hashing threads (size), at work (in_use), and hashes that wait for one (waiting)";
        let states = [("size", lane.threads), ("in_use", lane.in_use), ("waiting", lane.waiting)];
        let hashing = states.map(|(state, value)| gauge("hashing_lane", help, vec![("state", state)], value));
        let help = "Log lines that were dropped because the output's reader is too slow";
        let log = gauge("log_lines_dropped", help, Vec::new(), telemetry::dropped_lines());
        databases.chain(hashing).chain([log]).collect()
    }
}
