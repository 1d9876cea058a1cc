//! `go-commerce outbox`: what operators can do about mails.

use super::output::Say;
use super::{database, failed, unusable};
use crate::cli::OutboxCommand;
use crate::exit::Exit;
use app::clock::{Clock, Deadline, SystemClock};
use app::payment::{MailSelection, MailState, Outbox};
use chrono::SecondsFormat;
use persistence::Access;
use settings::Settings;
use std::time::Duration;

/// How long an operator waits for the database.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(command: &OutboxCommand, settings: &Settings, output: &mut impl Say) -> Exit {
    match command {
        OutboxCommand::List { state, limit } => list(state.as_deref(), *limit, settings, output).await,
        OutboxCommand::Retry { id } => retry(id.as_deref(), settings, output).await,
    }
}

async fn list(state: Option<&str>, limit: u32, settings: &Settings, output: &mut impl Say) -> Exit {
    let wanted = state.map(MailState::restore);
    if wanted == Some(None) {
        return failed(Exit::Misconfigured, "--state: give queued, sent, logged, written or dead");
    }
    let database = match database::open(settings, Access::Read).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    let mails = match database.mails(wanted.flatten(), limit, Deadline::within(PATIENCE)).await {
        Ok(mails) => mails,
        Err(error) => return unusable(&error),
    };
    for mail in &mails {
        // Only what is queued is tried again.
        let next = match mail.state {
            MailState::Queued => mail.next_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            MailState::Sent | MailState::Logged | MailState::Written | MailState::Dead => "never".to_owned(),
        };
        let error = mail.error.as_deref().unwrap_or_default();
        output.say(format_args!(
            "{} {:<7} {} to the {:<6} of {} attempts {:>2} next {next} {error}",
            mail.id,
            mail.state.as_str(),
            mail.status,
            mail.audience.as_str(),
            mail.payment,
            mail.attempts,
        ));
    }
    output.say(format_args!("{} mails", mails.len()));
    Exit::Done
}

async fn retry(id: Option<&str>, settings: &Settings, output: &mut impl Say) -> Exit {
    let which = match id.map(str::parse) {
        None => MailSelection::AllFailed,
        Some(Ok(id)) => MailSelection::One(id),
        Some(Err(_)) => {
            return failed(Exit::Misconfigured, "give a mail's identifier, a UUID, as `outbox list` tells it");
        }
    };
    let database = match database::open(settings, Access::Write).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    if let MailSelection::One(mail) = &which {
        match database.mail_state(*mail, Deadline::within(PATIENCE)).await {
            Ok(Some(MailState::Queued | MailState::Dead)) => {}
            Ok(Some(state)) => {
                return failed(Exit::Failed, format_args!("the mail {mail} is done with: it was {}", state.as_str()));
            }
            Ok(None) => return failed(Exit::Failed, format_args!("there is no mail {mail}")),
            Err(error) => return unusable(&error),
        }
    }
    match database.retry(which, SystemClock.now(), Deadline::within(PATIENCE)).await {
        Ok(0) if id.is_some() => failed(Exit::Failed, "the mail is being sent just now, or has been"),
        Ok(retried) => {
            output.say(format_args!("{retried} mails are tried again"));
            Exit::Done
        }
        Err(error) => unusable(&error),
    }
}
