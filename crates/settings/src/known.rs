//! The keys of all settings, and suggestions for a misspelled key.

use std::collections::BTreeSet;

/// The keys of all settings: those of the built-in `default.toml`, which names every one.
pub(super) struct KnownKeys(Vec<String>);

impl KnownKeys {
    pub(super) fn new(keys: impl Iterator<Item = String>) -> Self {
        Self(keys.collect())
    }

    /// The keys, in the order of `default.toml`.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.iter().any(|known| known == key)
    }

    /// Whether `key` names a group of settings.
    pub(super) fn is_section(&self, key: &str) -> bool {
        self.within(key).next().is_some()
    }

    /// Suggests a key for `unknown`; `spell` writes a key as that layer spells it.
    pub(super) fn advice(&self, unknown: &str, spell: impl Fn(&str) -> String) -> String {
        let list = |keys: &mut dyn Iterator<Item = &str>| keys.map(&spell).collect::<Vec<_>>().join(", ");
        let apart = |key: &str| key.replace('.', "_");
        let same = self.iter().find(|known| apart(known) == apart(unknown));
        if let Some(near) = same.or_else(|| closest(unknown, self.iter())) {
            return format!("did you mean {}?", spell(near));
        }
        if matches!(unknown, "env" | "environment") {
            return "the environment is named by COMMERCE_ENV or --env".to_owned();
        }
        let namesakes: Vec<_> = self.iter().filter(|known| last(known) == last(unknown)).collect();
        if !namesakes.is_empty() {
            return format!("did you mean {}?", list(&mut namesakes.into_iter()));
        }
        let section = unknown.rsplit_once('.').map_or("", |(section, _)| section);
        if self.is_section(section) {
            return format!("there are {}", list(&mut self.within(section)));
        }
        let sections: BTreeSet<_> = self.iter().filter_map(|key| Some(key.split_once('.')?.0)).collect();
        format!("the groups of settings are {}", sections.into_iter().collect::<Vec<_>>().join(", "))
    }

    pub(super) fn within<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |key| key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')))
    }
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// The candidate that `text` most likely misspells.
pub(super) fn closest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_beginning = |known: &str| text.len() >= 3 && known.starts_with(text);
    candidates
        .into_iter()
        .map(|known| (if is_beginning(known) { 1 } else { strsim::damerau_levenshtein(text, known) }, known))
        .filter(|(distance, known)| *distance <= (known.len() / 6).max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
