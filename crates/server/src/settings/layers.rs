//! The layers that settings are read from, and what comes out when they are laid over each other.

use super::environment::Environment;
use super::files;
use super::known::Known;
use super::mistakes::Mistake;
use super::sources::{PREFIX, Sources, variable};
use super::toml_file;
use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

/// The settings of every environment as they were when the binary was built.
pub(super) const BUILT_IN: &str = include_str!("../../../../config/default.toml");

/// The longest file with settings, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

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
}

impl Layers {
    /// Reads everything there is, later layers over earlier ones. What cannot be read is added to `mistakes`.
    pub(super) fn read(sources: &Sources, environment: Environment, mistakes: &mut Vec<Mistake>) -> Self {
        let built_in = toml_file::settings("built-in default.toml", BUILT_IN).unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            Vec::new()
        });
        let known = Known::new(built_in.iter().map(|(key, _)| key.clone()));
        let mut all = vec![(Kind::Default, built_in)];
        for (kind, found) in found(sources, environment) {
            match found {
                Ok(settings) => all.push((kind, settings)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        all.push((Kind::Variables, variables(sources)));
        all.push((Kind::CommandLine, command_line(sources)));

        let mut layers = Vec::with_capacity(all.len());
        for (kind, mut settings) in all {
            settings.retain(|(key, value)| match refuse(&known, kind, key, value) {
                Some(mistake) => {
                    mistakes.push(mistake);
                    false
                }
                None => known.contains(key),
            });
            layers.push(Layer { kind, settings });
        }
        let merged = merge(&layers).unwrap_or_else(|error| {
            mistakes.push(Mistake::at("the settings", error.to_string(), "write each setting once"));
            Value::new(None, ValueKind::Nil)
        });
        Self { known, layers, merged }
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
        let settings = &self.layers.first()?.settings;
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

type Found = Result<Vec<(String, Value)>, Mistake>;

/// The files. One in the folder stands in the place of the built-in one of the environment.
fn found(sources: &Sources, environment: Environment) -> Vec<(Kind, Found)> {
    let name = format!("{environment}.toml");
    let built_in = || toml_file::settings(&format!("built-in {name}"), environment.built_in());
    let Some(folder) = sources.folder() else {
        return vec![(Kind::Environment, built_in())];
    };
    let in_folder = |name: &str| file(&folder.join(name)).transpose();
    let (default, own) = (in_folder("default.toml"), in_folder(&name));
    if default.is_none() && own.is_none() {
        let problem = format!("the folder holds neither default.toml nor {name}");
        let missing = Mistake::at(folder.display(), problem, "name one that does, or none");
        return vec![(Kind::Default, Err(missing)), (Kind::Environment, built_in())];
    }
    let default = default.map(|found| (Kind::Default, found));
    // Where it cannot be read, the built-in one keeps that from looking like more mistakes than it is.
    let stand_in = own.as_ref().is_none_or(Result::is_err).then(built_in);
    let own = own.into_iter().chain(stand_in).map(|found| (Kind::Environment, found));
    default.into_iter().chain(own).collect()
}

/// The settings in a file, if there is one.
fn file(path: &Path) -> Result<Option<Vec<(String, Value)>>, Mistake> {
    match files::read(path, LONGEST_FILE) {
        Ok(text) => toml_file::settings(&path.display().to_string(), &text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Mistake::at(
            path.display(),
            format!("cannot be read: {error}"),
            "make it a readable file, or remove it",
        )),
    }
}

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
