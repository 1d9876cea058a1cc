//! The settings without their secrets: each value and its source.

use super::layers::Layers;
use super::secrets::shown;
use super::toml_file;
use config::{Value, ValueKind};
use std::fmt;

/// One setting without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The setting, as in `rest.port`.
    pub key: String,
    /// Its value as in TOML, with `***` for what is secret.
    pub value: String,
    /// `file:line`, the name of a variable, or an option of the command line.
    pub origin: String,
}

/// All settings without their secrets. Displayed as TOML, one a line, each followed by its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(Vec<Described>);

impl Description {
    pub(super) fn of(layers: &Layers) -> Self {
        let described = layers.known.iter().filter_map(|key| {
            let value = shown(key, &typed(layers.value(key)?, layers.default(key)));
            Some(Described { key: key.to_owned(), value, origin: layers.origin(key).to_owned() })
        });
        Self(described.collect())
    }

    /// The settings, in the order of `default.toml`.
    pub fn iter(&self) -> impl Iterator<Item = &Described> {
        self.0.iter()
    }
}

/// Converts the text of a variable or of the command line to the type of the setting.
fn typed(value: &Value, default: Option<&Value>) -> Value {
    let ValueKind::String(text) = &value.kind else { return value.clone() };
    let kind = match default.map(|default| &default.kind) {
        Some(ValueKind::Array(_)) => toml_file::list(text, "").map(ValueKind::Array),
        Some(ValueKind::I64(_) | ValueKind::Float(_)) => {
            let whole = text.parse().ok().map(ValueKind::I64);
            whole.or_else(|| text.parse().ok().map(ValueKind::Float))
        }
        Some(ValueKind::Boolean(_)) => text.parse().ok().map(ValueKind::Boolean),
        _ => None,
    };
    kind.map_or_else(|| value.clone(), |kind| Value::new(None, kind))
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.iter().map(|it| (format!("{} = {}", it.key, it.value), &it.origin)).collect();
        let width = lines.iter().map(|(setting, _)| setting.chars().count()).max().unwrap_or_default();
        lines.iter().try_for_each(|(setting, origin)| writeln!(f, "{setting:width$}  # {origin}"))
    }
}
