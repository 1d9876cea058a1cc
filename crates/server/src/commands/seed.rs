//! `go-commerce seed`: fills a database with accounts and products to look at.

use super::output::Print;
use super::{database, database_failed, failed, on_runtime};
use crate::exit::Exit;
use crate::seed::progress::Progress;
use crate::seed::{self, Seeded, catalogue};
use crate::shutdown::{Request, Signals};
use crate::wiring;
use app::clock::Deadline;
use app::product::Filter;
use domain::error::{Error, ErrorCode, causes};
use persistence::{Access, Options};
use settings::{Environment, Settings};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long one batch may take, which is thousands of rows: nobody else waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the database's last jobs get.
const LAST_JOBS: Duration = Duration::from_secs(10);

pub(super) fn seed(products: u64, settings: &Settings, output: &mut impl Print) -> Exit {
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
    on_runtime(fill(products, settings, output))
}

async fn fill(products: u64, settings: &Settings, output: &mut impl Print) -> Exit {
    let options = Options { access: Access::Write, statement_timeout: PATIENCE, ..wiring::database(settings) };
    let database = match database::open_with(settings, options).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
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
        let mut work = std::pin::pin!(seed::seed(&database, &passwords, products, &stop, &mut tell));
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
    let in_all = database.count_products(&Filter::default(), Deadline::within(PATIENCE)).await;
    database.close(LAST_JOBS).await;
    match (outcome, in_all) {
        (Ok(seeded), Ok(in_all)) => told(&seeded, in_all, started.elapsed(), output),
        (Err(error), _) => failed(Exit::DatabaseUnusable, reason(&error)),
        (_, Err(error)) => database_failed(&error),
    }
}

fn told(seeded: &Seeded, in_all: u64, elapsed: Duration, output: &mut impl Print) -> Exit {
    let Seeded { accounts, products, was_stopped, .. } = seeded;
    let seconds = elapsed.as_secs_f64();
    let emails = catalogue::ACCOUNTS.map(|account| account.email).join(", ");
    output.print(format_args!(
        "added {products} products and {accounts} accounts in {seconds:.1} s; the shop now has {in_all} products; \
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
