//! Random histories: orders, payers, a gateway that fails, notifications that are shuffled, repeated, late, lost or forged, and
//! servers that die between any two steps. After each history nothing is lost, no piece is sold twice, and no mail is sent twice.
//!
//! `HISTORIES=all` goes through 10,000 on SQLite and 500 on each server, as the gate does; without it there are a tenth of them.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed step is a failed test"
)]

mod crash_point;
mod doubles;
mod gateway;
#[path = "../suite/support.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod support;
mod world;

use gateway::{Fault, Transition};
use persistence::Database;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use support::{Kind, TestDatabase, kinds};
use world::World;

/// One step of a history. An index names an order or a notification, modulo how many exist.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A buyer orders, with or without a key.
    Order {
        quantity: i32,
        key: Option<u8>,
    },
    /// A payer chooses a way to pay.
    Begin(usize),
    /// An attempt to pay goes on.
    Transition(usize, Transition),
    /// A notification comes.
    Deliver(usize),
    /// A notification comes, and will come again.
    Repeat(usize),
    /// A notification never comes, where that can be found out.
    Lose(usize),
    /// A notification is changed on its way, or made up.
    Forge(usize),
    /// In minutes.
    Pass(i64),
    Reconcile,
    RunWebhookWorker,
    SendMails,
    /// The gateway fails for some calls.
    Break(Fault, u8),
    /// The mail server fails for some mails.
    BreakMail(u8),
    /// The server dies after this many steps of its next call.
    Crash(i64),
    /// The seller adds pieces to the stock.
    Refill(i32),
    /// From now on, the gateway reports another amount for an order than was ordered, or the right one.
    SetWrongAmount(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    use Transition::{Cancel, Challenge, ChargeBack, Deny, Expire, Pay, Refund};
    let faults = select(vec![Fault::Refuses, Fault::Away, Fault::LosesAnswers, Fault::CircuitOpen]);
    let transitions = select(vec![Pay, Pay, Pay, Challenge, Deny, Expire, Cancel, Refund, ChargeBack]);
    prop_oneof![
        4 => (1..4, prop::option::weighted(0.3, 0..3_u8)).prop_map(|(quantity, key)| Step::Order { quantity, key }),
        4 => (0..8_usize).prop_map(Step::Begin),
        5 => (0..8_usize, transitions).prop_map(|(order, transition)| Step::Transition(order, transition)),
        4 => (0..8_usize).prop_map(Step::Deliver),
        2 => (0..8_usize).prop_map(Step::Repeat),
        1 => (0..8_usize).prop_map(Step::Lose),
        1 => (0..8_usize).prop_map(Step::Forge),
        2 => (1..90_i64).prop_map(Step::Pass),
        2 => Just(Step::Reconcile),
        1 => Just(Step::RunWebhookWorker),
        1 => Just(Step::SendMails),
        2 => (faults, 1..6_u8).prop_map(|(fault, calls)| Step::Break(fault, calls)),
        1 => (1..8_u8).prop_map(Step::BreakMail),
        2 => (0..12_i64).prop_map(Step::Crash),
        1 => (1..5).prop_map(Step::Refill),
        1 => (0..8_usize, any::<bool>()).prop_map(|(order, has_wrong_amount)| Step::SetWrongAmount(order, has_wrong_amount)),
    ]
}

/// The gateway was away at the last check and did not report a second attempt, which was paid.
fn paid_while_the_gateway_was_away() -> Vec<Step> {
    let order = || Step::Order { quantity: 1, key: None };
    vec![
        order(),
        Step::Break(Fault::Refuses, 2),
        Step::Begin(0),
        Step::Deliver(0),
        Step::Pass(24),
        Step::Transition(0, Transition::Deny),
        order(),
        Step::Reconcile,
        Step::Begin(0),
        Step::Transition(0, Transition::Pay),
        Step::Break(Fault::Refuses, 1),
        Step::Pass(46),
        Step::Reconcile,
    ]
}

/// How many histories a kind of database goes through.
fn count(kind: Kind) -> u32 {
    let all = if kind == Kind::Sqlite { 10_000 } else { 500 };
    match std::env::var("HISTORIES") {
        Ok(text) if text == "all" => all,
        Ok(text) => text.parse().expect("HISTORIES is a number, or all"),
        Err(_) => all / 10,
    }
}

/// How many histories share a database: few enough to keep it small, and enough to share the cost of creating it.
const SHARED: u32 = 200;

/// Where the files of databases are: in memory, where the system has a folder for that.
fn place() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// Runs a history and checks the result.
async fn live(database: &Arc<Database>, before: i64, history: &[Step]) {
    let world = World::new(database, before).await;
    for step in history {
        world.take(step).await;
    }
    world.come_to_rest().await;
    world.check().await;
}

/// Runs histories, one after another.
fn go_through(kind: Kind, mut left: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    while left > 0 {
        let some = left.min(SHARED);
        left -= some;
        let test = TestDatabase::migrated_in(kind, &place());
        let database = test.open();
        let mut runner = TestRunner::new(Config { cases: some, failure_persistence: None, ..Config::default() });
        let histories = prop::collection::vec(step(), 1..40);
        let begun = Cell::new(0);
        let ran = runner.run(&histories, |history| {
            let before = begun.replace(begun.get() + 1);
            runtime.block_on(live(&database, before, &history));
            Ok(())
        });
        if let Err(error) = ran {
            panic!("{kind:?}: {error}");
        }
        runtime.block_on(world::audit(&database));
    }
}

#[test]
fn what_was_found_once_is_not_found_again() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for kind in kinds() {
        let test = TestDatabase::migrated_in(kind, &place());
        runtime.block_on(live(&test.open(), 0, &paid_while_the_gateway_was_away()));
    }
}

#[test]
fn nothing_is_lost_or_sold_twice_or_told_twice_whatever_happens() {
    let threads = std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
    for kind in kinds() {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| go_through(kind, count(kind).div_ceil(threads)));
            }
        });
    }
}
