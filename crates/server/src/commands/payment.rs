//! `go-commerce payment`: what operators can do about payments.

use super::output::Say;
use super::{database, failed, unusable};
use crate::cli::PaymentCommand;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::wiring;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::clock::{Deadline, SystemClock};
use domain::payment::{Payment, PaymentId, PaymentQueries, Reconciler, Story};
use persistence::Access;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long an operator waits for the database.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(command: &PaymentCommand, settings: &Settings, output: &mut impl Say) -> Exit {
    match command {
        PaymentCommand::Explain { id } => explain(id, settings, output).await,
        PaymentCommand::Reconcile { id } => reconcile(id.as_deref(), settings, output).await,
    }
}

fn read(id: &str) -> Result<PaymentId, Exit> {
    id.parse().map_err(|_| failed(Exit::Misconfigured, format_args!("{id:?} is not a payment's identifier, a UUID")))
}

async fn explain(id: &str, settings: &Settings, output: &mut impl Say) -> Exit {
    let id = match read(id) {
        Ok(id) => id,
        Err(exit) => return exit,
    };
    let database = match database::open(settings, Access::Read).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    let by = || Deadline::within(PATIENCE);
    match (database.payment(id, by()).await, database.story(id, by()).await) {
        (Ok(Some(payment)), Ok(story)) => tell(&payment, &story, output),
        (Ok(None), _) => return failed(Exit::Failed, format_args!("there is no payment {id}")),
        (Err(error), _) | (_, Err(error)) => return unusable(&error),
    }
    Exit::Done
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Prints a payment's story, and what the gateway sent.
fn tell(payment: &Payment, story: &Story, output: &mut impl Say) {
    let mut say = |text: fmt::Arguments<'_>| output.say(text);
    let record = payment.record();
    say(format_args!("payment   {} {}", record.id, record.code));
    say(format_args!(
        "status    {}{}",
        record.state.status(),
        if record.needs_attention { ", needs attention" } else { "" }
    ));
    say(format_args!("state     {}, pieces {}", record.state.as_str(), record.reservation.as_str()));
    say(format_args!("product   {} x {}", record.quantity.count(), record.product.details().name.as_str()));
    say(format_args!("total     {}", record.total));
    say(format_args!("buyer     {}", record.buyer));
    say(format_args!("seller    {}", payment.seller()));
    say(format_args!(
        "payable   until {}, pieces held until {}",
        moment(record.expires_at),
        moment(payment.hold_until())
    ));
    let next = record.next_check.map_or_else(|| "never".to_owned(), moment);
    say(format_args!("checked   next {next}"));
    for transaction in &record.transactions {
        let (id, status, kind) = (&transaction.id, transaction.status.as_str(), &transaction.payment_type);
        say(format_args!(
            "attempt   {id} by {kind}: {status} over {}, {} given back",
            transaction.amount, transaction.refunded
        ));
    }
    say(format_args!(""));
    for line in story.lines(payment) {
        say(format_args!("{}  {:<15} {}", moment(line.at), line.kind, line.text));
    }
    for note in &story.notifications {
        say(format_args!("\nreceived {}: {}", moment(note.at), note.body));
    }
    for mail in story.mails.iter().filter_map(|mail| mail.error.as_ref().map(|error| (mail, error))) {
        say(format_args!("\nmail {} to the {}: {}", mail.0.status, mail.0.audience.as_str(), mail.1));
    }
}

async fn reconcile(id: Option<&str>, settings: &Settings, output: &mut impl Say) -> Exit {
    let id = match id.map(read).transpose() {
        Ok(id) => id,
        Err(exit) => return exit,
    };
    let database = match database::open(settings, Access::Write).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    let reconciler = match wiring::reconciler(settings, &database, Arc::new(SystemClock)) {
        Ok(reconciler) => reconciler,
        Err(error) => return failed(Exit::Misconfigured, error),
    };
    match id {
        Some(id) => reconcile_one(&reconciler, id, output).await,
        None => reconcile_due(&reconciler, settings.payment.check_pause, output).await,
    }
}

async fn reconcile_one(reconciler: &Reconciler, id: PaymentId, output: &mut impl Say) -> Exit {
    match reconciler.check_now(id).await {
        Ok(Some(payment)) => output.say(format_args!("{id} is {}", payment.record().state.status())),
        Ok(None) => return failed(Exit::Failed, format_args!("there is no payment {id}")),
        Err(error) => return unusable(&error),
    }
    Exit::Done
}

/// Looks after what is due. Where a server does so already, nothing is left to do here.
async fn reconcile_due(reconciler: &Reconciler, pause: Duration, output: &mut impl Say) -> Exit {
    let mut looked = 0;
    loop {
        match reconciler.run().await {
            Ok(0) => break,
            Ok(done) => looked += done,
            Err(error) => return unusable(&error),
        }
        tokio::time::sleep(pause).await;
    }
    output.say(format_args!("looked after {looked} payments"));
    Exit::Done
}
