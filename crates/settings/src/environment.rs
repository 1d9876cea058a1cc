//! The environments. Each has settings of its own, and some refuse settings that others accept.

use super::known::closest;
use super::mistakes::{Mistake, quoted};
use super::trimming::trim_text;
use std::fmt;

/// What a process is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On a developer's machine.
    Development,
    Test,
    /// To try a release before production.
    Staging,
    /// For real customers.
    Production,
}

impl Environment {
    pub const ALL: [Self; 4] = [Self::Development, Self::Test, Self::Staging, Self::Production];

    /// Its name, which is also that of its file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Test => "test",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    pub(super) const fn built_in(self) -> &'static str {
        match self {
            Self::Development => include_str!("../../../config/development.toml"),
            Self::Test => include_str!("../../../config/test.toml"),
            Self::Staging => include_str!("../../../config/staging.toml"),
            Self::Production => include_str!("../../../config/production.toml"),
        }
    }

    /// Whether strangers can reach it, so that a published secret must not be used.
    #[must_use]
    pub const fn is_deployed(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }

    /// Reads a name that was given at `place`.
    pub(super) fn parse(name: &str, place: &str) -> Result<Self, Mistake> {
        let name = trim_text(name).map_err(|invalid| invalid.into_mistake(place, ""))?;
        let found = Self::ALL.into_iter().find(|environment| environment.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let remedy = match closest(name, names) {
                Some(near) => format!("did you mean {near}? There are {}", names.join(", ")),
                None => format!("there are {}", names.join(", ")),
            };
            Mistake::at(place, format!("{} is not an environment", quoted(name)), remedy)
        })
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
