//! Reads values as their types, and collects the mistakes.

use super::environment::Environment;
use super::layers::{LayerKind, Layers};
use super::mistakes::{Mistake, Reported, quoted};
use super::toml_file;
use super::trimming::trim_value;
use config::{Value, ValueKind};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Reads settings. An invalid value is replaced by a placeholder, so that reading goes on and finds all mistakes. The result may
/// be used only if there are none.
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) environment: Environment,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<String>,
}

impl Reader<'_> {
    pub(super) fn mistake(&mut self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Reported {
        let layers = self.layers;
        self.mistake_at(layers.origin(key), key, problem, remedy)
    }

    /// Reports a mistake in a setting at another place.
    pub(super) fn mistake_at(
        &mut self,
        place: &str,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Reported {
        self.mistakes.push(Mistake::at(place, problem, remedy).of(key));
        Reported
    }

    /// Warns of a value that may be unintended.
    pub(super) fn warn(&mut self, key: &str, doubt: &str) {
        self.warnings.push(format!("{}: {key}: {doubt}", self.layers.origin(key)));
    }

    /// The kind of layer that the value comes from.
    pub(super) fn kind(&self, key: &str) -> Option<LayerKind> {
        self.layers.depth(key).map(|(_, kind)| kind)
    }

    /// The settings of a group that differ from the built-in `default.toml`.
    pub(super) fn changed_within(&self, section: &str) -> Vec<String> {
        let text = |value: Option<&Value>| value.map(Value::to_string);
        let keys = self.layers.known.within(section);
        keys.filter(|key| text(self.layers.value(key)) != text(self.layers.default(key))).map(str::to_owned).collect()
    }

    fn read<T>(&mut self, key: &str, wanted: &str, parse: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.layers.value(key);
        let parsed = value.and_then(parse);
        if parsed.is_none() {
            let problem = format!("{} is not {wanted}", value.map(shown).unwrap_or_default());
            let remedy = match self.layers.default(key).map(shown) {
                Some(default) => format!("the default is {default}"),
                None => format!("give {wanted}"),
            };
            self.mistake(key, problem, remedy);
        }
        parsed
    }

    /// A whole number within bounds.
    pub(super) fn number<T>(&mut self, key: &str, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<i64> + PartialOrd + Display + Default,
    {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let parsed = self.read(key, &wanted, |value| {
            let number = match &value.kind {
                ValueKind::I64(number) => *number,
                ValueKind::String(text) => text.trim().parse().ok()?,
                _ => return None,
            };
            T::try_from(number).ok().filter(|number| range.contains(number))
        });
        parsed.unwrap_or_default()
    }

    /// A time in seconds, within bounds in seconds.
    pub(super) fn seconds(&mut self, key: &str, range: RangeInclusive<f64>) -> Duration {
        let wanted = format!("a number of seconds from {} to {}", range.start(), range.end());
        let parsed = self.read(key, &wanted, |value| {
            let seconds = match &value.kind {
                ValueKind::I64(number) => f64::from(i32::try_from(*number).ok()?),
                ValueKind::Float(number) => *number,
                ValueKind::String(text) => text.trim().parse().ok()?,
                _ => return None,
            };
            Some(seconds).filter(|seconds| range.contains(seconds)).map(Duration::from_secs_f64)
        });
        parsed.unwrap_or_default()
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        let parsed = self.read(key, "true or false", |value| match &value.kind {
            ValueKind::Boolean(flag) => Some(*flag),
            ValueKind::String(text) => text.trim().parse().ok(),
            _ => None,
        });
        parsed.unwrap_or_default()
    }

    pub(super) fn text<T>(&mut self, key: &str, wanted: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.read(key, wanted, |value| match &value.kind {
            ValueKind::String(text) => parse(text.trim()),
            _ => None,
        })
    }

    pub(super) fn address(&mut self, key: &str) -> IpAddr {
        let parsed = self.text(key, "an IP address such as 127.0.0.1 or 0.0.0.0", |text| text.parse().ok());
        parsed.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// The path of a file or folder; `None` if it is empty.
    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        let is_path = |text: &str| !text.contains(char::REPLACEMENT_CHARACTER);
        let wanted = "a path in UTF-8";
        let parsed = self.text(key, wanted, |text| is_path(text).then(|| PathBuf::from(text)));
        parsed.filter(|path| !path.as_os_str().is_empty())
    }

    /// A text of 1 to 255 characters.
    pub(super) fn name(&mut self, key: &str) -> String {
        let is_name =
            |text: &str| (1..=255).contains(&text.chars().count()) && !text.contains(char::REPLACEMENT_CHARACTER);
        let parsed = self.text(key, "a text of 1 to 255 characters", |text| is_name(text).then(|| text.to_owned()));
        parsed.unwrap_or_default()
    }

    pub(super) fn list<T>(&mut self, key: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut parsed = Vec::new();
        for element in self.elements(key, wanted) {
            let found = match &element.kind {
                ValueKind::String(text) => parse(text.trim()),
                _ => None,
            };
            match found {
                Some(found) => parsed.push(found),
                None => {
                    let problem = format!("{} is not {wanted}", shown(&element));
                    self.mistake_at(element.origin().unwrap_or(key), key, problem, "put it right, or leave it out");
                }
            }
        }
        parsed
    }

    pub(super) fn elements(&mut self, key: &str, wanted: &str) -> Vec<Value> {
        let elements = match self.layers.value(key).map(|value| (&value.kind, value.origin().unwrap_or(key))) {
            Some((ValueKind::Array(elements), _)) => Some(elements.clone()),
            Some((ValueKind::String(text), origin)) => toml_file::list(text, origin),
            Some(_) | None => None,
        };
        let Some(elements) = elements else {
            self.mistake(key, "is not a list", format!("give an array in which each element is {wanted}"));
            return Vec::new();
        };
        match elements.into_iter().map(trim_value).collect::<Result<_, _>>() {
            Ok(elements) => elements,
            Err(invalid) => {
                self.mistake(key, invalid.problem, invalid.remedy);
                Vec::new()
            }
        }
    }
}

fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => quoted(text),
        ValueKind::I64(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::Boolean(flag) => flag.to_string(),
        ValueKind::Array(_) => "a list".to_owned(),
        _ => "a table".to_owned(),
    }
}
