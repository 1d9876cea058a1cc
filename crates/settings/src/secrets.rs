//! Secret settings: given directly, or as the name of a file.

use super::environment::Environment;
use super::files;
use super::layers::LayerKind;
use super::mistakes::Reported;
use super::reader::Reader;
use super::sources::variable;
use super::trimming::trim_text;
use config::{Value, ValueKind};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// Replaces a secret in messages.
const REDACTED: &str = "***";

/// The longest file with a secret, in bytes.
const LONGEST_FILE: u64 = 1 << 16;

/// The permission bits of others (`chmod`).
#[cfg(unix)]
const OTHERS: u32 = 0o007;

/// Which characters a secret may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretFormat {
    /// A password or a URL, which may hold blanks and quotes.
    Text,
    /// A key that a service has made: ASCII without blanks and quotes.
    Key,
}

impl SecretFormat {
    /// The problem and the remedy, if the secret does not have this format. Neither repeats it.
    fn check(self, secret: &str) -> Option<(&'static str, &'static str)> {
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

/// A secret, and the setting that it comes from.
pub(super) struct ResolvedSecret {
    pub(super) key: String,
    pub(super) secret: SecretString,
}

impl Reader<'_> {
    /// The secret of this key, or of the file that `{key}_file` names. If both are set, the later layer counts.
    pub(super) fn secret(&mut self, key: &str, format: SecretFormat) -> Result<Option<ResolvedSecret>, Reported> {
        let given = self.secret_or_file(key)?;
        match given.as_ref().and_then(|given| Some((given, format.check(given.secret.expose_secret())?))) {
            Some((given, (problem, remedy))) => Err(self.mistake(&given.key, problem, remedy)),
            None => Ok(given),
        }
    }

    fn secret_or_file(&mut self, key: &str) -> Result<Option<ResolvedSecret>, Reported> {
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
            return Ok(Some(ResolvedSecret { key: file_key, secret }));
        }
        let Some(plain) = plain else {
            return Ok(None);
        };
        if redacted(key, &plain) != plain {
            self.refuse_on_command_line(key, &format!("{} or --set {file_key}", variable(key)));
        }
        Ok(Some(ResolvedSecret { key: key.to_owned(), secret: plain.into() }))
    }

    /// Refuses a secret on the command line, which every process on the machine can read. Tests may have one there.
    pub(super) fn refuse_on_command_line(&mut self, key: &str, other: &str) {
        if self.kind(key) == Some(LayerKind::CommandLine) && self.environment != Environment::Test {
            let problem = "is a secret, and everybody on the machine can read a command line";
            self.mistake(key, problem, format!("use {other}"));
        }
    }

    /// A text; `None` if it is empty.
    fn text_or_none(&mut self, key: &str) -> Result<Option<String>, Reported> {
        if let Some(ValueKind::String(text)) = self.layers.value(key).map(|value| &value.kind) {
            return Ok(Some(text.clone()).filter(|text| !text.is_empty()));
        }
        Err(self.mistake(key, "is not a text", "put it in quotes"))
    }

    /// Reads and trims the secret in a file. A mistake does not repeat the name of a missing file, for it may be the secret itself.
    pub(super) fn secret_in_file(&mut self, key: &str, place: &str, path: &str) -> Result<SecretString, Reported> {
        let (problem, remedy) = match files::read(Path::new(path), LONGEST_FILE) {
            Ok(text) => {
                if is_open_to_others(Path::new(path)) {
                    let doubt = format!("everybody on the machine can use {path}; chmod 640 it");
                    self.warnings.push(format!("{place}: {key}: {doubt}"));
                }
                match trim_text(&text) {
                    Ok("") => ("names an empty file".to_owned(), "write the secret into it"),
                    Ok(secret) => return Ok(secret.into()),
                    Err(invalid) => (format!("names a file whose content {}", invalid.problem), invalid.remedy),
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

/// Writes a value as TOML without its secrets.
pub(super) fn shown(key: &str, value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => format!("{:?}", redacted(key, text)),
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

/// Replaces the secrets in a text.
pub(super) fn redacted(key: &str, text: &str) -> String {
    match key {
        _ if text.is_empty() => String::new(),
        "database.url" | "database.read_url" => redacted_url(text),
        // A list that is written as one text is not parsed here.
        "auth.jwt.verification_keys" => REDACTED.to_owned(),
        "midtrans.server_key" => REDACTED.to_owned(),
        _ if [".secret", ".secret_access_key", ".password"].iter().any(|end| key.ends_with(end)) => REDACTED.to_owned(),
        _ => text.to_owned(),
    }
}

/// Removes user and password from a URL. Replaces the whole text if it may not be a URL.
fn redacted_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return REDACTED.to_owned();
    };
    // A password may hold an `@` or `?` that should have been escaped, so all up to the last `@` is removed.
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
            assert_eq!(redacted("database.url", url), seen, "{url}");
        }
    }
}
