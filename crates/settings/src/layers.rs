//! The layers that settings are read from, and what comes out when they are laid over each other.

use super::environment::Environment;
use super::folder::Folder;
use super::known::Known;
use super::mistakes::Mistake;
use super::plain::plain_value;
use super::secrets::shown;
use super::sources::{PREFIX, Sources, variable};
use super::toml_file;
use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use std::fmt;

/// The settings of every environment as they were when the binary was built.
pub(super) const BUILT_IN: &str = include_str!("../../../config/default.toml");

/// Settings that have a default and can do without: an empty text takes it away.
const CAN_BE_EMPTIED: [&str; 1] = ["payment.simulator.journal"];

/// What a layer is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// What holds in every environment.
    Default,
    /// What holds in one environment.
    Environment,
    /// Environment variables.
    Variables,
    /// The command line.
    CommandLine,
}

impl Kind {
    /// How a setting is written there.
    fn spell(self, key: &str) -> String {
        match self {
            Self::Default | Self::Environment => key.to_owned(),
            Self::Variables => variable(key),
            Self::CommandLine => format!("--set {key}"),
        }
    }
}

/// The settings that come from one place.
#[derive(Clone)]
struct Layer {
    kind: Kind,
    settings: Vec<(String, Value)>,
}

/// Tells nothing of the values: secrets may be among them.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.settings.iter().cloned().collect())
    }
}

/// All layers, and what they come to together.
pub(super) struct Layers {
    pub(super) known: Known,
    layers: Vec<Layer>,
    merged: Value,
    /// Settings whose variable is there and has nothing in it.
    emptied: Vec<String>,
}

/// The places of the built-in layers among all.
const DEFAULTS: usize = 0;
const OF_ENVIRONMENT: usize = 1;

impl Layers {
    /// Reads everything there is, later layers over earlier ones. What cannot be read is added to `mistakes`, what may not be
    /// meant to `warnings`.
    pub(super) fn read(
        sources: &Sources,
        environment: Environment,
        mistakes: &mut Vec<Mistake>,
        warnings: &mut Vec<String>,
    ) -> Self {
        let mut built_in = |name: &str, text: &str| {
            toml_file::settings(&format!("built-in {name}.toml"), text).unwrap_or_else(|mistake| {
                mistakes.push(mistake);
                Vec::new()
            })
        };
        let defaults = built_in("default", BUILT_IN);
        let of_environment = built_in(environment.name(), environment.built_in());
        let known = Known::new(defaults.iter().map(|(key, _)| key.clone()));
        let mut all = vec![(Kind::Default, defaults), (Kind::Environment, of_environment)];
        let folder = Folder::read(sources, environment);
        mistakes.extend(folder.mistakes);
        warnings.extend(folder.warnings);
        for (kind, found) in folder.files {
            match found {
                Ok(settings) => all.push((kind, settings)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        all.push((Kind::Variables, variables(sources)));
        all.push((Kind::CommandLine, command_line(sources)));

        let mut read =
            Self { known, layers: Vec::new(), merged: Value::new(None, ValueKind::Nil), emptied: Vec::new() };
        for (kind, settings) in all {
            let layer = read.sifted(kind, settings, mistakes);
            read.layers.push(layer);
        }
        match merge(&read.layers) {
            Ok(merged) => read.merged = merged,
            Err(error) => mistakes.push(Mistake::at("the settings", error.to_string(), "write each setting once")),
        }
        read.doubt(environment, warnings);
        read
    }

    /// The settings of a layer that count.
    fn sifted(&mut self, kind: Kind, settings: Vec<(String, Value)>, mistakes: &mut Vec<Mistake>) -> Layer {
        let mut sifted = Vec::with_capacity(settings.len());
        for (key, value) in settings {
            if let Some(mistake) = refuse(&self.known, kind, &key, &value) {
                mistakes.push(mistake);
                continue;
            }
            if !self.known.contains(&key) {
                continue;
            }
            let place = value.origin().unwrap_or(&key).to_owned();
            match plain_value(value) {
                Err(odd) => mistakes.push(odd.told(&place, &key)),
                Ok(value) if !self.layers.is_empty() && self.says_nothing(kind, &key, &value) => {
                    if kind == Kind::Variables {
                        self.emptied.push(key);
                    }
                }
                Ok(value) => sifted.push((key, value)),
            }
        }
        Layer { kind, settings: sifted }
    }

    /// Whether a value is as none at all: an empty text in a variable, or for a setting that cannot do without a value, or in a
    /// `default.toml` that only repeats the built-in one.
    fn says_nothing(&self, kind: Kind, key: &str, value: &Value) -> bool {
        let is_empty = |value: &Value| matches!(&value.kind, ValueKind::String(text) if text.is_empty());
        let default = self.default(key);
        let has_none = default.is_some_and(is_empty);
        let is_list = default.is_some_and(|default| matches!(default.kind, ValueKind::Array(_)));
        is_empty(value)
            && match kind {
                Kind::Variables => true,
                Kind::Default if has_none => true,
                Kind::Default | Kind::Environment | Kind::CommandLine => {
                    !has_none && !is_list && !CAN_BE_EMPTIED.contains(&key)
                }
            }
    }

    /// What may not be meant: a folder's `default.toml` over what is built in for an environment, and empty variables where it
    /// matters.
    fn doubt(&self, environment: Environment, warnings: &mut Vec<String>) {
        let of_environment = self.layers.get(OF_ENVIRONMENT).map(|layer| layer.settings.as_slice()).unwrap_or_default();
        for (key, built_in) in of_environment {
            let Some(value) = self.value(key).filter(|value| value.kind != built_in.kind) else { continue };
            let Some((depth, Kind::Default)) = self.depth(key) else { continue };
            if depth > OF_ENVIRONMENT {
                let place = value.origin().unwrap_or(key);
                let taken = shown(key, built_in);
                warnings.push(format!(
                    "{place}: {key}: takes the place of {taken}, which is built in for {environment}; say so in \
                     {environment}.toml if it is meant"
                ));
            }
        }
        for key in self.emptied.iter().filter(|_| environment.is_deployed()) {
            let default = self.default(key).map(|default| shown(key, default)).unwrap_or_default();
            if !default.is_empty() && default != "\"\"" {
                warnings.push(format!("{}: is empty, which is as if it were not there", variable(key)));
            }
        }
    }

    /// The value that counts.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        key.split('.').try_fold(&self.merged, |value, name| match &value.kind {
            ValueKind::Table(table) => table.get(name),
            _ => None,
        })
    }

