//! The mail server's URL, account and encryption.

use super::MailSetupError;
use super::session::Timeouts;
use rustls_platform_verifier::Verifier;
use secrecy::SecretString;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use url::{Host, Url};

/// The port with TLS from the first byte on (RFC 8314 §7.3).
const SUBMISSIONS: u16 = 465;
/// The port for mail submission (RFC 6409).
const SUBMISSION: u16 = 587;

/// The mail server and the account.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// Its URL. `smtps://HOST[:465]` is encrypted from the first byte on, `smtp://HOST[:587]?tls=required` by `STARTTLS`
    /// before anything else is sent. `smtp://HOST[:587]` is not encrypted, which is allowed on this machine and with
    /// [`allow_plaintext`](Self::allow_plaintext).
    pub url: String,
    /// The account, if the server needs one. It is sent only encrypted or on this machine.
    pub account: Option<SmtpAccount>,
    /// Whether mails may be sent unencrypted to another machine.
    pub allow_plaintext: bool,
    /// Certificates to trust in addition to the system's, as PEM.
    pub certificates: Option<String>,
    /// The time limits of the steps of a conversation.
    pub timeouts: Timeouts,
}

#[derive(Clone, Debug)]
pub struct SmtpAccount {
    pub user: String,
    pub password: SecretString,
}

/// The parsed URL of a mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    host: String,
    port: u16,
    tls: EncryptionMode,
}

/// When the conversation with a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EncryptionMode {
    Never,
    AfterStart,
    AtOnce,
}

impl ServerUrl {
    /// Whether mails would travel unencrypted to another machine.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tls == EncryptionMode::Never && !is_loopback(&self.host)
    }
}

/// The error completes a sentence that begins with the setting's name. It quotes nothing: the URL may have a password in it.
impl FromStr for ServerUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "cannot be read as an address")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has an account in it, where it would be logged");
        }
        let (tls, port) = match (url.scheme(), url.query()) {
            ("smtps", None | Some("tls=required")) => (EncryptionMode::AtOnce, SUBMISSIONS),
            ("smtp", Some("tls=required")) => (EncryptionMode::AfterStart, SUBMISSION),
            ("smtp", None) => (EncryptionMode::Never, SUBMISSION),
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

/// A mail server whose options have been checked.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) account: Option<SmtpAccount>,
    pub(super) timeouts: Timeouts,
}

pub(super) enum Encryption {
    None,
    StartTls(Tls),
    Implicit(Tls),
}

/// The server's name and the trusted certificates.
pub(super) struct Tls {
    pub(super) name: ServerName<'static>,
    pub(super) config: Arc<ClientConfig>,
}

impl Server {
    /// Checks the options, and refuses to send mails or passwords unencrypted without permission.
    pub(super) fn new(options: SmtpOptions) -> Result<Self, MailSetupError> {
        let fail = |reason: &str| MailSetupError::Server(format!("the mail server {reason}"));
        let url: ServerUrl = options.url.parse().map_err(|reason| fail(&format!("has an address that {reason}")))?;
        let may_be_read = url.is_open();
        let ServerUrl { host, port, tls: wanted } = url;
        let tls = || tls(&host, options.certificates.as_deref()).map_err(|reason| fail(&reason));
        let encryption = match wanted {
            EncryptionMode::AtOnce => Encryption::Implicit(tls()?),
            EncryptionMode::AfterStart => Encryption::StartTls(tls()?),
            EncryptionMode::Never => Encryption::None,
        };
        if may_be_read && !options.allow_plaintext {
            return Err(fail("is elsewhere and would be spoken to in the clear; use smtps:// or ?tls=required"));
        }
        if may_be_read && options.account.is_some() {
            return Err(fail("would be told a password in the clear; use smtps:// or ?tls=required"));
        }
        Ok(Self { port, encryption, account: options.account, timeouts: options.timeouts, host })
    }
}

/// Whether the host is the loopback interface.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls(host: &str, certificates: Option<&str>) -> Result<Tls, String> {
    let unusable = |error: &dyn std::fmt::Display| format!("cannot be spoken to encrypted: {error}");
    // A certificate's name is a domain or an address. `url` parses the host of web URLs only, so the host is parsed here.
    let name = match Host::parse(host) {
        Ok(Host::Domain(domain)) => domain,
        _ => host.to_owned(),
    };
    let name = ServerName::try_from(name).map_err(|error| unusable(&error))?;
    let own = certificates.map_or_else(|| Ok(Vec::new()), read_certificates)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(own, Arc::clone(&provider)).map_err(|error| unusable(&error))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Tls { name, config: Arc::new(config) })
}

fn read_certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = "is to be trusted by certificates that cannot be read as PEM";
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(unreadable.to_owned()),
        Err(error) => Err(format!("{unreadable}: {error}")),
    }
}
