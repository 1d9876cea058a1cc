//! From settings to the application: the one place that names adapters. No logic, only choices.

use crate::settings::Settings;
use crate::spawner::MainRuntime;
use crate::telemetry::{Gauge, Metrics, Telemetry};
use domain::app::App;
use domain::client::TrustedProxies;
use domain::clock::Clock;
use domain::quota::Quotas;
use domain::use_case::{FrontDesk, Handler};
use domain::user::{LoginAttempts, LoginUser, PasswordRules, RegisterUser, ViewProfile};
use outbound::passwords::{self, Bcrypt};
use outbound::quotas::{self, ClientQuotas, Unlimited};
use outbound::tokens::{self, Jwt};
use persistence::{Database, OpenError};
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
/// Where the database cannot be used however long one waits.
pub fn wire(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Parts, OpenError> {
    let database = Database::open(database(settings))?;
    let passwords = Arc::new(Bcrypt::new(&hashing(settings)));
    let tokens = Arc::new(Jwt::new(jwt(settings), Arc::clone(clock)));
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
        credentials_per_minute: limits.credentials_per_minute,
        credentials_per_hour: limits.credentials_per_hour,
        writes_per_minute: limits.writes_per_minute,
        reads_per_minute: limits.reads_per_minute,
        ..quotas::Options::default()
    }))
}
