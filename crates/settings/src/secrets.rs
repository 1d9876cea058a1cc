//! Settings that nobody may see: given as they are, or as the name of a file.

use super::environment::Environment;
use super::files;
use super::layers::Kind;
use super::mistakes::Told;
use super::plain::plain;
use super::reader::Reader;
use super::sources::variable;
use config::{Value, ValueKind};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// What stands in the place of a secret.
const REDACTED: &str = "***";

/// The longest file with a secret, in bytes.
const LONGEST_FILE: u64 = 1 << 16;

/// What allows others on the machine to read, write or run a file (`chmod`).
#[cfg(unix)]
const OTHERS: u32 = 0o007;

/// What a secret is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// What somebody has thought of, or a URL: blanks and quotes may be inside.
    Words,
    /// What a service has made: ASCII without blanks and quotes.
    Key,
}

impl Shape {
    /// What is wrong with a secret of this shape. Tells nothing of it.
    fn refuse(self, secret: &str) -> Option<(&'static str, &'static str)> {
        let is_key = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '`');
        if secret.contains(char::REPLACEMENT_CHARACTER) {
            Some(("is not UTF-8", "write it in letters and digits"))
        } else if self == Self::Key && !secret.chars().all(is_key) {
            Some((
                "has a blank, a quote or something else in it that no such key has",
                "copy it anew, and nothing else",
            ))
        } else {
            None
        }
    }
}

/// A secret, and the setting that it came from.
pub(super) struct Given {
    pub(super) key: String,
    pub(super) secret: SecretString,
}

impl Reader<'_> {
    /// The secret of this key, or the one in the file that `{key}_file` names; that of the later layer where both are given.
    pub(super) fn secret(&mut self, key: &str, shape: Shape) -> Result<Option<Given>, Told> {
        let given = self.secret_or_file(key)?;
        match given.as_ref().and_then(|given| Some((given, shape.refuse(given.secret.expose_secret())?))) {
            Some((given, (problem, remedy))) => Err(self.mistake(&given.key, problem, remedy)),
            None => Ok(given),
        }
    }

    fn secret_or_file(&mut self, key: &str) -> Result<Option<Given>, Told> {
        let file_key = format!("{key}_file");
        let (plain, file) = (self.text_or_none(key)?, self.text_or_none(&file_key)?);
        let (plain, file) = match (plain, file) {
            (Some(plain), Some(file)) => match self.layers.depth(key).cmp(&self.layers.depth(&file_key)) {
                std::cmp::Ordering::Greater => (Some(plain), None),
                std::cmp::Ordering::Less => (None, Some(file)),
                std::cmp::Ordering::Equal => {
                    let problem = format!("is given, and so is {file_key}");
                    return Err(self.mistake(key, problem, "leave out one of the two"));
                }
            },
            one => one,
        };
        if let Some(path) = file {
            let layers = self.layers;
            let secret = self.secret_in_file(&file_key, layers.origin(&file_key), &path)?;
            return Ok(Some(Given { key: file_key, secret }));
        }
        let Some(plain) = plain else {
            return Ok(None);
        };
        if veiled(key, &plain) != plain {
            self.refuse_on_command_line(key, &format!("{} or --set {file_key}", variable(key)));
        }
        Ok(Some(Given { key: key.to_owned(), secret: plain.into() }))
    }

    /// A secret must not be where every process of the machine can read it, but for tests, whose secrets are none.
    pub(super) fn refuse_on_command_line(&mut self, key: &str, other: &str) {
        if self.kind(key) == Some(Kind::CommandLine) && self.environment != Environment::Test {
            let problem = "is a secret, and everybody on the machine can read a command line";
            self.mistake(key, problem, format!("use {other}"));
        }
    }

    /// A text; none where it is empty.
    fn text_or_none(&mut self, key: &str) -> Result<Option<String>, Told> {
        if let Some(ValueKind::String(text)) = self.layers.value(key).map(|value| &value.kind) {
            return Ok(Some(text.clone()).filter(|text| !text.is_empty()));
        }
        Err(self.mistake(key, "is not a text", "put it in quotes"))
    }

    /// The secret in a file, without the white space around it. A name of no file is not repeated: it may be the secret itself,
    /// given in the wrong place.
    pub(super) fn secret_in_file(&mut self, key: &str, place: &str, path: &str) -> Result<SecretString, Told> {
        let (problem, remedy) = match files::read(Path::new(path), LONGEST_FILE) {
            Ok(text) => {
                if is_open_to_others(Path::new(path)) {
                    let doubt = format!("everybody on the machine can use {path}; chmod 640 it");
                    self.warnings.push(format!("{place}: {key}: {doubt}"));
                }
                match plain(&text) {
                    Ok("") => ("names an empty file".to_owned(), "write the secret into it"),
                    Ok(secret) => return Ok(secret.into()),
                    Err(odd) => (format!("names a file whose content {}", odd.problem), odd.remedy),
                }
            }
            Err(error) => {
                (format!("names a file that cannot be read: {error}"), "name a text file that this process may read")
            }
        };
        Err(self.mistake_at(place, key, problem, remedy))
    }
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & OTHERS != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// A setting's value as anybody may see it.
pub(super) fn shown(key: &str, value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => format!("{:?}", veiled(key, text)),
        ValueKind::Array(elements) => {
            let shown: Vec<_> = elements.iter().map(|element| shown(key, element)).collect();
            format!("[{}]", shown.join(", "))
        }
        ValueKind::Table(table) => {
            let mut shown: Vec<_> = table
                .iter()
                .map(|(name, value)| format!("{name} = {}", shown(&format!("{key}.{name}"), value)))
                .collect();
            shown.sort();
            format!("{{ {} }}", shown.join(", "))
        }
        ValueKind::Nil => String::new(),
        other => other.to_string(),
    }
}

