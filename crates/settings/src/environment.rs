//! The environments: what each is for decides its settings and what is refused in it.

use super::known::closest;
use super::mistakes::{Mistake, quoted};
use super::plain::plain;
use std::fmt;

/// What a process is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On a developer's machine.
    Development,
    /// For automatic tests.
    Test,
    /// To rehearse production.
    Staging,
    /// Where it matters.
    Production,
}

impl Environment {
    /// All of them.
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

    /// Its file as it was when the binary was built.
    pub(super) const fn built_in(self) -> &'static str {
        match self {
            Self::Development => include_str!("../../../config/development.toml"),
            Self::Test => include_str!("../../../config/test.toml"),
            Self::Staging => include_str!("../../../config/staging.toml"),
            Self::Production => include_str!("../../../config/production.toml"),
        }
    }

    /// Whether strangers can reach it, so that a secret that everybody can read is none.
    #[must_use]
    pub const fn is_deployed(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }

    /// Reads a name that was given at `place`.
    pub(super) fn parse(name: &str, place: &str) -> Result<Self, Mistake> {
        let name = plain(name).map_err(|odd| odd.told(place, ""))?;
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
