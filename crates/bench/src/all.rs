//! Everything, in one run: which parts there are, and where their results go.

use crate::clients::{Client, Protocol};
use crate::load::{self, Until};
use crate::machine::Machine;
use crate::processes::ProcessGroup;
use crate::requests::PreparedRequest;
use crate::results::{Line, Place, Results};
use crate::server::Server;
use crate::{ceiling, checkout, login, memory, page, plots, profile, report, startup, webhook};
use clap::ValueEnum;
use std::path::PathBuf;
use std::time::Duration;
use testkit::database::DatabaseKind;

/// A part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// An account, beside the reference servers.
    Profile,
    /// One product.
    Product,
    /// The first page of products, by how many there are.
    Page,
    /// Orders of one product and of many, beside a bare script of their statements.
    Checkout,
    /// What the gateway tells.
    Webhook,
    /// Log-ins beside what the machine hashes, and reads meanwhile.
    Login,
    /// From being started to being ready.
    Startup,
    /// Memory, and the size of the binary.
    Memory,
    /// What the database could do.
    Ceiling,
}

/// What is measured.
pub struct Plan {
    /// The binary.
    pub server: PathBuf,
    /// Where the results go.
    pub out: PathBuf,
    /// How long a round.
    pub time: Duration,
    /// How many rounds.
    pub rounds: usize,
    /// How many clients.
    pub clients: usize,
    /// The databases.
    pub databases: Vec<DatabaseKind>,
    /// The parts.
    pub parts: Vec<Part>,
    /// The sizes of the shops whose pages are compared.
    pub products: Vec<u64>,
}

/// Somebody who is asked in turns with others.
pub struct Subject<'a> {
    /// Who, and what.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The server.
    pub server: &'a Server,
    /// What is asked.
    pub requests: &'a [PreparedRequest],
}

/// The processes of a database; none where it is inside the server.
#[must_use]
pub fn process_group(database: DatabaseKind) -> Option<ProcessGroup> {
    match database {
        DatabaseKind::Sqlite => None,
        DatabaseKind::Postgres => Some(ProcessGroup::named("postgres")),
        DatabaseKind::Mariadb => Some(ProcessGroup::named("mariadbd")),
    }
}

/// Asks all subjects in turns, round by round.
pub async fn in_turns(plan: &Plan, part: &'static str, database: DatabaseKind, subjects: &[Subject<'_>]) -> Vec<Line> {
    let process_group = process_group(database);
    let mut runs = Vec::new();
    for subject in subjects {
        let place = Place::over(database, subject.protocol);
        let line = Line { part, place, subject: subject.name.clone(), rounds: Vec::new() };
        runs.push((Client::several(subject.protocol, subject.server, plan.clients), line));
    }
    for _ in 0..plan.rounds {
        for (subject, (clients, line)) in subjects.iter().zip(&mut runs) {
            let until = Until::Passed(plan.time);
            let cost = load::measure(subject.server, clients, subject.requests, until, process_group.as_ref()).await;
            eprintln!("{database} {} {}: {cost:.0?}", subject.protocol, subject.name);
            line.rounds.push(cost);
        }
    }
    runs.into_iter().map(|(_, line)| line).collect()
}

/// Measures everything, and writes it down.
///
/// # Panics
/// Where the binary is not there, or the results cannot be written.
pub async fn run(plan: &Plan) {
    assert!(plan.server.is_file(), "{} is not there; scripts/bench builds it", plan.server.display());
    let method = format!(
        "A closed loop of {} clients, {} rounds of {:?} each after {:?} of warming up; the middle round, and the least and the \
         greatest in brackets. Client, server and database share the machine.",
        plan.clients,
        plan.rounds,
        plan.time,
        load::WARM_UP
    );
    let machine = Machine::look();
    let mut results = Results { machine, method, lines: Vec::new(), quantities: Vec::new(), aims: Vec::new() };
    for &database in &plan.databases {
        if let Err(reason) = database.available() {
            eprintln!("{database} is left out: {reason}");
            continue;
        }
        for part in &plan.parts {
            match part {
                Part::Profile => profile::accounts(plan, database, &mut results).await,
                Part::Product => profile::products(plan, database, &mut results).await,
                Part::Page => page::run(plan, database, &mut results).await,
                Part::Checkout => checkout::run(plan, database, &mut results).await,
                Part::Webhook => webhook::run(plan, database, &mut results).await,
                Part::Login => login::run(plan, database, &mut results).await,
                Part::Startup => startup::run(plan, database, &mut results),
                Part::Memory => memory::run(plan, database, &mut results).await,
                Part::Ceiling => ceiling::run(plan, database, &mut results),
            }
            // What there is so far, so that a run that is ended early has not been for nothing.
            write(plan, &results);
        }
    }
    println!("{}", report::markdown(&results));
    eprintln!("written to {}", plan.out.display());
}

fn write(plan: &Plan, results: &Results) {
    std::fs::create_dir_all(&plan.out).expect("a folder for the results");
    std::fs::write(plan.out.join("results.md"), report::markdown(results)).expect("a file");
    let json = serde_json::to_string_pretty(results).expect("figures");
    std::fs::write(plan.out.join("results.json"), json).expect("a file");
    plots::draw(&plan.out, results).expect("plots");
}
