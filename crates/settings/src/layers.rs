//! The layers of settings, and their merged values.

use super::environment::Environment;
use super::folder::Folder;
use super::known::KnownKeys;
use super::mistakes::Mistake;
use super::secrets::shown;
use super::sources::{PREFIX, Sources, variable};
use super::toml_file;
use super::trimming::trim_value;
use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use std::fmt;

/// The built-in `default.toml`.
pub(super) const BUILT_IN: &str = include_str!("../../../config/default.toml");

/// Settings with a default that an empty text removes.
const CAN_BE_EMPTIED: [&str; 1] = ["payment.simulator.journal"];

/// Where a layer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LayerKind {
    /// A `default.toml`.
    Default,
    /// An environment's file.
    Environment,
    Variables,
    CommandLine,
}

impl LayerKind {
    /// Spells a key as this layer does.
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
    kind: LayerKind,
    settings: Vec<(String, Value)>,
}

/// Hides the values, for they may hold secrets.
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

/// All layers and their merged values.
pub(super) struct Layers {
    pub(super) known: KnownKeys,
    layers: Vec<Layer>,
    merged: Value,
    /// Settings whose variable is empty.
    emptied: Vec<String>,
}

const DEFAULTS: usize = 0;
const OF_ENVIRONMENT: usize = 1;

impl Layers {
    /// Reads all layers and merges them. Adds what cannot be read to `mistakes`, and what may be unintended to `warnings`.
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
        let known = KnownKeys::new(defaults.iter().map(|(key, _)| key.clone()));
        let mut all = vec![(LayerKind::Default, defaults), (LayerKind::Environment, of_environment)];
        let folder = Folder::read(sources, environment);
        mistakes.extend(folder.mistakes);
        warnings.extend(folder.warnings);
        for (kind, found) in folder.files {
            match found {
                Ok(settings) => all.push((kind, settings)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        all.push((LayerKind::Variables, variables(sources)));
        all.push((LayerKind::CommandLine, command_line(sources)));

        let mut read =
            Self { known, layers: Vec::new(), merged: Value::new(None, ValueKind::Nil), emptied: Vec::new() };
        for (kind, settings) in all {
            let layer = read.filtered(kind, settings, mistakes);
            read.layers.push(layer);
        }
        match merge(&read.layers) {
            Ok(merged) => read.merged = merged,
            Err(error) => mistakes.push(Mistake::at("the settings", error.to_string(), "write each setting once")),
        }
        read.warn_of_overrides(environment, warnings);
        read
    }

    /// Drops unknown, unreadable and absent settings from a layer.
    fn filtered(&mut self, kind: LayerKind, settings: Vec<(String, Value)>, mistakes: &mut Vec<Mistake>) -> Layer {
        let mut filtered = Vec::with_capacity(settings.len());
        for (key, value) in settings {
            if let Some(mistake) = check_key(&self.known, kind, &key, &value) {
                mistakes.push(mistake);
                continue;
            }
            if !self.known.contains(&key) {
                continue;
            }
            let place = value.origin().unwrap_or(&key).to_owned();
            match trim_value(value) {
                Err(invalid) => mistakes.push(invalid.into_mistake(&place, &key)),
                Ok(value) if !self.layers.is_empty() && self.counts_as_absent(kind, &key, &value) => {
                    if kind == LayerKind::Variables {
                        self.emptied.push(key);
                    }
                }
                Ok(value) => filtered.push((key, value)),
            }
        }
        Layer { kind, settings: filtered }
    }

    /// Whether an empty text counts as no value: in a variable, for a setting that needs a value, and in a `default.toml` that only
    /// repeats the built-in one.
    fn counts_as_absent(&self, kind: LayerKind, key: &str, value: &Value) -> bool {
        let is_empty = |value: &Value| matches!(&value.kind, ValueKind::String(text) if text.is_empty());
        let default = self.default(key);
        let has_none = default.is_some_and(is_empty);
        let is_list = default.is_some_and(|default| matches!(default.kind, ValueKind::Array(_)));
        is_empty(value)
            && match kind {
                LayerKind::Variables => true,
                LayerKind::Default if has_none => true,
                LayerKind::Default | LayerKind::Environment | LayerKind::CommandLine => {
                    !has_none && !is_list && !CAN_BE_EMPTIED.contains(&key)
                }
            }
    }

    /// Warns where a folder's `default.toml` overrides a value that is built in for the environment, and of empty variables in a
    /// deployed environment.
    fn warn_of_overrides(&self, environment: Environment, warnings: &mut Vec<String>) {
        let of_environment = self.layers.get(OF_ENVIRONMENT).map(|layer| layer.settings.as_slice()).unwrap_or_default();
        for (key, built_in) in of_environment {
            let Some(value) = self.value(key).filter(|value| value.kind != built_in.kind) else { continue };
            let Some((depth, LayerKind::Default)) = self.depth(key) else { continue };
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

    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        key.split('.').try_fold(&self.merged, |value, name| match &value.kind {
            ValueKind::Table(table) => table.get(name),
            _ => None,
        })
    }

    /// The value in the built-in `default.toml`.
    pub(super) fn default(&self, key: &str) -> Option<&Value> {
        let settings = &self.layers.get(DEFAULTS)?.settings;
        settings.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The source of the merged value; the key itself if there is no value.
    pub(super) fn origin<'a>(&'a self, key: &'a str) -> &'a str {
        self.value(key).and_then(Value::origin).unwrap_or(key)
    }

    /// The index and kind of the layer that the merged value comes from.
    pub(super) fn depth(&self, key: &str) -> Option<(usize, LayerKind)> {
        let mut layers = self.layers.iter().enumerate().rev();
        let (depth, layer) = layers.find(|(_, layer)| layer.settings.iter().any(|(known, _)| known == key))?;
        Some((depth, layer.kind))
    }
}

fn merge(layers: &[Layer]) -> Result<Value, ConfigError> {
    let builder = layers.iter().cloned().fold(Config::builder(), |builder, layer| builder.add_source(layer));
    Ok(builder.build()?.cache)
}

/// The settings of a file, or its mistake.
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
    settings
        .map(|(key, text)| (key.clone(), Value::new(Some(&LayerKind::CommandLine.spell(key)), text.as_str())))
        .collect()
}

/// Refuses a key that names no setting. The mistake does not repeat the value, for it may be a secret under a wrong name.
fn check_key(known: &KnownKeys, kind: LayerKind, key: &str, value: &Value) -> Option<Mistake> {
    let place = value.origin().unwrap_or(key);
    let is_empty_table = value.kind == ValueKind::Nil && kind != LayerKind::Variables;
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
