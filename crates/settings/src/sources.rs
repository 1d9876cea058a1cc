//! The sources of settings.

use super::known::{KnownKeys, closest};
use super::mistakes::Mistake;
use std::ffi::OsString;
use std::path::PathBuf;

const FOLDER: &str = "config";

/// The prefix of variables that are settings.
pub(super) const PREFIX: &str = "COMMERCE__";

/// The first word of all our variables.
const WORD: &str = "COMMERCE";

pub(super) const ENVIRONMENT: &str = "COMMERCE_ENV";

/// All that settings are read from. Nothing else of the process or the machine has an effect, except for the files that are
/// named here.
#[derive(Clone, Default)]
pub struct Sources {
    /// The environment's name. The default is that in the variable `COMMERCE_ENV`, then `development`.
    pub environment: Option<String>,
    /// A folder with files that override the built-in ones: `default.toml`, `{environment}.toml`, or both.
    pub config_dir: Option<PathBuf>,
    /// The folder that is read without `config_dir`. It need not exist.
    pub default_dir: Option<PathBuf>,
    /// The environment variables, of which those named `COMMERCE__SECTION__KEY` are settings.
    pub env_vars: Vec<(String, String)>,
    /// Keys and values from the command line.
    pub overrides: Vec<(String, String)>,
}

impl Sources {
    /// The sources of this process: its command line and its variables. The default folder is `config`.
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

    /// Reports variables that look like settings and are not. A name with `__` cannot belong to another program and is a mistake;
    /// others get a warning. Variables that container platforms make from the names of services are ignored.
    pub(super) fn report_unknown_variables(
        &self,
        known: &KnownKeys,
        mistakes: &mut Vec<Mistake>,
        warnings: &mut Vec<String>,
    ) {
        let mut unknown: Vec<_> = self.env_vars.iter().filter(|(name, value)| is_unknown(name, value)).collect();
        unknown.sort();
        for (name, _) in unknown {
            let letters = letters_of(name);
            let variables: Vec<_> = known.iter().map(|key| (variable(key), letters_of(&variable(key)))).collect();
            let is_environment = matches!(letters.as_str(), "COMMERCEENV" | "COMMERCEENVIRONMENT");
            let near = if is_environment {
                Some(ENVIRONMENT)
            } else {
                let near = closest(&letters, variables.iter().map(|(_, letters)| letters.as_str()));
                variables.iter().find(|(_, other)| near == Some(other)).map(|(variable, _)| variable.as_str())
            };
            let remedy = match near {
                Some(near) => format!("did you mean {near}?"),
                None if ends_a_word(name) => format!("settings begin with {PREFIX}, as in {}", variable("rest.port")),
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

/// Whether a variable looks like one of ours and is not.
fn is_unknown(name: &str, value: &str) -> bool {
    let begins = name.get(..WORD.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(WORD));
    begins && name != ENVIRONMENT && !name.starts_with(PREFIX) && !is_of_service(name, value)
}

/// Whether our first word ends where it does.
fn ends_a_word(name: &str) -> bool {
    name.get(WORD.len()..).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Whether a container platform has made a variable from the name of a service that is called `commerce` or so
/// (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
fn is_of_service(name: &str, value: &str) -> bool {
    let ends = ["_SERVICE_HOST", "_SERVICE_PORT", "_TCP", "_UDP", "_TCP_PORT", "_UDP_PORT", "_PROTO", "_ADDR"];
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    is_address || name.contains("_SERVICE_PORT_") || ends.iter().any(|end| name.ends_with(end))
}

/// The letters and digits of a name, in upper case.
fn letters_of(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// The text of a variable. Bytes that are not UTF-8 become U+FFFD, which no setting accepts.
fn text(raw: OsString) -> String {
    raw.into_string().unwrap_or_else(|raw| raw.to_string_lossy().into_owned())
}

/// The variable that a setting is read from.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}
