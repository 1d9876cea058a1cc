//! Builds the application from the settings. This module alone chooses adapters; it holds no logic.

pub(crate) mod check;
mod gauges;
mod payments;
#[cfg(feature = "simulator")]
mod simulator;
#[cfg(not(feature = "simulator"))]
#[path = "wiring/no_simulator.rs"]
mod simulator;
mod storage;

pub use check::check;
pub(crate) use storage::store as image_store;

use crate::common_clock::CommonClock;
use crate::health::reachable;
use crate::serve::{Addresses, StartError};
use crate::spawner::MainRuntime;
use crate::telemetry::{Metrics, Telemetry};
use app::client::TrustedProxies;
use app::clock::Clock;
use app::observe::Observer;
use app::payment::{OutboxWorker, Reconciler, WebhookWorker};
use app::pipeline::{CallPipeline, Handler};
use app::product::{
    BrowseProducts, CreateProduct, DeleteProduct, ImageCleanup, ProductImages, ProductTotals, UpdateProduct,
    ViewProduct,
};
use app::rate_limit::RateLimiter;
use app::user::{LoginAttempts, LoginUser, RegisterUser, ViewProfile};
use app::{App, Commands, Queries};
use domain::user::PasswordRules;
use mail::Mailer;
use payments::{ConfiguredGateway, Payments};
use persistence::{Backlog, CachedTotals, Database, PollingNotifier};
use security::passwords::{self, Bcrypt};
use security::rate_limiter::{self, ClientLimits, Rate, Unlimited};
use security::tokens::{self, Jwt, Key, KeySet, KeyState};
use settings::{Grpc, Rest, Settings};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// The application, and the parts that the process starts, watches and stops.
pub struct Parts {
    pub app: Arc<App>,
    pub database: Arc<Database>,
    pub passwords: Arc<Bcrypt>,
    /// Its keys can be replaced while the process runs.
    pub tokens: Arc<Jwt>,
    pub metrics: Arc<Metrics>,
    /// The permits for uploads of images, which both protocols share.
    pub uploads: Arc<Semaphore>,
    pub(crate) cleanup: Arc<ImageCleanup>,
    pub(crate) clock: Arc<CommonClock>,
    pub(crate) gateway: ConfiguredGateway,
    pub(crate) notifier: Arc<PollingNotifier>,
    pub(crate) webhook_worker: Arc<WebhookWorker>,
    pub(crate) reconciler: Arc<Reconciler>,
    pub(crate) outbox_worker: Arc<OutboxWorker>,
    pub(crate) mailer: Arc<Mailer>,
    pub(crate) backlog: Arc<Mutex<Backlog>>,
    pub(crate) runtime: Arc<MainRuntime>,
}

/// Builds the application. `rest` is the address of REST, which serves images in a folder.
///
/// # Errors
/// A part can never be used with these settings.
pub fn wire(settings: &Settings, clock: &Arc<dyn Clock>, rest: SocketAddr) -> Result<Parts, StartError> {
    let database = Database::open(database(settings)).map_err(StartError::Database)?;
    let passwords = Arc::new(passwords(settings)?);
    let tokens = Arc::new(Jwt::new(jwt(settings), keys(settings)?, Arc::clone(clock)));
    let inspector = Arc::new(storage::inspector()?);
    let store = Arc::new(storage::store(settings, rest, Arc::clone(clock))?);
    let max_uploads = settings.storage.max_uploads;
    let uploads = Arc::new(Semaphore::new(max_uploads));
    let common_clock = Arc::new(CommonClock::new(Arc::clone(clock)));
    let shared: Arc<dyn Clock> = common_clock.clone();
    let gateway = ConfiguredGateway::open(settings, rest, &shared)?;
    let backlog = Arc::new(Mutex::new(Backlog::default()));
    let mailer = Arc::new(payments::mailer(settings)?);
    let sources = gauges::Sources {
        backlog: Arc::clone(&backlog),
        gateway: gateway.clone(),
        database: Arc::clone(&database),
        passwords: Arc::clone(&passwords),
        inspector: Arc::clone(&inspector),
        store: Arc::clone(&store),
        uploads: Arc::clone(&uploads),
        max_uploads,
        mailer: Arc::clone(&mailer),
    };
    let metrics = Arc::new(Metrics::new(move || sources.read()));
    let runtime = Arc::new(MainRuntime::current());
    let observer: Arc<dyn Observer> = Arc::new(Telemetry::new(Arc::clone(&metrics)));
    let pipeline = Arc::new(CallPipeline {
        tokens: tokens.clone(),
        rate_limiter: rate_limiter(settings),
        observer: Arc::clone(&observer),
        spawner: runtime.clone(),
    });
    let accounts = Accounts { settings, database: &database, passwords: &passwords, tokens: &tokens, clock };
    let cleanup = Arc::new(ImageCleanup { ledger: database.clone(), store: store.clone(), clock: shared.clone() });
    let images = Arc::new(ProductImages { inspector, store, ledger: database.clone(), clock: shared.clone() });
    let totals = Arc::new(CachedTotals::new(database.clone(), runtime.clone()));
    let payments = Payments {
        settings,
        database: &database,
        gateway: Arc::clone(&gateway.gateway),
        notifier: payments::notifier(&database),
        presenter: payments::presenter(&images),
        clock: &shared,
        observer,
        mailer: &mailer,
    };
    let (webhook_worker, reconciler, outbox_worker) =
        (payments.webhook_worker(), payments.reconciler(), payments.outbox_worker());
    let products = Products { database: &database, images, totals, clock };
    let app = Arc::new(app(pipeline, &accounts, &products, &payments, &webhook_worker));
    let notifier = payments.notifier;
    Ok(Parts {
        app,
        database,
        passwords,
        tokens,
        metrics,
        uploads,
        cleanup,
        clock: common_clock,
        gateway,
        notifier,
        webhook_worker,
        reconciler,
        outbox_worker,
        mailer,
        backlog,
        runtime,
    })
}

