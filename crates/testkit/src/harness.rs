//! Runs scenarios as named tests, one per protocol and database.

use crate::client::Protocol;
use crate::database::DatabaseKind;
use crate::world::World;
use libtest_mimic::{Completion, Failed, Trial};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// With this environment variable a missing database is an error, so that no test is skipped unnoticed.
const REQUIRE_ALL: &str = "ACCEPTANCE_REQUIRE_ALL";

const TIME_LIMIT: Duration = Duration::from_secs(120);

/// A scenario: one promise of the shop and the test of it.
pub struct Scenario {
    /// The part of the shop that the scenario belongs to.
    pub context: &'static str,
    /// The promise, as a sentence.
    pub name: &'static str,
    /// The protocols that keep the promise.
    pub protocols: &'static [Protocol],
    /// The settings in which its [`World`] differs from the default.
    pub settings: &'static [(&'static str, &'static str)],
    /// Panics if the promise is broken.
    pub run: for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = ()> + 'a>>,
}

type Cell = (Protocol, DatabaseKind);

/// The results of one cell's scenarios.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    listed: usize,
}

/// The results of all cells, for the table at the end.
#[derive(Clone, Debug, Default)]
pub struct Tallies(Arc<Mutex<BTreeMap<Cell, Tally>>>);

impl Tallies {
    fn count(&self, cell: Cell, count: impl FnOnce(&mut Tally)) {
        count(self.0.lock().unwrap().entry(cell).or_default());
    }

    /// One line per cell.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = format!("{:<6}{:<10}{:>8}{:>8}{:>10}\n", "", "", "passed", "failed", "left out");
        for ((protocol, database), tally) in self.0.lock().unwrap().iter() {
            let left_out = tally.listed - tally.passed - tally.failed;
            let why = database.available().err().map_or(String::new(), |why| format!("   ({why})"));
            let (protocol, database) = (protocol.to_string(), database.to_string());
            let _ =
                writeln!(table, "{protocol:<6}{database:<10}{:>8}{:>8}{left_out:>10}{why}", tally.passed, tally.failed);
        }
        table
    }
}

/// A trial for each scenario, protocol and database.
#[must_use]
pub fn trials(scenarios: &'static [Scenario], tallies: &Tallies) -> Vec<Trial> {
    let mut trials = Vec::new();
    for protocol in Protocol::ALL {
        for database in DatabaseKind::ALL {
            let promised = scenarios.iter().filter(|scenario| scenario.protocols.contains(&protocol));
            trials.extend(promised.map(|scenario| trial(scenario, (protocol, database), tallies.clone())));
        }
    }
    trials
}

fn trial(scenario: &'static Scenario, cell: Cell, tallies: Tallies) -> Trial {
    let (protocol, database) = cell;
    tallies.count(cell, |tally| tally.listed += 1);
    let name = format!("{protocol}/{database}/{}/{}", scenario.context, scenario.name);
    Trial::ignorable_test(name, move || {
        if let Err(why) = database.available() {
            if std::env::var_os(REQUIRE_ALL).is_none() {
                return Ok(Completion::ignored_with(why));
            }
            tallies.count(cell, |tally| tally.failed += 1);
            return Err(Failed::from(format!("{why}, and {REQUIRE_ALL} is")));
        }
        let outcome = run(scenario, cell);
        tallies.count(cell, |tally| match outcome {
            Ok(()) => tally.passed += 1,
            Err(_) => tally.failed += 1,
        });
        outcome.map(|()| Completion::Completed).map_err(Failed::from)
    })
}

/// Runs a scenario in a new world and closes the world, even after a panic.
fn run(scenario: &Scenario, (protocol, database): Cell) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let world = World::open(protocol, database, scenario.settings).await;
            let run = AssertUnwindSafe(tokio::time::timeout(TIME_LIMIT, (scenario.run)(&world)));
            let outcome = catch(run).await;
            match outcome {
                Ok(Ok(())) => {
                    let has_drained = world.close_checked().await;
                    assert!(has_drained, "the server stopped with work still under way");
                }
                Ok(Err(_)) => {
                    world.close().await;
                    panic!("not done after {TIME_LIMIT:?}");
                }
                Err(panic) => {
                    world.close().await;
                    std::panic::resume_unwind(panic);
                }
            }
        });
    }));
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome.map_err(|panic| text(&*panic))
}

type Panic = Box<dyn std::any::Any + Send>;

/// Turns a panic in a future into a value.
async fn catch<T>(future: AssertUnwindSafe<impl Future<Output = T>>) -> Result<T, Panic> {
    let mut future = std::pin::pin!(future.0);
    std::future::poll_fn(move |context| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    })
    .await
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked").to_owned()
}
