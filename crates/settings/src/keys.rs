//! The secrets that sign tokens and verify them.

use super::environment::Environment;
use super::known::closest;
use super::mistakes::{Reported, quoted};
use super::reader::Reader;
use super::secrets::{ResolvedSecret, SecretFormat};
use super::sources::variable;
use super::toml_file;
use config::{Map, Value, ValueKind};
use secrecy::{ExposeSecret, SecretString};
use security::tokens::check_secret;

const SECRET: &str = "auth.jwt.secret";
const KID: &str = "auth.jwt.kid";
const VERIFICATION_KEYS: &str = "auth.jwt.verification_keys";

const FIELDS: [&str; 3] = ["kid", "secret", "secret_file"];
const WANTED_KID: &str = "1 to 64 of A-Z, a-z, 0-9, _ and -";
const WANTED_KEY: &str = "{ kid = \"…\", secret_file = \"…\" }";
const WANTED_ELEMENT: &str =
    "write { kid = \"…\", secret_file = \"…\" }, the kid being 1 to 64 of A-Z, a-z, 0-9, _ and -";
const ADVICE: &str = "make one with `openssl rand -base64 48`";

/// A secret that verifies tokens.
#[derive(Clone, Debug)]
pub struct VerificationKey {
    pub kid: String,
    pub secret: SecretString,
}

/// The secret that tokens are signed with.
pub(super) fn signing_secret(reader: &mut Reader<'_>) -> SecretString {
    match reader.secret(SECRET, SecretFormat::Text) {
        Ok(Some(ResolvedSecret { key, secret })) => {
            if let Err(problem) = check(reader.environment, &secret) {
                reader.mistake(&key, problem, ADVICE);
            }
            secret
        }
        Ok(None) => {
            let remedy =
                format!("put one into a file, and name the file by {SECRET}_file or {}_FILE", variable(SECRET));
            reader.mistake(SECRET, "is not given", remedy);
            SecretString::default()
        }
        Err(Reported) => SecretString::default(),
    }
}

/// Refuses a secret that strangers know or can guess.
fn check(environment: Environment, secret: &SecretString) -> Result<(), String> {
    if environment.is_deployed() && is_published(secret.expose_secret()) {
        return Err("is one that everybody can read, in this program's sources".to_owned());
    }
    check_secret(secret.expose_secret().as_bytes()).map_err(|weakness| weakness.to_string())
}

/// Whether the secret is one of those in the built-in files.
fn is_published(secret: &str) -> bool {
    let files = Environment::ALL.into_iter().filter_map(|other| toml_file::settings("", other.built_in()).ok());
    files.flatten().any(|(key, value)| key == SECRET && value.kind == ValueKind::String(secret.to_owned()))
}

/// The name of the secret that tokens are signed with.
pub(super) fn signing_kid(reader: &mut Reader<'_>) -> String {
    let parsed = reader.text(KID, WANTED_KID, |text| is_kid(text).then(|| text.to_owned()));
    parsed.unwrap_or_default()
}

/// Whether a text may name a key in tokens.
fn is_kid(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// The secrets that tokens are accepted under besides the one named `signing`.
pub(super) fn verification_keys(reader: &mut Reader<'_>, signing: &str) -> Vec<VerificationKey> {
    let mut keys: Vec<VerificationKey> = Vec::new();
    for element in reader.elements(VERIFICATION_KEYS, WANTED_KEY) {
        let place = element.origin().unwrap_or(VERIFICATION_KEYS);
        let Ok(key) = verification_key(reader, place, &element) else {
            continue;
        };
        if key.kid == signing || keys.iter().any(|other| other.kid == key.kid) {
            let problem = format!("two keys have the kid {}", quoted(&key.kid));
            reader.mistake_at(place, VERIFICATION_KEYS, problem, "give each a name of its own");
        }
        keys.push(key);
    }
    keys
}

/// Reads one element of the list. A mistake repeats only the names of its fields and its `kid`.
fn verification_key(reader: &mut Reader<'_>, place: &str, element: &Value) -> Result<VerificationKey, Reported> {
    let mut wrong = |problem: String, remedy: &str| reader.mistake_at(place, VERIFICATION_KEYS, problem, remedy);
    let ValueKind::Table(fields) = &element.kind else {
        return Err(wrong("an element is not a table".to_owned(), WANTED_ELEMENT));
    };
    let mut unknown: Vec<_> = fields.keys().filter(|name| !FIELDS.contains(&name.as_str())).collect();
    unknown.sort();
    for name in unknown {
        let near =
            closest(name, FIELDS).map_or_else(|| WANTED_ELEMENT.to_owned(), |near| format!("did you mean {near}?"));
        wrong(format!("an element has no field {name}"), &near);
    }
    let Some(kid) = field(fields, "kid").filter(|kid| is_kid(kid)) else {
        return Err(wrong("an element has no kid, or one that cannot be".to_owned(), WANTED_ELEMENT));
    };
    let key = format!("{VERIFICATION_KEYS}.{kid}");
    let secret = match (field(fields, "secret"), field(fields, "secret_file")) {
        (Some(secret), None) => {
            reader.refuse_on_command_line(VERIFICATION_KEYS, "secret_file in its place");
            SecretString::from(secret)
        }
        (None, Some(path)) => reader.secret_in_file(&key, place, path)?,
        (Some(_), Some(_)) => {
            let problem = "has both secret and secret_file";
            return Err(reader.mistake_at(place, &key, problem, "leave out one of the two"));
        }
        (None, None) => return Err(reader.mistake_at(place, &key, "has no secret", WANTED_ELEMENT)),
    };
    if let Err(problem) = check(reader.environment, &secret) {
        reader.mistake_at(place, &key, problem, ADVICE);
    }
    Ok(VerificationKey { kid: kid.to_owned(), secret })
}

/// A field that holds a text.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    match fields.get(name).map(|value| &value.kind) {
        Some(ValueKind::String(text)) if !text.is_empty() => Some(text),
        Some(_) | None => None,
    }
}
