//! Mistakes in the settings, each with its remedy.

use std::fmt;

/// A setting that is valid but cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The setting, as in `mail.from`.
    pub key: &'static str,
    /// Holds no secret.
    pub problem: String,
    pub remedy: &'static str,
}

/// The longest value that is repeated in a text, in characters.
const MAX_SHOWN: usize = 60;

/// An invalid setting, file or variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// `file:line`, the name of a variable, or an option of the command line.
    pub place: String,
    /// The setting, as in `rest.port`; `None` if the place itself is at fault.
    pub key: Option<String>,
    /// Holds no secret.
    pub problem: String,
    pub remedy: String,
}

impl Mistake {
    /// A mistake of a place as a whole.
    pub(super) fn at(place: impl fmt::Display, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: place.to_string(), key: None, problem: problem.into(), remedy: remedy.into() }
    }

    /// The same, of one setting.
    pub(super) fn of(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()).filter(|key| !key.is_empty()), ..self }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

/// Proof that a mistake was added to the report.
pub(super) struct Reported;

/// All mistakes in the settings; displayed one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// The mistakes, in the order in which the settings are read.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("1 mistake in the settings:")?,
            count => write!(f, "{count} mistakes in the settings:")?,
        }
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for Mistakes {}

/// A text in quotes, shortened where it is long.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(MAX_SHOWN).collect();
    let rest = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{rest}")
}
