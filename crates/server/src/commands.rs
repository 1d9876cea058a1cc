//! What each command of the command line does.

mod audit;
mod audit_log;
mod outbox;
mod payment;
mod seed;
mod storage;

use crate::cli::{Cli, Command, ConfigCommand, StorageCommand};
use crate::exit::Exit;
use crate::health;
use crate::ready_file;
use crate::serve::{self, Running, StartError};
use crate::settings::{LogFormat, Settings, Sources};
use crate::shutdown::{Request, Signals};
use crate::telemetry::{self, LogGuard};
use crate::wiring;
use domain::clock::{Clock, Deadline, SystemClock};
use domain::user::{Email, LoginAttempts};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// How long an operator waits for a command's one statement.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does what the command line says.
#[must_use]
pub fn run(cli: &Cli) -> Exit {
    let command = cli.command();
    if *command == Command::Openapi {
        return print_openapi();
    }
    let settings = match Settings::load(&Sources::from_process(cli)) {
        Ok(settings) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return Exit::Misconfigured;
        }
    };
    match command {
        Command::Serve => on_runtime(serve(cli, &settings)),
        Command::Migrate => migrate(&settings),
        Command::Config { command } => print_settings(*command, &settings),
        Command::Health => print_health(&settings),
        Command::Seed { products } => seed::seed(*products, &settings),
        Command::Unlock { email } => on_runtime(unlock(email, &settings)),
        Command::Payment { command } => on_runtime(payment::run(command, &settings)),
        Command::Outbox { command } => on_runtime(outbox::run(command, &settings)),
        Command::Storage { command: StorageCommand::Check } => on_runtime(storage::check(&settings)),
        Command::Audit { journal, log } => on_runtime(audit::run(journal.as_deref(), log.as_deref(), &settings)),
        Command::AuditLog { email, id, limit } => {
            on_runtime(audit_log::run(email.as_deref(), id.as_deref(), *limit, &settings))
        }
        Command::Openapi => print_openapi(),
    }
}

fn on_runtime(work: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => failed(Exit::Failed, format_args!("the runtime cannot be started: {error}")),
    }
}

/// Prints what was asked for. A reader that has seen enough, such as `head`, is no failure.
fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{}", text.to_string().trim_end());
}

fn failed(exit: Exit, reason: impl std::fmt::Display) -> Exit {
    eprintln!("go-commerce: {reason}");
    exit
}

async fn serve(cli: &Cli, settings: &Settings) -> Exit {
    let log = match telemetry::init(&settings.log.level, settings.log.format == LogFormat::Json) {
        Ok(log) => log,
        Err(error) => return failed(Exit::Misconfigured, format_args!("log.level: {error}")),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return failed(Exit::Failed, format_args!("signals cannot be taken over: {error}")),
    };
    for warning in settings.warnings() {
        tracing::warn!(warning, "settings");
    }
    let running = match serve::start(settings, Arc::new(SystemClock)).await {
        Ok(running) => running,
        Err(error) => {
            let exit = match error {
                StartError::Bind { .. } => Exit::CannotListen,
                StartError::Database(_) => Exit::DatabaseUnusable,
                StartError::Hashing(_) | StartError::Inspecting(_) => Exit::Failed,
                StartError::Keys(_)
                | StartError::Storage { .. }
                | StartError::Midtrans(_)
                | StartError::Simulator(_)
                | StartError::Mail(_) => Exit::Misconfigured,
            };
            return failed(exit, error);
        }
    };
    let addresses = running.addresses;
    tracing::info!(
        environment = settings.environment.name(), rest = %addresses.rest, grpc = %addresses.grpc, ops = %addresses.ops,
        "serving"
    );
    if let Some(path) = &cli.ready_file
        && let Err(error) = ready_file::write(path, addresses)
    {
        return failed(Exit::Failed, format_args!("{} cannot be written: {error}", path.display()));
    }
    until_told_to_stop(running, &mut signals, cli, &log).await
}

async fn until_told_to_stop(mut running: Running, signals: &mut Signals, cli: &Cli, log: &LogGuard) -> Exit {
    let exit = loop {
        tokio::select! {
            request = signals.next() => match request {
                Request::Stop => break Exit::Done,
                Request::Reload => reload(cli, &running, log),
            },
            _ = running.server_ended() => break Exit::Failed,
        }
    };
    tokio::select! {
        in_time = running.drain() => if in_time { exit } else { Exit::CutShort },
        () = signals.stop() => {
            tracing::warn!("second signal: stopping at once");
            Exit::CutShort
        }
    }
}

/// Reads the settings again and applies those that can change while the process runs: token keys and log level.
fn reload(cli: &Cli, running: &Running, log: &LogGuard) {
    let settings = match Settings::load(&Sources::from_process(cli)) {
        Ok(settings) => settings,
        Err(mistakes) => return tracing::error!(%mistakes, "settings not reloaded"),
    };
    match wiring::keys(&settings) {
        Ok(keys) => running.parts.tokens.replace_keys(keys),
        Err(error) => return tracing::error!(%error, "settings not reloaded"),
    }
    if let Err(error) = log.level().set(&settings.log.level) {
        return tracing::error!(%error, "log level not changed");
    }
    tracing::info!("token keys and log level reloaded");
}

fn migrate(settings: &Settings) -> Exit {
    match persistence::migrate(&wiring::database(settings)) {
        Ok(applied) if applied.is_empty() => say("the schema is up to date"),
        Ok(applied) => applied.iter().for_each(|migration| say(format_args!("applied {migration}"))),
        Err(error) => return failed(Exit::DatabaseUnusable, error),
    }
    Exit::Done
}

fn print_settings(command: ConfigCommand, settings: &Settings) -> Exit {
    settings.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    match command {
        ConfigCommand::Check => say(format_args!("the settings for {} are in order", settings.environment)),
        ConfigCommand::Show => say(settings.describe()),
    }
    Exit::Done
}

fn print_openapi() -> Exit {
    match rest::openapi().to_pretty_json() {
        Ok(json) => say(json),
        Err(error) => return failed(Exit::Failed, error),
    }
    Exit::Done
}

fn print_health(settings: &Settings) -> Exit {
    match health::ask(&settings.ops) {
        Ok(answer) => say(answer),
        Err(unhealthy) => return failed(Exit::Failed, unhealthy),
    }
    Exit::Done
}

/// The storage, for a command of few statements.
fn open(settings: &Settings) -> Result<Arc<persistence::Database>, Exit> {
    persistence::Database::open(wiring::database(settings)).map_err(|error| failed(Exit::DatabaseUnusable, error))
}

/// Tells why the storage has not done what a command wanted.
fn unusable(error: &domain::error::Error) -> Exit {
    failed(Exit::DatabaseUnusable, format_args!("{error}: {}", domain::error::causes(error)))
}

async fn unlock(email: &str, settings: &Settings) -> Exit {
    let Ok(email) = Email::parse(email) else {
        return failed(Exit::Misconfigured, format_args!("{email:?} is not an e-mail address"));
    };
    let database = match persistence::Database::open(wiring::database(settings)) {
        Ok(database) => database,
        Err(error) => return failed(Exit::DatabaseUnusable, error),
    };
    match database.unlock(&email, SystemClock.now(), Deadline::within(PATIENCE)).await {
        Ok(true) => say(format_args!("unlocked {}", email.as_str())),
        Ok(false) => say(format_args!("{} had no failed log-ins", email.as_str())),
        Err(error) => {
            let causes = domain::error::causes(&error);
            return failed(Exit::DatabaseUnusable, format_args!("{error}: {causes}"));
        }
    }
    Exit::Done
}
