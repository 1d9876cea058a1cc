//! The settings of mails.

use super::environment::Environment;
use super::reader::Reader;
use super::secrets::Given;
use secrecy::SecretString;
use std::net::IpAddr;
use std::path::PathBuf;
use url::Url;

const URL: &str = "mail.url";
const USERNAME: &str = "mail.username";
const PASSWORD: &str = "mail.password";
const PLAINTEXT: &str = "mail.allow_plaintext";
const WANTED_URL: &str =
    "smtps://host, smtp://host?tls=required or smtp://host, perhaps with a port, without anything else";

/// Mails on every change of a payment's status.
#[derive(Clone, Debug)]
pub struct Mail {
    /// What becomes of them.
    pub transport: MailTransport,
    /// Where they come from.
    pub from: String,
    /// The domain of their `Message-ID`.
    pub domain: String,
    /// A folder with templates that take the place of the built-in ones.
    pub templates: Option<PathBuf>,
}

/// What becomes of mails.
#[derive(Clone, Debug)]
pub enum MailTransport {
    /// A line of the log each.
    Log,
    /// A file in this folder each.
    Folder(PathBuf),
    /// They are sent.
    Smtp(MailServer),
}

/// The server that mails are given to.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its address: `smtps://host`, `smtp://host?tls=required`, or `smtp://host` without TLS.
    pub url: String,
    /// Who logs in there.
    pub login: Option<(String, SecretString)>,
    /// Whether mails may go to another machine without TLS.
    pub allow_plaintext: bool,
}

impl Mail {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let transport = reader.text("mail.transport", "log, file or smtp", |text| {
            ["log", "file", "smtp"].into_iter().find(|name| *name == text)
        });
        let folder = reader.path("mail.folder");
        if transport == Some("file") && folder.is_none() {
            reader.mistake("mail.folder", "is empty, and mail.transport is file", "name a folder");
        }
        let server = server(reader, transport == Some("smtp"));
        if transport == Some("log") && reader.environment == Environment::Production {
            reader.warn("mail.transport", "nobody gets a mail");
        }
        let templates = reader.path("mail.templates");
        let from = reader.text("mail.from", "an address, or a name and an address in angle brackets", |text| {
            is_mailbox(text).then(|| text.to_owned())
        });
        let from = from.unwrap_or_default();
        if transport == Some("smtp") && reader.environment == Environment::Production && domain_of(&from) == "localhost"
        {
            reader.mistake("mail.from", "is an address to which nobody can answer", "give the shop's own");
        }
        let domain = reader.text("mail.domain", "a domain", |text| {
            let is_domain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
            is_domain.then(|| text.to_owned())
        });
        let domain = domain.unwrap_or_default();
        Self {
            domain: if domain.is_empty() { domain_of(&from).to_owned() } else { domain },
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

/// Whether a text may be a mailbox; the mailer itself looks closer.
fn is_mailbox(text: &str) -> bool {
    let address = text.rsplit_once('<').map_or(text, |(_, address)| address).trim_end_matches('>');
    let has_both = address.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    has_both && !text.contains(char::is_control)
}

/// The domain of a mailbox.
fn domain_of(mailbox: &str) -> &str {
    let address = mailbox.rsplit_once('<').map_or(mailbox, |(_, address)| address).trim_end_matches('>');
    address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}

/// The server. The URL is not repeated in a mistake: somebody may have written a password into it.
fn server(reader: &mut Reader<'_>, is_used: bool) -> Option<MailServer> {
    let login = login(reader);
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
    let Some(is_open) = goes_open(&url) else {
        let remedy = "put it right; the user and the password have settings of their own";
        reader.mistake(URL, format!("is not {WANTED_URL}"), remedy);
        return None;
    };
    if is_used && is_open && !allow_plaintext {
        reader.mistake(URL, "names another machine without TLS", "use smtps://, or add ?tls=required");
    }
    Some(MailServer { url, login, allow_plaintext })
}

/// Whether mails would go to another machine without TLS; none where the URL is none of a mail server.
fn goes_open(url: &str) -> Option<bool> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let has_user = !url.username().is_empty() || url.password().is_some();
    let has_more = !matches!(url.path(), "" | "/") || url.fragment().is_some();
    if host.is_empty() || has_user || has_more {
        return None;
    }
    let is_own_machine = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    match (url.scheme(), url.query()) {
        ("smtps", None) | ("smtps" | "smtp", Some("tls=required")) => Some(false),
        ("smtp", None) => Some(!is_own_machine),
        _ => None,
    }
}

/// Who logs in at the server.
fn login(reader: &mut Reader<'_>) -> Option<(String, SecretString)> {
    let name = reader.text(USERNAME, "a text of at most 255 characters", |text| {
        (text.chars().count() <= 255 && !text.contains(char::is_control)).then(|| text.to_owned())
    })?;
    let given = reader.secret(PASSWORD).ok()?;
    match (name.is_empty(), given) {
        (true, None) => None,
        (false, Some(Given { secret, .. })) => Some((name, secret)),
        (false, None) => {
            let remedy = format!("give that too, best by {PASSWORD}_file, or neither");
            reader.mistake(USERNAME, format!("is given without {PASSWORD}"), remedy);
            None
        }
        (true, Some(Given { key, .. })) => {
            reader.mistake(&key, format!("is given without {USERNAME}"), "give that too, or neither");
            None
        }
    }
}
