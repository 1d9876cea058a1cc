//! The measuring program: see the crate's documentation. An example, because nothing starts an example but who names it.
#![expect(clippy::expect_used, reason = "a measurement that cannot go on has nothing to tell")]

use bench::all::{self, Part};
use bench::{reads, reference};
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use testkit::database::{self, DatabaseKind};

/// The product's own, so that the reference servers have no worse one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the real binary.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The databases that are measured where no others are named.
const DATABASES: [&str; 3] = ["sqlite", "postgres", "mariadb"];

#[derive(Subcommand)]
enum Command {
    /// What everything costs, beside what it would cost if only the statements were run.
    #[command(args_override_self = true)]
    All {
        /// The binary that is measured.
        #[arg(long, default_value = "target/release/go-commerce")]
        server: PathBuf,
        /// The folder for tables, figures and plots.
        #[arg(long, default_value = "target/bench")]
        out: PathBuf,
        /// How long a round takes, in seconds, after one of warming up.
        #[arg(long, default_value_t = 3)]
        seconds: u64,
        /// How many rounds there are of each; those of the product and those of what it is compared with take turns.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// How many clients ask at once, each when it has its answer.
        #[arg(long, default_value_t = 8)]
        clients: usize,
        /// Which databases: sqlite, postgres, mariadb, mysql.
        #[arg(long, value_delimiter = ',', default_values = DATABASES)]
        databases: Vec<String>,
        /// Which parts; all where none is named.
        #[arg(long, value_delimiter = ',')]
        only: Vec<Part>,
        /// How many products there are in the shops whose pages are compared.
        #[arg(long, value_delimiter = ',', default_values_t = [1_000, 1_000_000])]
        products: Vec<u64>,
    },
    /// What reading products costs, by how many there are.
    Reads {
        /// The binary that is measured.
        #[arg(long, default_value = "target/release/go-commerce")]
        server: PathBuf,
        /// How many products there are.
        #[arg(long, value_delimiter = ',', default_values_t = [1_000, 1_000_000])]
        products: Vec<u64>,
        /// Which databases: sqlite, postgres, mariadb, mysql.
        #[arg(long, value_delimiter = ',', default_values = DATABASES)]
        databases: Vec<String>,
        /// How long each read is measured, in seconds.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// How many clients ask at once, each when it has its answer.
        #[arg(long, default_value_t = 4)]
        clients: usize,
    },
    /// Serves what the product is compared with.
    #[command(hide = true)]
    Reference {
        /// The protocol.
        #[arg(long)]
        protocol: ReferenceProtocol,
        /// Where to write the address once it is served.
        #[arg(long)]
        ready_file: PathBuf,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReferenceProtocol {
    Rest,
    Grpc,
}

fn kinds(names: &[String]) -> Vec<DatabaseKind> {
    DatabaseKind::ALL.into_iter().filter(|kind| names.contains(&kind.to_string())).collect()
}

/// One thread is enough to ask, and leaves the rest of the machine to who answers.
fn ask(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work);
    database::remove_templates();
}

fn main() {
    match Arguments::parse().command {
        Command::All { server, out, seconds, rounds, clients, databases, only, products } => {
            let parts = if only.is_empty() { Part::value_variants().to_vec() } else { only };
            let (databases, time) = (kinds(&databases), Duration::from_secs(seconds.max(1)));
            let (rounds, clients) = (rounds.max(1), clients.max(1));
            ask(all::run(&all::Plan { server, out, time, rounds, clients, databases, parts, products }));
        }
        Command::Reads { server, products, databases, seconds, clients } => {
            let (databases, time) = (kinds(&databases), Duration::from_secs(seconds));
            ask(reads::run(&reads::Plan { server, products, databases, time, clients }));
        }
        Command::Reference { protocol, ready_file } => {
            let database = std::env::var(reference::DATABASE).expect("the database's URL");
            let plan = reference::Plan { is_grpc: protocol == ReferenceProtocol::Grpc, database, ready_file };
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(reference::serve(&plan));
        }
    }
}
