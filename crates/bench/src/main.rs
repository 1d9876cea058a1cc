//! `bench`: see the crate's documentation.
#![expect(clippy::expect_used, reason = "a measurement that cannot go on has nothing to tell")]

use acceptance::database::DatabaseKind;
use bench::reads::{self, Plan};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Measures the real binary.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What reading products costs, by how many there are.
    Reads {
        /// The binary that is measured.
        #[arg(long, default_value = "target/release/go-commerce")]
        server: PathBuf,
        /// How many products there are.
        #[arg(long, value_delimiter = ',', default_values_t = [1_000, 1_000_000])]
        products: Vec<u64>,
        /// Which databases: sqlite, postgres, mariadb.
        #[arg(long, value_delimiter = ',', default_values_t = ["sqlite".to_owned(), "postgres".to_owned(), "mariadb".to_owned()])]
        databases: Vec<String>,
        /// How long each read is measured, in seconds.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// How many clients ask at once, each when it has its answer.
        #[arg(long, default_value_t = 4)]
        clients: usize,
    },
}

fn main() {
    let Arguments { command: Command::Reads { server, products, databases, seconds, clients } } = Arguments::parse();
    let databases = DatabaseKind::ALL.into_iter().filter(|kind| databases.contains(&kind.to_string())).collect();
    let plan = Plan { server, products, databases, time: Duration::from_secs(seconds), clients };
    // One thread is enough to ask, and leaves the rest of the machine to who answers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(reads::run(&plan));
}
