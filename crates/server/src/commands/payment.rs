//! `go-commerce payment`: what operators can do about payments.

use super::output::Print;
use super::{database, database_failed, failed, operator};
use crate::cli::PaymentCommand;
use crate::exit::Exit;
use crate::wiring;
use app::audit_log::{About, AuditLog};
use app::clock::{Clock, Deadline, SystemClock};
use app::payment::{ManualResolutions, PaymentQueries, Reconciler, Timeline};
use app::worker::Worker;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::money::Money;
use domain::payment::{
    Attention, Contradiction, ManualResolution, Payment, PaymentCode, PaymentId, Reservation, Resolution, Status,
};
use persistence::{Access, Database, Overview};
use serde_json::{Value, json};
use settings::Settings;
use std::sync::Arc;
use std::time::Duration;

/// How long an operator waits for the database.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(command: &PaymentCommand, settings: &Settings, output: &mut impl Print) -> Exit {
    match command {
        PaymentCommand::List { attention, status, limit, json } => {
            list(*attention, status.as_deref(), *limit, *json, settings, output).await
        }
        PaymentCommand::Explain { id } => explain(id, settings, output).await,
        PaymentCommand::Reconcile { id } => reconcile(id.as_deref(), settings, output).await,
        PaymentCommand::Resolve { id, outcome, reason } => resolve(id, outcome, reason, settings, output).await,
    }
}

/// How an operator names a payment: as the database does, or as buyers, sellers and mails do.
#[derive(Clone, Copy)]
enum Name {
    Id(PaymentId),
    Code(PaymentCode),
}

fn read(name: &str) -> Result<Name, Exit> {
    let id = name.parse().ok().map(Name::Id);
    id.or_else(|| PaymentCode::parse(name).map(Name::Code)).ok_or_else(|| {
        let problem =
            format_args!("{name:?} is neither a payment's identifier, a UUID, nor its code, as GC-1234-5678-9012");
        failed(Exit::Misconfigured, problem)
    })
}

/// The payment of a name, which need not be there where the name is an identifier.
async fn find(database: &Database, name: Name) -> Result<PaymentId, Exit> {
    match name {
        Name::Id(id) => Ok(id),
        Name::Code(code) => match database.payment_of_code(code, Deadline::within(PATIENCE)).await {
            Ok(Some(id)) => Ok(id),
            Ok(None) => Err(failed(Exit::Failed, format_args!("there is no payment {code}"))),
            Err(error) => Err(database_failed(&error)),
        },
    }
}

async fn list(
    attention: bool,
    status: Option<&str>,
    limit: u32,
    json: bool,
    settings: &Settings,
    output: &mut impl Print,
) -> Exit {
    let wanted = status.map(Status::find);
    if wanted == Some(None) {
        let known = Status::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ");
        return failed(Exit::Misconfigured, format_args!("--status: give one of {known}"));
    }
    let database = match database::open(settings, Access::Read).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    let wanted = Overview { attention, status: wanted.flatten(), limit };
    let payments = match database.overview(wanted, Deadline::within(PATIENCE)).await {
        Ok(payments) => payments,
        Err(error) => return database_failed(&error),
    };
    for payment in &payments {
        if json {
            output.print(described(payment));
        } else {
            output.print(listed(payment));
        }
    }
    if !json {
        output.print(format_args!("{} payments", payments.len()));
    }
    Exit::Done
}

/// Why a payment waits for a person, behind its status.
fn attention(payment: &Payment) -> String {
    payment.attention().map(|reason| format!(", needs attention: {}", reason.as_str())).unwrap_or_default()
}

/// What did not fit and nobody has settled.
fn open_contradiction(payment: &Payment) -> Option<&Contradiction> {
    payment.record().contradiction.as_ref().filter(|contradiction| contradiction.is_open)
}

