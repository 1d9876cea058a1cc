//! Everything that operators can choose: typed settings, with file and line of each mistake.
//!
//! Settings are laid over each other: the built-in `default.toml`, the built-in file of the environment, the same two in the
//! folder as far as they are there (`folder.rs`), variables, the command line (`layers.rs`); each says only what it names. Each is then read as the type it must be (`reader.rs`), by the module of its
//! group. Reading never stops at a mistake, so that all are told at once. `serve`, `config check` and `config show` all
//! go through [`Settings::load`].

mod auth;
mod database;
mod describe;
mod environment;
mod files;
mod folder;
mod keys;
mod known;
mod layers;
mod limits;
mod mail;
mod mistakes;
mod network;
mod payment;
mod plain;
mod process;
mod reader;
mod secrets;
mod sources;
mod storage;
mod toml_file;

pub use auth::{Auth, Jwt, Password};
pub use database::Database;
pub use describe::{Described, Description};
pub use environment::Environment;
pub use keys::VerificationKey;
pub use limits::RateLimit;
pub use mail::{Mail, MailServer, MailTransport};
pub use mistakes::{Fault, Mistake, Mistakes};
pub use network::{Cors, Grpc, Ops, Rest};
pub use payment::{GatewayChoice, Midtrans, Payment, Simulator};
pub use process::{Log, LogFormat, Shutdown};
pub use sources::Sources;
pub use storage::{Bucket, Checksum, Credentials, Place, Storage};

use ipnet::IpNet;
use layers::Layers;
use reader::Reader;

/// Everything that operators can choose, checked. `config/default.toml` tells what each setting is for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the process is run for.
    pub environment: Environment,
    /// Proxies whose word on a client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Listening for REST.
    pub rest: Rest,
    /// Listening for gRPC.
    pub grpc: Grpc,
    /// Listening for operators.
    pub ops: Ops,
    /// Pages of other origins.
    pub cors: Cors,
    /// Where and how accounts and products are kept.
    pub database: Database,
    /// Where the images of products are kept.
    pub storage: Storage,
    /// Paying for orders.
    pub payment: Payment,
    /// Mails about payments.
    pub mail: Mail,
    /// Passwords and tokens.
    pub auth: Auth,
    /// How many calls a client may make.
    pub rate_limit: RateLimit,
    /// What is logged, and how.
    pub log: Log,
    /// How the process ends.
    pub shutdown: Shutdown,
    description: Description,
    warnings: Vec<String>,
}

impl Settings {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn load(sources: &Sources) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        let environment = match sources.environment() {
            Some((name, place)) => Environment::parse(name, place),
            None => Ok(Environment::Development),
        };
        // The rest is read as if for development, to find what else is wrong.
        let environment = environment.unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            Environment::Development
        });
        let mut warnings = Vec::new();
        let layers = Layers::read(sources, environment, &mut mistakes, &mut warnings);
        sources.tell_of_strays(&layers.known, &mut mistakes, &mut warnings);
        let mut reader = Reader { layers: &layers, environment, mistakes, warnings };
        let mut settings = Self::read(&mut reader);
        let Reader { mistakes, warnings, .. } = reader;
        if !mistakes.is_empty() {
            return Err(Mistakes(mistakes));
        }
        settings.warnings = warnings;
        Ok(settings)
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let trusted_proxies = network::trusted_proxies(reader);
        let (rest, grpc, ops) = (Rest::read(reader), Grpc::read(reader), Ops::read(reader));
        network::guard_ports(reader, &rest, &grpc, &ops);
        let database = Database::read(reader);
        let storage = Storage::read(reader, &rest);
        Self {
            environment: reader.environment,
            trusted_proxies,
            rest,
            grpc,
            ops,
            cors: Cors::read(reader),
            database,
            storage,
            payment: Payment::read(reader),
            mail: Mail::read(reader),
            auth: Auth::read(reader),
            rate_limit: RateLimit::read(reader),
            log: Log::read(reader),
            shutdown: Shutdown::read(reader),
            description: Description::of(reader.layers),
            warnings: Vec::new(),
        }
    }

    /// Each setting with its value and where that comes from, without secrets.
    #[must_use]
    pub const fn describe(&self) -> &Description {
        &self.description
    }

    /// What was found wrong when the settings were put to use, told as what is found when they are read.
    #[must_use]
    pub fn mistaken(&self, faults: Vec<Fault>) -> Mistakes {
        let origin = |key: &str| {
            let described = self.description.iter().find(|described| described.key == key);
            described.map_or_else(|| key.to_owned(), |described| described.origin.clone())
        };
        let mistakes =
            faults.into_iter().map(|Fault { key, problem, remedy }| Mistake::at(origin(key), problem, remedy).of(key));
        Mistakes(mistakes.collect())
    }

    /// What is not wrong, but may not be meant. Holds no secrets.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