/// A text without what is secret in it.
pub(super) fn veiled(key: &str, text: &str) -> String {
    match key {
        _ if text.is_empty() => String::new(),
        "database.url" | "database.read_url" => veiled_url(text),
        // As a text, the keys are not taken apart into what is secret and what is not.
        "auth.jwt.verification_keys" => REDACTED.to_owned(),
        "midtrans.server_key" => REDACTED.to_owned(),
        _ if [".secret", ".secret_access_key", ".password"].iter().any(|end| key.ends_with(end)) => REDACTED.to_owned(),
        _ => text.to_owned(),
    }
}

/// A URL without its user's name and password. What is not surely a URL is hidden whole.
fn veiled_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return REDACTED.to_owned();
    };
    // A password may hold an `@` or `?` that should have been escaped: everything up to the last `@` goes.
    let rest = rest.rsplit_once('@').map_or_else(|| rest.to_owned(), |(_, host)| format!("{REDACTED}@{host}"));
    match rest.split_once('?') {
        Some((path, query)) if ["pass", "scram", "key"].iter().any(|word| query.to_lowercase().contains(word)) => {
            format!("{scheme}://{path}?{REDACTED}")
        }
        _ => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_opens_the_database() {
        for (url, seen) in [
            ("sqlite://data/shop.db", "sqlite://data/shop.db"),
            ("postgres://db.example/shop?sslmode=require", "postgres://db.example/shop?sslmode=require"),
            ("postgres://shop:s3cret@db.example/shop", "postgres://***@db.example/shop"),
            ("postgres://shop:s3@cr?et@db.example/shop", "postgres://***@db.example/shop"),
            ("postgres://db.example/shop?user=a&password=s3cret", "postgres://db.example/shop?***"),
            ("postgres://db.example/shop?PASSWORD=s3@cret", "postgres://***@cret"),
            ("s3cret", "***"),
            ("", ""),
        ] {
            assert_eq!(veiled("database.url", url), seen, "{url}");
        }
    }
}
