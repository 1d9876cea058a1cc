//! The typed settings, with file and line of each mistake.
//!
//! The layers, later ones over earlier ones (`layers.rs`): the built-in `default.toml`, the built-in file of the environment, the same
//! two files in the operator's folder (`folder.rs`), variables, the command line. The module of each group reads its values as their
//! types (`reader.rs`). Reading does not stop at a mistake, so all are reported at once.
//!
//! Start with [`Settings::load`], which `serve`, `config check` and `config show` use.

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
mod process;
mod reader;
mod secrets;
mod sources;
mod storage;
mod toml_file;
mod trimming;

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
pub use storage::{Bucket, Checksum, Credentials, Location, Storage};

use ipnet::IpNet;
use layers::Layers;
use reader::Reader;

/// The checked settings. `config/default.toml` describes each.
#[derive(Clone, Debug)]
pub struct Settings {
    pub environment: Environment,
    pub trusted_proxies: Vec<IpNet>,
    pub rest: Rest,
    pub grpc: Grpc,
    pub ops: Ops,
    pub cors: Cors,
    pub database: Database,
    pub storage: Storage,
    pub payment: Payment,
    pub mail: Mail,
    pub auth: Auth,
    pub rate_limit: RateLimit,
    pub log: Log,
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
        // Reading goes on as if for development, to find the other mistakes.
        let environment = environment.unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            Environment::Development
        });
        let mut warnings = Vec::new();
        let layers = Layers::read(sources, environment, &mut mistakes, &mut warnings);
        sources.report_unknown_variables(&layers.known, &mut mistakes, &mut warnings);
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
        network::check_ports(reader, &rest, &grpc, &ops);
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

    /// Each setting with its value and its source, without secrets.
    #[must_use]
    pub const fn describe(&self) -> &Description {
        &self.description
    }

    /// Turns faults that were found while the settings were applied into mistakes with a place.
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

    /// Valid values that may be unintended. Holds no secrets.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
