//! The command line: what can be asked of the binary.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// The back end of an online shop, over REST and gRPC.
#[derive(Clone, Debug, Parser)]
#[command(name = "go-commerce", version)]
pub struct Cli {
    /// What to do; without one, to serve.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// A folder with settings over those that are built in: `default.toml`, `{environment}.toml` [default: config, if there]
    #[arg(long, global = true, value_name = "DIR")]
    pub config: Option<PathBuf>,

    /// The environment: development, test, staging or production [default: `COMMERCE_ENV`, or development]
    #[arg(long, global = true, value_name = "NAME")]
    pub env: Option<String>,

    /// A setting, as in rest.port=8081; can be given more than once. Not for secrets
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,

    /// For serve: a file to write the listeners' addresses to, as JSON, once requests are taken
    #[arg(long, global = true, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,
}

/// More would need other means than one process that adds them one batch after another.
const MOST_PRODUCTS: u64 = 10_000_000;

/// What can be asked of the binary.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve REST, gRPC and the operators' port until SIGTERM or Ctrl-C
    Serve,
    /// Bring the database's schema up to date
    Migrate,
    /// Look at the settings
    Config {
        /// What to do with them.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the OpenAPI description of the REST interface
    Openapi,
    /// Write the descriptors of the gRPC interface to a file, with those of the details of errors: for grpcurl -protoset
    Proto {
        /// The file: an encoded google.protobuf.FileDescriptorSet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Ask the running server whether it is ready; exit code 0 if it is, 1 if not
    Health,
    /// Fill the database with accounts and products to look at, in development and test
    Seed {
        /// How many products there are to be; those that are there already count
        #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(..=MOST_PRODUCTS))]
        products: u64,
    },
    /// Look at payments and look after them
    Payment {
        /// What to do.
        #[command(subcommand)]
        command: PaymentCommand,
    },
    /// Look at mails and send them again
    Outbox {
        /// What to do.
        #[command(subcommand)]
        command: OutboxCommand,
    },
    /// Look at the store of images
    Storage {
        /// What to do.
        #[command(subcommand)]
        command: StorageCommand,
    },
    /// Check what must be true of the shop's records; exit code 0 if all of it is, 1 if not
    Audit {
        /// A file of identifiers, one a line, of payments that callers were told had been made: each must be there
        #[arg(long, value_name = "PATH")]
        journal: Option<PathBuf>,

        /// A log of this binary: no panic and no fault may be in it
        #[arg(long, value_name = "PATH")]
        log: Option<PathBuf>,
    },
    /// Tell who did what: log-ins, bursts of failed ones, changes of prices and stock, what operators did; newest first
    AuditLog {
        /// Only the log-ins of the account with this e-mail address
        #[arg(long, value_name = "EMAIL", conflicts_with = "id")]
        email: Option<String>,

        /// Only what was done to the product, mail or payment with this identifier
        #[arg(long, value_name = "ID")]
        id: Option<String>,

        /// How many entries at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Let an account log in again that too many failed log-ins have closed
    Unlock {
        /// The account's e-mail address
        email: String,
    },
}

/// What can be asked about the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Tell every mistake in the settings
    Check,
    /// Print each setting with its value and where that comes from, without secrets
    Show,
}

/// What can be asked about the store of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum StorageCommand {
    /// Put, read and remove an image in the store that the settings name; exit code 0 if all of it works, 1 if not
    Check,
}

/// What can be done about payments.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum PaymentCommand {
    /// List payments, the newest first
    List {
        /// Only those that wait for a person, with the reason
        #[arg(long)]
        attention: bool,
        /// Only those that buyers and sellers see as pending, success, deny, cancel, expire, failure, refund, partial_refund
        /// or chargeback
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// As JSON, one payment a line
        #[arg(long)]
        json: bool,
    },
    /// Tell a payment's whole story: what happened, what the gateway sent, which mails went out
    Explain {
        /// The payment's identifier, or its code
        id: String,
    },
    /// Ask the gateway about a payment, or about all whose notification is overdue, and finish what was left open
    Reconcile {
        /// The payment's identifier, or its code
        id: Option<String>,
    },
    /// Settle a payment that waits for a person, once it is known what has become of its money
    Resolve {
        /// The payment's identifier, or its code
        id: String,
        /// What has become of it: paid or failed
        #[arg(long = "as", value_name = "OUTCOME")]
        outcome: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// What can be done about mails.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum OutboxCommand {
    /// List mails, those that wait longest first
    List {
        /// Only those that are queued, sent, logged, written or dead
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Try a mail again at once that waits or is not tried any more
    Retry {
        /// The mail's identifier; without one, all that are not tried any more
        id: Option<String>,
    },
}

impl Cli {
    /// What to do.
    #[must_use]
    pub fn command(&self) -> &Command {
        self.command.as_ref().unwrap_or(&Command::Serve)
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').map(|(key, value)| (key.trim(), value)).filter(|(key, _)| !key.is_empty());
    let (key, value) = parts.ok_or("a setting is KEY=VALUE, as in rest.port=8081")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["go-commerce"], arguments].concat())
    }

    #[test]
    fn the_definition_holds_together() {
        <Cli as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn serving_is_what_is_meant_without_a_command() {
        assert_eq!(parse(&[]).unwrap().command(), &Command::Serve);
        for arguments in [&["--ready-file", "r"][..], &["serve", "--ready-file", "r"]] {
            let cli = parse(arguments).unwrap();
            assert_eq!((cli.command(), cli.ready_file.clone()), (&Command::Serve, Some("r".into())));
        }
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        let options = ["--env", "test", "--config", "dir", "--set", "rest.port=1", "--set", "log.level=a=b"];
        for arguments in [[&options[..], &["config", "show"]].concat(), [&["config", "show"], &options[..]].concat()] {
            let cli = parse(&arguments).unwrap();
            assert_eq!(cli.command(), &Command::Config { command: ConfigCommand::Show });
            assert_eq!((cli.env.as_deref(), cli.config), (Some("test"), Some("dir".into())));
            let set = [("rest.port", "1"), ("log.level", "a=b")];
            assert_eq!(cli.set, set.map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
    }

    #[test]
    fn as_many_products_are_made_as_is_said() {
        for (arguments, products) in [(&["seed"][..], 200), (&["seed", "--products", "1000000"], 1_000_000)] {
            assert_eq!(parse(arguments).unwrap().command(), &Command::Seed { products });
        }
        for wrong in ["-1", "many", "10000001"] {
            assert_eq!(parse(&["seed", "--products", wrong]).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn what_is_not_understood_ends_as_a_mistake_in_the_settings_does() {
        for arguments in [&["--set", "rest.port"][..], &["--set", "=1"], &["--nonsense"], &["nonsense"], &["config"]] {
            assert_eq!(parse(arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
    }
}
