//! Reads TOML as settings, each value with its line.

use super::mistakes::Mistake;
use config::{Value, ValueKind};
use toml_edit::{Document, Item, TableLike};

/// A TOML text and its name.
struct Text<'a> {
    name: &'a str,
    text: &'a str,
}

impl Text<'_> {
    fn place(&self, offset: Option<usize>) -> String {
        let before = offset.and_then(|offset| self.text.get(..offset)).unwrap_or_default();
        format!("{}:{}", self.name, before.matches('\n').count() + 1)
    }

    fn value(&self, item: &toml_edit::Value, offset: Option<usize>) -> Value {
        let place = self.place(item.span().map(|span| span.start).or(offset));
        let kind = match item {
            toml_edit::Value::String(text) => ValueKind::String(text.value().clone()),
            toml_edit::Value::Integer(number) => ValueKind::I64(*number.value()),
            toml_edit::Value::Float(number) => ValueKind::Float(*number.value()),
            toml_edit::Value::Boolean(flag) => ValueKind::Boolean(*flag.value()),
            toml_edit::Value::Datetime(time) => ValueKind::String(time.value().to_string()),
            toml_edit::Value::Array(items) => {
                ValueKind::Array(items.iter().map(|item| self.value(item, offset)).collect())
            }
            toml_edit::Value::InlineTable(table) => self.table(table),
        };
        Value::new(Some(&place), kind)
    }

    fn table(&self, table: &dyn TableLike) -> ValueKind {
        let values = table.iter().filter_map(|(name, item)| {
            let offset = item.span().map(|span| span.start);
            Some((name.to_owned(), self.value(item.as_value()?, offset)))
        });
        ValueKind::Table(values.collect())
    }

    /// Collects the settings below `section` by their full keys. An empty table becomes a nil value.
    fn settings(&self, section: &str, table: &dyn TableLike, found: &mut Vec<(String, Value)>) {
        for (name, item) in table.iter() {
            let key = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            let span = table.get_key_value(name).and_then(|(key, _)| key.span()).or_else(|| item.span());
            let offset = span.map(|span| span.start);
            let kind = match item {
                Item::ArrayOfTables(tables) => {
                    ValueKind::Array(tables.iter().map(|table| self.array_element(table)).collect())
                }
                _ => match (item.as_table_like(), item.as_value()) {
                    (Some(table), _) if !table.is_empty() => {
                        self.settings(&key, table, found);
                        continue;
                    }
                    (None, Some(value)) => self.value(value, offset).kind,
                    (Some(_), _) | (None, None) => ValueKind::Nil,
                },
            };
            found.push((key, Value::new(Some(&self.place(offset)), kind)));
        }
    }

    fn array_element(&self, table: &toml_edit::Table) -> Value {
        let place = self.place(table.span().map(|span| span.start));
        Value::new(Some(&place), self.table(table))
    }
}

/// Reads the settings of a file, each with `name:line` as its origin. A mistake repeats the parser's message and not the line, for
/// that may hold a secret.
pub(super) fn settings(name: &str, text: &str) -> Result<Vec<(String, Value)>, Mistake> {
    let file = Text { name, text };
    let document = Document::parse(text).map_err(|error| {
        let place = file.place(error.span().map(|span| span.start));
        let problem = format!("is not TOML: {}", error.message().lines().next().unwrap_or_default());
        Mistake::at(place, problem, "a setting is written name = value, a text in quotes, and each once")
    })?;
    let mut found = Vec::new();
    file.settings("", document.as_table(), &mut found);
    Ok(found)
}

/// Splits a list that is written as one text: a TOML array, or elements between commas.
pub(super) fn list(text: &str, origin: &str) -> Option<Vec<Value>> {
    let text = text.trim();
    if text.starts_with('[') {
        let array = text.parse::<toml_edit::Value>().ok()?;
        let elements = array.as_array()?.iter().map(|element| {
            let kind = Text { name: origin, text }.value(element, None).kind;
            at(origin, kind)
        });
        return Some(elements.collect());
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    Some(parts.map(|part| at(origin, ValueKind::String(part.to_owned()))).collect())
}

/// Gives a value and all that it holds one origin.
fn at(origin: &str, kind: ValueKind) -> Value {
    let kind = match kind {
        ValueKind::Table(table) => {
            ValueKind::Table(table.into_iter().map(|(name, value)| (name, at(origin, value.kind))).collect())
        }
        other => other,
    };
    Value::new(Some(&origin.to_owned()), kind)
}
