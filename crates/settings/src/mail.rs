//! The settings of mails.

use super::environment::Environment;
use super::mistakes::quoted;
use super::reader::Reader;
use super::secrets::{ResolvedSecret, SecretFormat};
use ::mail::{Sender, ServerUrl, Timeouts, domain_of_mail};
use secrecy::SecretString;
use std::path::PathBuf;

const FROM: &str = "mail.from";
const URL: &str = "mail.url";
const USERNAME: &str = "mail.username";
const PASSWORD: &str = "mail.password";
const PLAINTEXT: &str = "mail.allow_plaintext";
const WANTED_URL: &str =
    "smtps://host, smtp://host?tls=required or smtp://host, perhaps with a port, without anything else";

/// Mails on every change of a payment's status.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Where they go.
    pub transport: MailTransport,
    pub from: String,
    /// The domain of their `Message-ID`.
    pub domain: String,
    /// A folder with templates that take the place of the built-in ones.
    pub templates: Option<PathBuf>,
}

/// Where mails go.
#[derive(Clone, Debug)]
pub enum MailTransport {
    Log,
    /// Each is a file in this folder.
    Folder(PathBuf),
    /// They are sent by SMTP.
    Smtp(MailServer),
}

#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its address: `smtps://host`, `smtp://host?tls=required`, or `smtp://host` without TLS.
    pub url: String,
    pub login: Option<(String, SecretString)>,
    /// Whether mails may go to another machine without TLS.
    pub allow_plaintext: bool,
    /// The time of each step.
    pub timeouts: Timeouts,
}

impl Mail {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let transport = reader.text("mail.transport", "log, file or smtp", |text| {
            ["log", "file", "smtp"].into_iter().find(|name| *name == text)
        });
        let folder = reader.path("mail.folder");
        let server = server(reader, transport == Some("smtp"));
        if transport == Some("log") && reader.environment == Environment::Production {
            reader.warn("mail.transport", "nobody gets a mail");
        }
        let templates = reader.path("mail.templates");
        let (from, own_domain) = sender(reader, transport == Some("smtp"));
        let domain = reader.text("mail.domain", "a domain such as shop.example", |text| match text {
            "" => Some(own_domain),
            _ => domain_of_mail(text),
        });
        let domain = domain.unwrap_or_default();
        Self {
            domain,
            transport: match transport {
                Some("file") => MailTransport::Folder(folder.unwrap_or_default()),
                Some("smtp") => server.map_or(MailTransport::Log, MailTransport::Smtp),
                _ => MailTransport::Log,
            },
            from,
            templates,
        }
    }
}

fn sender(reader: &mut Reader<'_>, is_used: bool) -> (String, String) {
    let text = reader.text(FROM, "a text", |text| Some(text.to_owned())).unwrap_or_default();
    let domain = match text.parse::<Sender>() {
        Ok(sender) => sender.domain().to_owned(),
        Err(why) => {
            reader.mistake(
                FROM,
                format!("{} {why}", quoted(&text)),
                "write one as in `Go Commerce <shop@example.com>`",
            );
            String::new()
        }
    };
    if is_used && reader.environment == Environment::Production && domain == "localhost" {
        reader.mistake(FROM, "is an address to which nobody can answer", "give the shop's own");
    }
    (text, domain)
}

/// Reads the server. A mistake does not repeat the URL, for it may hold a password.
fn server(reader: &mut Reader<'_>, is_used: bool) -> Option<MailServer> {
    let login = login(reader);
    let timeouts = timeouts(reader);
    let allow_plaintext = reader.flag(PLAINTEXT);
    if allow_plaintext && reader.environment == Environment::Production {
        reader.mistake(PLAINTEXT, "shows mails and passwords to whoever carries them", "leave it off");
    }
    let url = reader.text(URL, "a text", |text| Some(text.to_owned()))?;
    if url.is_empty() {
        if is_used {
            reader.mistake(URL, "is not given, and mail.transport is smtp", format!("give {WANTED_URL}"));
        }
        return None;
    }
    let is_open = match url.parse::<ServerUrl>() {
        Ok(server) => server.is_open(),
        Err(why) => {
            reader.mistake(
                URL,
                why,
                format!("give {WANTED_URL}; the user and the password have settings of their own"),
            );
            return None;
        }
    };
    if is_used && is_open {
        if !allow_plaintext {
            reader.mistake(URL, "names another machine without TLS", "use smtps://, or add ?tls=required");
        } else if login.is_some() {
            let problem = format!("names another machine without TLS, which would be told {PASSWORD} in the clear");
            reader.mistake(URL, problem, "use smtps://, or add ?tls=required");
        }
    }
    Some(MailServer { url, login, allow_plaintext, timeouts })
}

fn timeouts(reader: &mut Reader<'_>) -> Timeouts {
    let mut seconds = |key| reader.seconds(key, 0.1..=3600.0);
    Timeouts {
        connect: seconds("mail.connect_timeout_seconds"),
        greeting: seconds("mail.greeting_timeout_seconds"),
        command: seconds("mail.command_timeout_seconds"),
        data: seconds("mail.data_timeout_seconds"),
        block: seconds("mail.block_timeout_seconds"),
        end: seconds("mail.end_timeout_seconds"),
    }
}

fn login(reader: &mut Reader<'_>) -> Option<(String, SecretString)> {
    let name = reader.text(USERNAME, "a text of at most 255 characters", |text| {
        (text.chars().count() <= 255).then(|| text.to_owned())
    })?;
    let given = reader.secret(PASSWORD, SecretFormat::Text).ok()?;
    match (name.is_empty(), given) {
        (true, None) => None,
        (false, Some(ResolvedSecret { secret, .. })) => Some((name, secret)),
        (false, None) => {
            let remedy = format!("give that too, best by {PASSWORD}_file, or neither");
            reader.mistake(USERNAME, format!("is given without {PASSWORD}"), remedy);
            None
        }
        (true, Some(ResolvedSecret { key, .. })) => {
            reader.mistake(&key, format!("is given without {USERNAME}"), "give that too, or neither");
            None
        }
    }
}
