//! `go-commerce audit`: checks that the shop's records agree.

use super::output::Print;
use super::{database, database_failed, failed};
use crate::exit::Exit;
use crate::wiring;
use app::clock::{Clock, Deadline, SystemClock};
use app::payment::{MailState, Outbox, PaymentQueries};
use domain::payment::{Attention, Payment};
use persistence::{Access, Database, Finding, Options, Overview};
use settings::{Location, Settings};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long one check may take: each reads a table or two from end to end.
const PATIENCE: Duration = Duration::from_secs(300);
/// How many offenders are listed.
const NAMED: usize = 20;
/// The most payments that wait for a person and are counted.
const MOST_WAITING: u32 = 10_000;

pub(super) async fn run(
    journal: Option<&Path>,
    log: Option<&Path>,
    settings: &Settings,
    output: &mut impl Print,
) -> Exit {
    let patient = Options { access: Access::Read, statement_timeout: PATIENCE, ..wiring::database(settings) };
    let database = match database::open_with(settings, patient).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    let mut findings = match database.audit(SystemClock.now(), Deadline::within(PATIENCE)).await {
        Ok(findings) => findings,
        Err(error) => return database_failed(&error),
    };
    match images(&database, settings).await {
        Ok(finding) => findings.extend(finding),
        Err(error) => return database_failed(&error),
    }
    for (path, read) in [(journal, true), (log, false)] {
        let Some(path) = path else { continue };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return failed(Exit::Misconfigured, format_args!("{}: {error}", path.display())),
        };
        let finding = if read { acknowledged(&database, &text).await } else { Ok(faults(&text)) };
        match finding {
            Ok(finding) => findings.push(finding),
            Err(error) => return database_failed(&error),
        }
    }
    findings.iter().for_each(|finding| output.print(line(finding)));
    let waiting = Overview { attention: true, status: None, limit: MOST_WAITING };
    match database.overview(waiting, Deadline::within(PATIENCE)).await {
        Ok(waiting) => print_waiting(&waiting, output),
        Err(error) => return database_failed(&error),
    }
    if let Ok(waiting) = database.mails(Some(MailState::Queued), u32::MAX, Deadline::within(PATIENCE)).await {
        output.print(format_args!("{} mails are yet to be sent", waiting.len()));
    }
    if findings.iter().all(|finding| finding.broken == 0) { Exit::Done } else { Exit::Failed }
}

fn line(finding: &Finding) -> String {
    let Finding { rule, says, broken, offenders } = finding;
    if *broken == 0 {
        format!("{rule:<4} ok      {says}")
    } else {
        format!("{rule:<4} BROKEN  {says}: by {broken}, such as {}", offenders.join(", "))
    }
}

/// Lists the payments that wait for a person. They break no rule.
fn print_waiting(payments: &[Payment], output: &mut impl Print) {
    for &reason in Attention::ALL {
        let own = payments.iter().filter(|payment| payment.attention() == Some(reason));
        let ids: Vec<_> = own.map(|payment| payment.record().id.to_string()).collect();
        if !ids.is_empty() {
            let named = ids.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let (count, reason) = (ids.len(), reason.as_str());
            output.print(format_args!(
                "{count} payments wait for a person, {reason}: {named} (payment list --attention)"
            ));
        }
    }
}

/// Each payment in the journal exists.
async fn acknowledged(database: &Database, journal: &str) -> Result<Finding, domain::error::Error> {
    let mut missing = Vec::new();
    for line in journal.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let is_there = match line.parse() {
            Ok(id) => PaymentQueries::payment(database, id, Deadline::within(PATIENCE)).await?.is_some(),
            Err(_) => false,
        };
        if !is_there {
            missing.push(line.to_owned());
        }
    }
    Ok(finding("I2", "every payment that a caller was told of is there", missing))
}

/// The log holds no panic and no internal error.
fn faults(log: &str) -> Finding {
    let is_fault = |line: &&str| {
        line.contains("panicked at") || line.contains("a panic was caught") || line.contains("\"status\":500")
    };
    let found = log.lines().filter(is_fault).map(|line| line.chars().take(200).collect()).collect();
    finding("I8", "the log tells of no panic and no fault", found)
}

/// Each image that is shown exists in the folder of images. A bucket is not checked.
async fn images(database: &Database, settings: &Settings) -> Result<Option<Finding>, domain::error::Error> {
    let Location::Folder(folder) = &settings.storage.location else { return Ok(None) };
    let shown = database.shown_images(Deadline::within(PATIENCE)).await?;
    let missing = shown.into_iter().filter(|key| !folder.join(key).is_file()).collect();
    Ok(Some(finding("I10", "each image that a product or a payment shows is in the store", missing)))
}

fn finding(rule: &'static str, says: &'static str, mut offenders: Vec<String>) -> Finding {
    let broken = offenders.len();
    offenders.truncate(NAMED);
    Finding { rule, says, broken, offenders }
}
