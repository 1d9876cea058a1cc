//! `go-commerce seed`: fills a database with accounts and products to look at.

use super::{failed, on_runtime, say};
use crate::exit::Exit;
use crate::seed::progress::Progress;
use crate::seed::{self, Sown, catalogue};
use crate::settings::{Environment, Settings};
use crate::shutdown::{Request, Signals};
use crate::wiring;
use domain::error::{Error, ErrorCode, causes};
use persistence::{Database, Status};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long one batch may take, which is thousands of rows: nobody else waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the database's last jobs get.
const LAST_JOBS: Duration = Duration::from_secs(10);

pub(super) fn seed(products: u64, settings: &Settings) -> Exit {
    if !matches!(settings.environment, Environment::Development | Environment::Test) {
        let reason = format!(
            "seed is not for {}: it makes accounts whose password everybody can read; use it in development or test",
            settings.environment
        );
        return failed(Exit::Misconfigured, reason);
    }
    if settings.database.migrate_on_start
        && let Err(error) = persistence::migrate(&wiring::database(settings))
    {
        return failed(Exit::DatabaseUnusable, error);
    }
    on_runtime(sow(products, settings))
}

async fn sow(products: u64, settings: &Settings) -> Exit {
    let options = persistence::Options { statement_timeout: PATIENCE, ..wiring::database(settings) };
    let database = match Database::open(options) {
        Ok(database) => database,
        Err(error) => return failed(Exit::DatabaseUnusable, error),
    };
    match database.status().await {
        Status::Ready => {}
        Status::SchemaBehind { .. } => {
            let reason = "the database's schema is older than this binary; run `go-commerce migrate` first";
            return failed(Exit::DatabaseUnusable, reason);
        }
        Status::SchemaAhead { .. } => {
            return failed(Exit::DatabaseUnusable, "the database's schema is newer than this binary");
        }
        Status::Away { reason } => {
            return failed(Exit::DatabaseUnusable, format_args!("the database is away: {reason}"));
        }
    }
    let passwords = match wiring::passwords(settings) {
        Ok(passwords) => passwords,
        Err(error) => return failed(Exit::Failed, error),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return failed(Exit::Failed, format_args!("signals cannot be taken over: {error}")),
    };

    let (started, stop) = (Instant::now(), CancellationToken::new());
    let mut progress = Progress::new(products);
    let outcome = {
        let mut tell = |done| progress.tell(done);
        let mut work = std::pin::pin!(seed::sow(&database, &passwords, products, &stop, &mut tell));
        loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                request = signals.next() => match request {
                    Request::Stop if stop.is_cancelled() => return Exit::CutShort,
                    Request::Stop => stop.cancel(),
                    Request::Reload => {}
                },
            }
        }
    };
    progress.end();
    database.close(LAST_JOBS).await;
    match outcome {
        Ok(sown) => told(&sown, started.elapsed()),
        Err(error) => failed(Exit::DatabaseUnusable, reason(&error)),
    }
}

fn told(sown: &Sown, elapsed: Duration) -> Exit {
    let Sown { accounts, products, found, was_stopped } = sown;
    let seconds = elapsed.as_secs_f64();
    let emails = catalogue::ACCOUNTS.map(|account| account.email).join(", ");
    say(format_args!(
        "added {products} products and {accounts} accounts in {seconds:.1} s ({found} products were there already); \
         log in as {emails} with the password {}",
        catalogue::PASSWORD
    ));
    if *was_stopped {
        return failed(Exit::CutShort, "stopped before all products were there; run it again for the rest");
    }
    Exit::Done
}

fn reason(error: &Error) -> String {
    match error.code() {
        ErrorCode::EmailTaken => {
            "somebody else has the e-mail address of a demonstration account; use another database".to_owned()
        }
        ErrorCode::TokenInvalid => "a demonstration account has been removed; use another database".to_owned(),
        _ => format!("{error}: {}", causes(error)),
    }
}
