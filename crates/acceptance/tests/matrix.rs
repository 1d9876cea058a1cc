//! Every scenario in every cell: {REST, gRPC} × {SQLite, PostgreSQL, MariaDB, MySQL}.
//!
//! `cargo test -p acceptance --test matrix -- rest/sqlite` runs one cell, `-- user/a_taken_email` one scenario in
//! all cells. `scripts/test` starts the database servers; without them their cells are ignored.

use acceptance::scenarios;
use libtest_mimic::Arguments;
use std::process::ExitCode;
use testkit::database;
use testkit::harness::{Tallies, trials};

/// The number of concurrent trials: more than cores, because a trial mostly waits for its server to stop.
const TRIALS_AT_ONCE: usize = 8;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(TRIALS_AT_ONCE);
    let tallies = Tallies::default();
    let conclusion = libtest_mimic::run(&arguments, trials(scenarios::ALL, &tallies));
    database::remove_templates();
    if !arguments.list {
        println!("{}", tallies.table());
    }
    conclusion.exit_code()
}
