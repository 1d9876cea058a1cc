//! Which mail server, and how we speak to it.

use super::MailSetupError;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use secrecy::SecretString;
use std::net::IpAddr;
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
        // The address is never shown: somebody may have put a password there.
        let url =
            Url::parse(&options.url).map_err(|error| fail(&format!("has no address that can be read: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fail("has an account in its address, where it would be logged; name it on its own"));
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(fail("has more in its address than a host, a port and ?tls=required"));
        }
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return Err(fail("has an address without a host"));
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = || tls(&host, options.certificates.as_deref()).map_err(|reason| fail(&reason));
        let (encryption, port) = match (url.scheme(), url.query()) {
            ("smtps", None | Some("tls=required")) => (Encryption::Implicit(tls()?), SUBMISSIONS),
            ("smtp", Some("tls=required")) => (Encryption::StartTls(tls()?), SUBMISSION),
            ("smtp", None) => (Encryption::None, SUBMISSION),
            ("smtp" | "smtps", Some(_)) => return Err(fail("has something in its address other than ?tls=required")),
            _ => return Err(fail("has an address that begins with neither smtps:// nor smtp://")),
        };
        let may_be_read = matches!(encryption, Encryption::None) && !is_here(&host);
        if may_be_read && !options.allow_plaintext {
            return Err(fail("is elsewhere and would be spoken to in the clear; use smtps:// or ?tls=required"));
        }
        if may_be_read && options.account.is_some() {
            return Err(fail("would be told a password in the clear; use smtps:// or ?tls=required"));
        }
        Ok(Self { port: url.port().unwrap_or(port), encryption, account: options.account, host })
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