fn listed(payment: &Payment) -> String {
    let record = payment.record();
    let (id, code, status, total) = (record.id, record.code, record.state.status(), record.total);
    let attention = payment.attention().map(|attention| format!(", {}", attention.as_str())).unwrap_or_default();
    let told = open_contradiction(payment).map(|open| format!(": {}", open.told)).unwrap_or_default();
    format!("{id} {code} {} {:<14} {total}{attention}{told}", moment(record.created_at), status.as_str())
}

/// A payment as JSON.
fn described(payment: &Payment) -> Value {
    let record = payment.record();
    json!({
        "id": record.id.to_string(),
        "code": record.code.to_string(),
        "created_at": moment(record.created_at),
        "status": record.state.status().as_str(),
        "total": record.total.to_string(),
        "fee": payment.fee().to_string(),
        "refunded": payment.refunded().to_string(),
        "pieces": record.reservation.as_str(),
        "buyer": record.buyer.to_string(),
        "seller": payment.seller().to_string(),
        "attention": payment.attention().map(Attention::as_str),
        "contradiction": open_contradiction(payment).map(|open| open.told.as_str()),
    })
}

async fn explain(id: &str, settings: &Settings, output: &mut impl Print) -> Exit {
    let name = match read(id) {
        Ok(name) => name,
        Err(exit) => return exit,
    };
    let database = match database::open(settings, Access::Read).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    let id = match find(&database, name).await {
        Ok(id) => id,
        Err(exit) => return exit,
    };
    let by = || Deadline::within(PATIENCE);
    match (database.payment(id, by()).await, database.timeline(id, by()).await) {
        (Ok(Some(payment)), Ok(story)) => tell(&payment, &story, output),
        (Ok(None), _) => return failed(Exit::Failed, format_args!("there is no payment {id}")),
        (Err(error), _) | (_, Err(error)) => return database_failed(&error),
    }
    match database.entries(About::Thing(id.to_string()), RULINGS, by()).await {
        Ok(rulings) => rulings.iter().rev().for_each(|ruling| {
            output.print(format_args!("\n{} {} {}", moment(ruling.at), ruling.action.as_str(), ruling.details));
        }),
        Err(error) => return database_failed(&error),
    }
    Exit::Done
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Prints a payment's story, and what the gateway sent.
fn tell(payment: &Payment, story: &Timeline, output: &mut impl Print) {
    let record = payment.record();
    output.print(format_args!("payment   {} {}", record.id, record.code));
    output.print(format_args!("status    {}{}", record.state.status(), attention(payment)));
    if let Some(Contradiction { transaction, told, is_open }) = &record.contradiction {
        let settled = if *is_open { "" } else { " (settled)" };
        output.print(format_args!("odd       the gateway told of {transaction}: {told}{settled}"));
    }
    output.print(format_args!("state     {}, pieces {}", record.state.as_str(), record.reservation.as_str()));
    output.print(format_args!("product   {} x {}", record.quantity.count(), record.product.details().name.as_str()));
    output.print(format_args!("total     {}", record.total));
    if payment.fee() > Money::ZERO {
        output.print(format_args!("fee       {} on top, paid by the payer and not the seller's", payment.fee()));
    }
    output.print(format_args!("buyer     {}", record.buyer));
    output.print(format_args!("seller    {}", payment.seller()));
    output.print(format_args!(
        "payable   until {}, pieces held until {}",
        moment(record.expires_at),
        moment(payment.hold_until())
    ));
    let next = record.next_check.map_or_else(|| "never".to_owned(), moment);
    output.print(format_args!("checked   next {next}"));
    for transaction in &record.transactions {
        let (id, status, kind) = (&transaction.id, transaction.status.as_str(), &transaction.payment_type);
        output.print(format_args!(
            "attempt   {id} by {kind}: {status} over {}{}, {} given back",
            transaction.amount,
            if transaction.fee > Money::ZERO { format!(" and a fee of {}", transaction.fee) } else { String::new() },
            transaction.refunded
        ));
    }
    output.print("");
    for line in story.lines(payment) {
        output.print(format_args!("{}  {:<15} {}", moment(line.at), line.kind, line.text));
    }
    for note in &story.notifications {
        output.print(format_args!("\nreceived {}: {}", moment(note.at), note.body));
    }
    for mail in story.mails.iter().filter_map(|mail| mail.error.as_ref().map(|error| (mail, error))) {
        output.print(format_args!("\nmail {} to the {}: {}", mail.0.status, mail.0.audience.as_str(), mail.1));
    }
}

/// How many words of persons on one payment are told.
const RULINGS: u32 = 20;
/// The longest reason that is taken, in characters.
const LONGEST_REASON: usize = 200;

async fn resolve(id: &str, outcome: &str, reason: &str, settings: &Settings, output: &mut impl Print) -> Exit {
    let reason = reason.trim();
    let is_plain = !reason.is_empty() && reason.chars().count() <= LONGEST_REASON;
    if !is_plain || reason.chars().any(char::is_control) {
        let advice = format_args!("--reason: say why, in up to {LONGEST_REASON} characters on one line");
        return failed(Exit::Misconfigured, advice);
    }
    let Some(resolution) = Resolution::ALL.iter().copied().find(|resolution| resolution.as_str() == outcome) else {
        return failed(Exit::Misconfigured, "--as: give paid or failed");
    };
    let name = match read(id) {
        Ok(name) => name,
        Err(exit) => return exit,
    };
    let database = match database::open(settings, Access::Write).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    let id = match find(&database, name).await {
        Ok(id) => id,
        Err(exit) => return exit,
    };
    let ruling = ManualResolution { resolution, operator: operator::name(), reason: reason.to_owned() };
    match database.resolve(id, &ruling, SystemClock.now(), Deadline::within(PATIENCE)).await {
        Ok(Some(Ok(payment))) => {
            let status = payment.record().state.status();
            let pieces = match payment.record().reservation {
                Reservation::Sold => "its pieces are sold",
                Reservation::Held => "its pieces are held",
                Reservation::Released { .. } if payment.is_unfulfilled() => {
                    "there are not enough pieces for it: raise the stock and resolve it again, or give the money back"
                }
                Reservation::Released { .. } => "its pieces are given back",
            };
            output.print(format_args!("{id} is {status}; {pieces}"));
            Exit::Done
        }
        Ok(Some(Err(refusal))) => failed(Exit::Failed, format_args!("{id} is not resolved: {refusal}")),
        Ok(None) => failed(Exit::Failed, format_args!("there is no payment {id}")),
        Err(error) => database_failed(&error),
    }
}

async fn reconcile(id: Option<&str>, settings: &Settings, output: &mut impl Print) -> Exit {
    let name = match id.map(read).transpose() {
        Ok(name) => name,
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
    match name {
        Some(name) => match find(&database, name).await {
            Ok(id) => reconcile_one(&reconciler, id, output).await,
            Err(exit) => exit,
        },
        None => reconcile_due(&reconciler, settings.payment.check_pause, output).await,
    }
}

async fn reconcile_one(reconciler: &Reconciler, id: PaymentId, output: &mut impl Print) -> Exit {
    match reconciler.check_now(id).await {
        Ok(Some(payment)) => {
            output.print(format_args!("{id} is {}{}", payment.record().state.status(), attention(&payment)))
        }
        Ok(None) => return failed(Exit::Failed, format_args!("there is no payment {id}")),
        Err(error) => return database_failed(&error),
    }
    Exit::Done
}

/// Looks after what is due. Where a server does so already, nothing is left to do here.
async fn reconcile_due(reconciler: &Reconciler, pause: Duration, output: &mut impl Print) -> Exit {
    let mut looked = 0;
    loop {
        match reconciler.run().await {
            Ok(0) => break,
            Ok(done) => looked += done,
            Err(error) => return database_failed(&error),
        }
        tokio::time::sleep(pause).await;
    }
    output.print(format_args!("looked after {looked} payments"));
    Exit::Done
}