    /// What the built-in `default.toml` says.
    pub(super) fn default(&self, key: &str) -> Option<&Value> {
        let settings = &self.layers.get(DEFAULTS)?.settings;
        settings.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Where the value that counts comes from; the key's own name where there is none.
    pub(super) fn origin<'a>(&'a self, key: &'a str) -> &'a str {
        self.value(key).and_then(Value::origin).unwrap_or(key)
    }

    /// What the value that counts comes from, as the place of its layer among all: a later one is laid over an earlier.
    pub(super) fn depth(&self, key: &str) -> Option<(usize, Kind)> {
        let mut layers = self.layers.iter().enumerate().rev();
        let (depth, layer) = layers.find(|(_, layer)| layer.settings.iter().any(|(known, _)| known == key))?;
        Some((depth, layer.kind))
    }
}

fn merge(layers: &[Layer]) -> Result<Value, ConfigError> {
    let builder = layers.iter().cloned().fold(Config::builder(), |builder, layer| builder.add_source(layer));
    Ok(builder.build()?.cache)
}

/// The settings of a file, or what is wrong with it.
pub(super) type Found = Result<Vec<(String, Value)>, Mistake>;

fn variables(sources: &Sources) -> Vec<(String, Value)> {
    let settings = sources.env_vars.iter().filter_map(|(name, text)| {
        let key = name.strip_prefix(PREFIX)?.to_lowercase().replace("__", ".");
        Some((key, Value::new(Some(name), text.as_str())))
    });
    let mut settings: Vec<_> = settings.collect();
    settings.sort_by(|(one, _), (other, _)| one.cmp(other));
    settings
}

fn command_line(sources: &Sources) -> Vec<(String, Value)> {
    let settings = sources.overrides.iter();
    settings.map(|(key, text)| (key.clone(), Value::new(Some(&Kind::CommandLine.spell(key)), text.as_str()))).collect()
}

/// What is wrong with naming this setting at all. The value is not repeated: it may be a secret under a wrong name.
fn refuse(known: &Known, kind: Kind, key: &str, value: &Value) -> Option<Mistake> {
    let place = value.origin().unwrap_or(key);
    let is_empty_table = value.kind == ValueKind::Nil && kind != Kind::Variables;
    if known.contains(key) || (is_empty_table && known.is_section(key)) {
        return None;
    }
    let spell = |known: &str| kind.spell(known);
    if known.is_section(key) {
        let settings: Vec<_> = known.within(key).map(spell).collect();
        let remedy = format!("set one of {}", settings.join(", "));
        return Some(Mistake::at(place, "is a group of settings and has no value itself", remedy).of(key));
    }
    Some(Mistake::at(place, "there is no such setting", known.advice(key, spell)).of(key))
}
