//! Runs all parts of the measurement and writes the results.

use crate::clients::{Client, Protocol};
use crate::load::{self, Until};
use crate::machine::Machine;
use crate::processes::ProcessGroup;
use crate::requests::PreparedRequest;
use crate::results::{Line, Place, Results};
use crate::server::Server;
use crate::{ceiling, checkout, fair, login, memory, page, plots, profile, report, startup, webhook};
use clap::ValueEnum;
use std::path::PathBuf;
use std::time::Duration;
use testkit::database::DatabaseKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Reads of an account, compared with the reference servers.
    Profile,
    /// Reads of one product.
    Product,
    /// The first page of products, by the number of products.
    Page,
    /// Orders of one product and of many, compared with a script of their SQL statements.
    Checkout,
    /// The gateway's notifications.
    Webhook,
    /// Log-ins compared with the machine's hashing rate, and reads meanwhile.
    Login,
    /// Whether everybody gets a fair share while something else saturates the machine.
    Fair,
    /// The time from start to readiness.
    Startup,
    /// Memory use and the size of the binary.
    Memory,
    /// The database's own limit.
    Ceiling,
}

/// What to measure.
pub struct Plan {
    /// The path of the binary.
    pub server: PathBuf,
    /// The folder for the results.
    pub out: PathBuf,
    /// The length of a round.
    pub time: Duration,
    pub rounds: usize,
    pub clients: usize,
    pub databases: Vec<DatabaseKind>,
    pub parts: Vec<Part>,
    /// The numbers of products for which pages are compared.
    pub products: Vec<u64>,
}

/// A server and requests to measure in turns with others.
pub struct Subject<'a> {
    /// The name of the row.
    pub name: String,
    pub protocol: Protocol,
    pub server: &'a Server,
    pub requests: &'a [PreparedRequest],
}

/// The database's processes; `None` if the database runs inside the server.
#[must_use]
pub fn process_group(database: DatabaseKind) -> Option<ProcessGroup> {
    match database {
        DatabaseKind::Sqlite => None,
        DatabaseKind::Postgres => Some(ProcessGroup::named("postgres")),
        DatabaseKind::Mariadb => Some(ProcessGroup::named("mariadbd")),
        DatabaseKind::Mysql => Some(ProcessGroup::named("mysqld")),
    }
}

/// Measures all subjects in turns, round by round.
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

/// Measures everything and writes the results.
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
                Part::Fair => fair::run(plan, database, &mut results).await,
                Part::Startup => startup::run(plan, database, &mut results),
                Part::Memory => memory::run(plan, database, &mut results).await,
                Part::Ceiling => ceiling::run(plan, database, &mut results),
            }
            // Intermediate results survive a run that is ended early.
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
