//! Where settings come from.

use super::known::{Known, closest};
use super::mistakes::Mistake;
use std::ffi::OsString;
use std::path::PathBuf;

/// The folder that is looked into when none is named.
const FOLDER: &str = "config";

/// What the variables that are settings begin with.
pub(super) const PREFIX: &str = "COMMERCE__";

/// The word that all our variables begin with.
const WORD: &str = "COMMERCE";

/// The variable that names the environment.
pub(super) const ENVIRONMENT: &str = "COMMERCE_ENV";

/// Everything that settings are read from. Nothing else of the process or the machine has a say, but for the files that
/// are named here.
#[derive(Clone, Default)]
pub struct Sources {
    /// The environment's name; that of the variable `COMMERCE_ENV` where it is not given, and then `development`.
    pub environment: Option<String>,
    /// A folder with files that are laid over the built-in ones: `default.toml`, one named after the environment, or both.
    pub config_dir: Option<PathBuf>,
    /// The folder that is looked into where none is named. It need not be there.
    pub default_dir: Option<PathBuf>,
    /// The environment variables, of which those named `COMMERCE__SECTION__KEY` are settings.
    pub env_vars: Vec<(String, String)>,
    /// Keys and values from the command line.
    pub overrides: Vec<(String, String)>,
}

impl Sources {
    /// The sources of this process: what its command line gives, and its variables. Without a folder from `--config` the folder `config` is looked into.
    #[must_use]
    pub fn from_process(
        environment: Option<String>,
        config_dir: Option<PathBuf>,
        overrides: Vec<(String, String)>,
    ) -> Self {
        Self {
            environment,
            config_dir,
            default_dir: Some(PathBuf::from(FOLDER)),
            env_vars: std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
            overrides,
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

    /// Variables that look like settings and are none. What has a `__` in it is meant for nobody else, and is a mistake; of the
    /// others, which may be for another program, there are doubts. Those that container platforms make from the names of
    /// services are left alone.
    pub(super) fn tell_of_strays(&self, known: &Known, mistakes: &mut Vec<Mistake>, warnings: &mut Vec<String>) {
        let mut strays: Vec<_> = self.env_vars.iter().filter(|(name, value)| is_stray(name, value)).collect();
        strays.sort();
        for (name, _) in strays {
            let squeezed = squeezed(name);
            let variables: Vec<_> = known.iter().map(|key| (variable(key), self::squeezed(&variable(key)))).collect();
            let is_environment = matches!(squeezed.as_str(), "COMMERCEENV" | "COMMERCEENVIRONMENT");
            let near = if is_environment {
                Some(ENVIRONMENT)
            } else {
                let near = closest(&squeezed, variables.iter().map(|(_, squeezed)| squeezed.as_str()));
                variables.iter().find(|(_, other)| near == Some(other)).map(|(variable, _)| variable.as_str())
            };
            let remedy = match near {
                Some(near) => format!("did you mean {near}?"),
                None if is_apart(name) => format!("settings begin with {PREFIX}, as in {}", variable("rest.port")),
                None => continue,
            };
            if is_environment || name.contains("__") {
                mistakes.push(Mistake::at(name, "has no effect", remedy));
            } else {
                warnings.push(format!("{name}: has no effect; {remedy}"));
            }
        }
    }
}

/// Whether a variable seems to be for this program, and is not.
fn is_stray(name: &str, value: &str) -> bool {
    let begins = name.get(..WORD.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(WORD));
    begins && name != ENVIRONMENT && !name.starts_with(PREFIX) && !is_of_service(name, value)
}

/// Whether a variable's first word is ours alone.
fn is_apart(name: &str) -> bool {
    name.get(WORD.len()..).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Whether a container platform has made a variable from the name of a service that is called `commerce` or so
/// (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
fn is_of_service(name: &str, value: &str) -> bool {
    let ends = ["_SERVICE_HOST", "_SERVICE_PORT", "_TCP", "_UDP", "_TCP_PORT", "_UDP_PORT", "_PROTO", "_ADDR"];
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    is_address || name.contains("_SERVICE_PORT_") || ends.iter().any(|end| name.ends_with(end))
}

/// A name without what people get wrong in it.
fn squeezed(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// The text of a variable. What is not UTF-8 becomes U+FFFD, which no setting accepts.
fn text(raw: OsString) -> String {
    raw.into_string().unwrap_or_else(|raw| raw.to_string_lossy().into_owned())
}

/// The variable that a setting is read from.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}
