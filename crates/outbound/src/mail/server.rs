//! Which mail server, and how we speak to it.

use super::MailSetupError;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use secrecy::SecretString;
use std::net::IpAddr;
use std::str::FromStr;
use url::{Host, Url};

/// Where TLS is expected from the first byte on (RFC 8314 §7.3).
const SUBMISSIONS: u16 = 465;
/// Where mail is handed in otherwise (RFC 6409).
const SUBMISSION: u16 = 587;

/// Which mail server, and who we are to it.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// Its address. `smtps://HOST[:465]` is encrypted from the first byte on, `smtp://HOST[:587]?tls=required` by `STARTTLS`
    /// before anything is told. `smtp://HOST[:587]` is not encrypted; that is for this machine, and where
    /// [`allow_plaintext`](Self::allow_plaintext) says so.
    pub url: String,
    /// The account there, where it asks for one. It is only ever told encrypted, or on this machine.
    pub account: Option<SmtpAccount>,
    /// Whether letters may be read by whoever is between us and a server elsewhere.
    pub allow_plaintext: bool,
    /// Certificates to trust beside those that the system does, as PEM.
    pub certificates: Option<String>,
}

/// An account at a mail server.
#[derive(Clone, Debug)]
pub struct SmtpAccount {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: SecretString,
}

/// The address of a mail server, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    host: String,
    port: u16,
    tls: Tls,
}

/// When the conversation with a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    Never,
    AfterStart,
    AtOnce,
}

impl ServerUrl {
    /// Whether what is sent there can be read on its way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tls == Tls::Never && !is_here(&self.host)
    }
}

/// The error tells what the address has or is, to go on after what it is called. It repeats nothing: somebody may have put a password
/// there.
impl FromStr for ServerUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "cannot be read as an address")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has an account in it, where it would be logged");
        }
        let (tls, port) = match (url.scheme(), url.query()) {
            ("smtps", None | Some("tls=required")) => (Tls::AtOnce, SUBMISSIONS),
            ("smtp", Some("tls=required")) => (Tls::AfterStart, SUBMISSION),
            ("smtp", None) => (Tls::Never, SUBMISSION),
            ("smtp" | "smtps", Some(_)) => return Err("has something other than tls=required behind its `?`"),
            _ => return Err("begins with neither smtps:// nor smtp://"),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("has more in it than a host, a port and ?tls=required");
        }
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || url.port() == Some(0) {
            return Err("has no host, or the port 0");
        }
        Ok(Self { port: url.port().unwrap_or(port), host, tls })
    }
}

/// A mail server that we may speak to.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) account: Option<SmtpAccount>,
}

pub(super) enum Encryption {
    None,
    StartTls(TlsParameters),
    Implicit(TlsParameters),
}

impl Server {
    /// Reads the options, and refuses those by which letters or passwords could be read on their way.
    pub(super) fn new(options: SmtpOptions) -> Result<Self, MailSetupError> {
        let fail = |reason: &str| MailSetupError::Server(format!("the mail server {reason}"));
        let url: ServerUrl = options.url.parse().map_err(|reason| fail(&format!("has an address that {reason}")))?;
        let may_be_read = url.is_open();
        let ServerUrl { host, port, tls: wanted } = url;
        let tls = || tls(&host, options.certificates.as_deref()).map_err(|reason| fail(&reason));
        let encryption = match wanted {
            Tls::AtOnce => Encryption::Implicit(tls()?),
            Tls::AfterStart => Encryption::StartTls(tls()?),
            Tls::Never => Encryption::None,
        };
        if may_be_read && !options.allow_plaintext {
            return Err(fail("is elsewhere and would be spoken to in the clear; use smtps:// or ?tls=required"));
        }
        if may_be_read && options.account.is_some() {
            return Err(fail("would be told a password in the clear; use smtps:// or ?tls=required"));
        }
        Ok(Self { port, encryption, account: options.account, host })
    }
}

/// Whether the host is this machine.
fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls(host: &str, certificates: Option<&str>) -> Result<TlsParameters, String> {
    // The name of a certificate is a domain or an address, and the host is neither before it is read as one: URLs of other
    // schemes than the web's leave it as it is.
    let name = match Host::parse(host) {
        Ok(Host::Domain(domain)) => domain,
        _ => host.to_owned(),
    };
    let mut builder = TlsParameters::builder(name);
    if let Some(pem) = certificates {
        let unreadable = "is to be trusted by certificates that cannot be read as PEM";
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(unreadable.to_owned());
        }
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| format!("{unreadable}: {error}"))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| format!("cannot be spoken to encrypted: {error}"))
}