fn app(
    pipeline: Arc<CallPipeline>,
    accounts: &Accounts<'_>,
    products: &Products<'_>,
    payments: &Payments<'_>,
    webhook_worker: &Arc<WebhookWorker>,
) -> App {
    let commands = Commands {
        register_user: Handler::new(&pipeline, accounts.register()),
        login_user: Handler::new(&pipeline, accounts.login()),
        create_product: Handler::new(&pipeline, products.create()),
        update_product: Handler::new(&pipeline, products.update()),
        delete_product: Handler::new(&pipeline, products.delete()),
        checkout: Handler::new(&pipeline, payments.checkout()),
        receive_notification: Handler::new(&pipeline, payments.receive(webhook_worker)),
    };
    let queries = Queries {
        view_profile: Handler::new(&pipeline, ViewProfile { users: accounts.database.clone() }),
        view_product: Handler::new(&pipeline, products.view()),
        browse_products: Handler::new(&pipeline, products.browse()),
        view_payment: Handler::new(&pipeline, payments.view()),
        browse_payments: Handler::new(&pipeline, payments.browse()),
        view_timeline: Handler::new(&pipeline, payments.timeline()),
        watch_payment: Handler::new(&pipeline, payments.watch()),
    };
    App { pipeline, commands, queries }
}

/// What the use cases of accounts share.
struct Accounts<'a> {
    settings: &'a Settings,
    database: &'a Arc<Database>,
    passwords: &'a Arc<Bcrypt>,
    tokens: &'a Arc<Jwt>,
    clock: &'a Arc<dyn Clock>,
}

impl Accounts<'_> {
    fn register(&self) -> RegisterUser {
        RegisterUser {
            users: self.database.clone(),
            passwords: self.passwords.clone(),
            rules: password_rules(self.settings),
            clock: Arc::clone(self.clock),
        }
    }

    fn login(&self) -> LoginUser {
        let attempts = || self.database.clone() as Arc<dyn LoginAttempts>;
        LoginUser {
            users: self.database.clone(),
            passwords: self.passwords.clone(),
            tokens: self.tokens.clone(),
            attempts: self.settings.rate_limit.enabled.then(attempts),
            clock: Arc::clone(self.clock),
        }
    }
}

/// What the use cases of products share.
struct Products<'a> {
    database: &'a Arc<Database>,
    images: Arc<ProductImages>,
    totals: Arc<dyn ProductTotals>,
    clock: &'a Arc<dyn Clock>,
}

impl Products<'_> {
    fn create(&self) -> CreateProduct {
        CreateProduct {
            products: self.database.clone(),
            images: Arc::clone(&self.images),
            totals: Arc::clone(&self.totals),
            clock: Arc::clone(self.clock),
        }
    }

    fn update(&self) -> UpdateProduct {
        UpdateProduct {
            products: self.database.clone(),
            images: Arc::clone(&self.images),
            totals: Arc::clone(&self.totals),
            clock: Arc::clone(self.clock),
        }
    }

    fn delete(&self) -> DeleteProduct {
        let (totals, clock) = (Arc::clone(&self.totals), Arc::clone(self.clock));
        DeleteProduct { products: self.database.clone(), totals, clock }
    }

    fn view(&self) -> ViewProduct {
        ViewProduct { products: self.database.clone(), images: Arc::clone(&self.images) }
    }

    fn browse(&self) -> BrowseProducts {
        let (totals, images) = (Arc::clone(&self.totals), Arc::clone(&self.images));
        BrowseProducts { products: self.database.clone(), totals, images }
    }
}

