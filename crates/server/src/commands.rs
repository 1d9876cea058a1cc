//! The commands of the command line.

mod audit;
mod audit_log;
mod database;
mod operator;
mod outbox;
pub(crate) mod output;
mod payment;
mod seed;
mod storage;

use crate::cli::{Cli, Command, ConfigCommand, StorageCommand};
use crate::exit::Exit;
use crate::health;
use crate::ready_file;
use crate::serve::{self, Running, StartError};
use crate::shutdown::{Request, Signals};
use crate::telemetry::{self, LogGuard};
use crate::wiring;
use app::clock::{Clock, Deadline, SystemClock};
use app::user::{LoginAttempts, Users};
use domain::user::Email;
use output::Print;
use persistence::Access;
use settings::{LogFormat, Settings, Sources};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a command waits for its one statement.
const PATIENCE: Duration = Duration::from_secs(10);

#[must_use]
pub fn run(cli: &Cli) -> Exit {
    let mut output = output::stdout();
    let exit = run_on(cli, &mut output);
    output.end(exit)
}

/// Prints help, the version, or what is wrong with the command line.
#[must_use]
pub fn print_usage(usage: &clap::Error) -> Exit {
    let exit = if usage.use_stderr() { Exit::Misconfigured } else { Exit::Done };
    output::written(usage.print()).end(exit)
}

fn run_on(cli: &Cli, output: &mut impl Print) -> Exit {
    let command = cli.command();
    match command {
        Command::Openapi => return print_openapi(output),
        Command::Proto { out } => return write_descriptors(out),
        _ => {}
    }
    let settings = match Settings::load(&Sources::from_process(cli.env.clone(), cli.config.clone(), cli.set.clone())) {
        Ok(settings) => settings,
        Err(mistakes) => {
            print_error(mistakes);
            return Exit::Misconfigured;
        }
    };
    match command {
        Command::Serve => on_runtime(serve(cli, &settings)),
        Command::Migrate => migrate(&settings, output),
        Command::Config { command } => on_runtime(print_settings(*command, &settings, output)),
        Command::Health => print_health(&settings, output),
        Command::Seed { products } => seed::seed(*products, &settings, output),
        Command::Unlock { email } => on_runtime(unlock(email, &settings, output)),
        Command::Payment { command } => on_runtime(payment::run(command, &settings, output)),
        Command::Outbox { command } => on_runtime(outbox::run(command, &settings, output)),
        Command::Storage { command: StorageCommand::Check } => on_runtime(storage::check(&settings, output)),
        Command::Audit { journal, log } => {
            on_runtime(audit::run(journal.as_deref(), log.as_deref(), &settings, output))
        }
        Command::AuditLog { email, id, limit } => {
            on_runtime(audit_log::run(email.as_deref(), id.as_deref(), *limit, &settings, output))
        }
        Command::Openapi => print_openapi(output),
        Command::Proto { out } => write_descriptors(out),
    }
}

fn on_runtime(work: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => failed(Exit::Failed, format_args!("the runtime cannot be started: {error}")),
    }
}

/// Prints an error. If that fails too, only the exit code reports it.
fn print_error(text: impl Display) {
    let _ = writeln!(io::stderr(), "{}", text.to_string().trim_end());
}

fn failed(exit: Exit, reason: impl Display) -> Exit {
    print_error(format_args!("go-commerce: {reason}"));
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
    let faults = wiring::check(settings);
    if !faults.is_empty() {
        print_error(settings.mistaken(faults));
        return Exit::Misconfigured;
    }
    let running = match serve::start(settings, Arc::new(SystemClock)).await {
        Ok(running) => running,
        Err(error) => {
            if let Some(fault) = error.fault() {
                print_error(settings.mistaken(vec![fault]));
                return Exit::Misconfigured;
            }
            let exit = match error {
                StartError::Bind { .. } => Exit::CannotListen,
                StartError::Database(_) => Exit::DatabaseUnusable,
                _ => Exit::Failed,
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
    run_until_stopped(running, &mut signals, cli, &log).await
}

async fn run_until_stopped(mut running: Running, signals: &mut Signals, cli: &Cli, log: &LogGuard) -> Exit {
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

/// Reloads the settings that can change while the process runs: token keys and log level.
fn reload(cli: &Cli, running: &Running, log: &LogGuard) {
    let settings = match Settings::load(&Sources::from_process(cli.env.clone(), cli.config.clone(), cli.set.clone())) {
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

fn migrate(settings: &Settings, output: &mut impl Print) -> Exit {
    match persistence::migrate(&wiring::database(settings)) {
        Ok(applied) if applied.is_empty() => output.print("the schema is up to date"),
        Ok(applied) => applied.iter().for_each(|migration| output.print(format_args!("applied {migration}"))),
        Err(error) => return failed(Exit::DatabaseUnusable, error),
    }
    Exit::Done
}

async fn print_settings(command: ConfigCommand, settings: &Settings, output: &mut impl Print) -> Exit {
    settings.warnings().iter().for_each(|warning| print_error(format_args!("warning: {warning}")));
    if command == ConfigCommand::Show {
        output.print(settings.describe());
        return Exit::Done;
    }
    let faults = wiring::check(settings);
    if !faults.is_empty() {
        print_error(settings.mistaken(faults));
        return Exit::Misconfigured;
    }
    output.print(format_args!("the settings for {} are in order", settings.environment));
    Exit::Done
}

fn print_openapi(output: &mut impl Print) -> Exit {
    match rest::openapi().to_pretty_json() {
        Ok(json) => output.print(json),
        Err(error) => return failed(Exit::Failed, error),
    }
    Exit::Done
}

fn write_descriptors(out: &Path) -> Exit {
    let descriptors = match grpc::descriptor_file() {
        Ok(descriptors) => descriptors,
        Err(error) => return failed(Exit::Failed, error),
    };
    match std::fs::write(out, descriptors) {
        Ok(()) => Exit::Done,
        Err(error) => failed(Exit::Failed, format_args!("{} cannot be written: {error}", out.display())),
    }
}

fn print_health(settings: &Settings, output: &mut impl Print) -> Exit {
    match health::ask(&settings.ops) {
        Ok(answer) => output.print(answer),
        Err(unhealthy) => return failed(Exit::Failed, unhealthy),
    }
    Exit::Done
}

fn database_failed(error: &domain::error::Error) -> Exit {
    failed(Exit::DatabaseUnusable, format_args!("{error}: {}", domain::error::causes(error)))
}

async fn unlock(email: &str, settings: &Settings, output: &mut impl Print) -> Exit {
    let Ok(email) = Email::parse_known(email) else {
        return failed(Exit::Misconfigured, format_args!("{email:?} is not an e-mail address"));
    };
    let database = match database::open(settings, Access::Write).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    match database.find_by_email(&email, Deadline::within(PATIENCE)).await {
        Ok(Some(_)) => {}
        Ok(None) => return failed(Exit::Failed, format_args!("nobody has the e-mail address {}", email.as_str())),
        Err(error) => return database_failed(&error),
    }
    match database.unlock(&email, SystemClock.now(), Deadline::within(PATIENCE)).await {
        Ok(true) => output.print(format_args!("unlocked {}", email.as_str())),
        Ok(false) => output.print(format_args!("{} had no failed log-ins", email.as_str())),
        Err(error) => return database_failed(&error),
    }
    Exit::Done
}
