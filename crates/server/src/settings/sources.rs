//! Where settings come from.

use super::known::Known;
use crate::cli::Cli;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder that is looked into when none is named.
const FOLDER: &str = "config";

/// What the variables that are settings begin with.
pub(super) const PREFIX: &str = "COMMERCE__";

/// The variable that names the environment.
pub(super) const ENVIRONMENT: &str = "COMMERCE_ENV";

/// Everything that settings are read from. Nothing else of the process or the machine has a say, but for the files that
/// are named here.
#[derive(Clone, Default)]
pub struct Sources {
    /// The environment's name; that of the variable `COMMERCE_ENV` where it is not given, and then `development`.
    pub environment: Option<String>,
    /// A folder with files in the place of the built-in ones: `default.toml`, and one named after the environment.
    pub config_dir: Option<PathBuf>,
    /// The environment variables, of which those named `COMMERCE__SECTION__KEY` are settings.
    pub env_vars: Vec<(String, String)>,
    /// Keys and values from the command line.
    pub overrides: Vec<(String, String)>,
}

impl Sources {
    /// What this process was started with. Without `--config` the folder `config` is read if it holds a
    /// `default.toml`.
    #[must_use]
    pub fn from_process(cli: &Cli) -> Self {
        let folder = || Some(PathBuf::from(FOLDER)).filter(|folder| folder.join("default.toml").is_file());
        Self {
            environment: cli.env.clone(),
            config_dir: cli.config.clone().or_else(folder),
            env_vars: std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
            overrides: cli.set.clone(),
        }
    }

    /// The environment's name and where it was given.
    pub(super) fn environment(&self) -> Option<(&str, &'static str)> {
        let argument = self.environment.as_deref().map(|name| (name, "--env"));
        argument.or_else(|| {
            let mut variables = self.env_vars.iter();
            let (_, name) = variables.find(|(variable, _)| variable == ENVIRONMENT)?;
            Some((name.as_str(), ENVIRONMENT))
        })
    }

    /// Variables that look like settings and are none. They are not mistakes: container platforms make variables of their
    /// own from the names of services.
    pub(super) fn warnings(&self, known: &Known) -> Vec<String> {
        let doubts = self.env_vars.iter().filter_map(|(name, _)| {
            let is_meant = |key: &&str| variable(key).replace("__", "_") == *name;
            let meant = known.iter().filter(|_| !name.starts_with(PREFIX)).find(is_meant)?;
            Some(format!("{name}: has no effect; did you mean {}?", variable(meant)))
        });
        doubts.collect()
    }

    pub(super) fn folder(&self) -> Option<&Path> {
        self.config_dir.as_deref()
    }
}

/// The text of a variable. What is not UTF-8 becomes U+FFFD, which no setting accepts.
fn text(raw: OsString) -> String {
    raw.into_string().unwrap_or_else(|raw| raw.to_string_lossy().into_owned())
}

/// The variable that a setting is read from.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}