/// The reconciler for a command.
///
/// # Errors
/// The gateway cannot be used.
pub fn reconciler(
    settings: &Settings,
    database: &Arc<Database>,
    clock: Arc<dyn Clock>,
) -> Result<Reconciler, StartError> {
    payments::reconciler(settings, database, clock)
}

#[must_use]
pub fn database(settings: &Settings) -> persistence::Options {
    let database = &settings.database;
    persistence::Options {
        url: database.url.clone(),
        read_url: database.read_url.clone(),
        access: persistence::Access::Create,
        pool_size: database.pool_size,
        queue: database.queue,
        prepared_statements: database.prepared_statements,
        allow_unsuitable_server: database.allow_unsuitable_server,
        connect_timeout: database.connect_timeout,
        statement_timeout: database.statement_timeout,
    }
}

/// The password hasher.
///
/// # Errors
/// Its threads cannot be started.
pub fn passwords(settings: &Settings) -> Result<Bcrypt, StartError> {
    let options = passwords::Options {
        cost: settings.auth.bcrypt_cost,
        threads: settings.auth.hash_threads,
        queue: settings.auth.hash_queue,
        ..passwords::Options::default()
    };
    Bcrypt::start(options).map_err(StartError::Hashing)
}

fn password_rules(settings: &Settings) -> PasswordRules {
    let password = &settings.auth.password;
    PasswordRules { min_length: password.min_length, reject_common: password.reject_common }
}

fn rate_limiter(settings: &Settings) -> Arc<dyn RateLimiter> {
    let limits = &settings.rate_limit;
    if !limits.enabled {
        return Arc::new(Unlimited);
    }
    let unless_zero = |limit: u32| (limit > 0).then(|| Rate::per_minute(limit));
    Arc::new(ClientLimits::new(rate_limiter::Options {
        credentials: Rate::per_minute(limits.credentials_per_minute),
        credentials_sustained: Rate::per_hour(limits.credentials_per_hour),
        write: Rate::per_minute(limits.writes_per_minute),
        read: Rate::per_minute(limits.reads_per_minute),
        grpc_write: unless_zero(limits.grpc_writes_per_minute),
        grpc_read: unless_zero(limits.grpc_reads_per_minute),
        ..rate_limiter::Options::default()
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

/// The keys of tokens: one signs, all verify.
///
/// # Errors
/// A key cannot be used.
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

#[must_use]
pub fn rest(settings: &Settings, parts: &Parts, addresses: Addresses) -> rest::Options {
    let Rest {
        workers,
        max_connections,
        request_timeout,
        body_timeout,
        upload_timeout,
        read_timeout,
        keep_alive,
        docs,
        ..
    } = settings.rest;
    rest::Options {
        keep_alive,
        public_url: settings.rest.public_url.clone(),
        has_media_paths: storage::are_paths(settings),
        workers,
        max_connections,
        request_timeout,
        body_timeout,
        upload_timeout,
        read_timeout,
        docs,
        index: settings.rest.index.then(|| index(settings, addresses)),
        media: storage::media(settings),
        simulator: parts.gateway.pages.clone(),
        uploads: Arc::clone(&parts.uploads),
        trusted_proxies: trusted_proxies(settings),
        cors_origins: settings.cors.allowed_origins.clone(),
        cors_headers: settings.cors.allowed_headers.clone(),
        drain_timeout: settings.shutdown.drain_timeout,
        ..rest::Options::default()
    }
}

/// What `/` shows.
fn index(settings: &Settings, addresses: Addresses) -> rest::Index {
    let [grpc, ops] =
        [addresses.grpc, addresses.ops].map(|address| SocketAddr::new(reachable(address.ip()), address.port()));
    rest::Index { environment: settings.environment.name(), grpc, ops }
}

#[must_use]
pub fn grpc(settings: &Settings, uploads: &Arc<Semaphore>) -> grpc::Options {
    let Grpc { max_connections, deadline, reflection, .. } = settings.grpc;
    grpc::Options {
        max_connections,
        deadline,
        reflection,
        uploads: Arc::clone(uploads),
        trusted_proxies: trusted_proxies(settings),
        drain_timeout: settings.shutdown.drain_timeout,
        ..grpc::Options::default()
    }
}
