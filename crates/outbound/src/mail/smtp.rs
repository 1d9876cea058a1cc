//! Sending by SMTP (RFC 5321), over a few connections that are kept for the next letter.
//!
//! lettre speaks the protocol. Its own pool is not used: it takes back a connection that was given up in the middle, after
//! which the answers are one behind the questions, and a letter counts as taken that is not; nor does it bound anything but
//! connecting in time, nor tell whether a letter had been shown when its connection was lost.

use super::MailSetupError;
use super::compose::Sheet;
use super::server::{Encryption, Server, SmtpOptions};
use super::wire::Careful;
use domain::clock::Deadline;
use domain::error::BoxError;
use domain::payment::MailError;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter, ServerInfo};
use secrecy::ExposeSecret;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::{timeout, timeout_at};

/// How long sending one letter may take in all, however much time there is.
const SEND_TIME: Duration = Duration::from_secs(10);
/// How long connecting to one of the server's addresses may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a server may take to tell that it is still there.
const WORD_TIME: Duration = Duration::from_secs(2);
/// How many connections there are at once.
const MAX_CONNECTIONS: usize = 4;
/// How long a connection is kept for another letter; it is closed when the first letter after that is sent.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// What a server lacks that does not take all addresses. A domain beyond ASCII is no matter: it is told in its ASCII form.
const LACK: &str = "the mail server does not offer SMTPUTF8 (RFC 6531), so it takes no address with characters beyond ASCII \
    before the @; switch that on there, or name another server in mail.url";

/// A connection that waits for a letter.
struct Parked {
    connection: AsyncSmtpConnection,
    since: Instant,
}

pub(super) struct Courier {
    server: Server,
    hello: ClientId,
    places: Semaphore,
    parked: Mutex<Vec<Parked>>,
    /// Whether the server takes addresses beyond ASCII, once it has said so.
    takes_all_addresses: Mutex<Option<bool>>,
}

impl Courier {
    pub(super) fn new(options: SmtpOptions, domain: &str) -> Result<Self, MailSetupError> {
        Ok(Self {
            server: Server::new(options)?,
            hello: ClientId::Domain(domain.to_owned()),
            places: Semaphore::new(MAX_CONNECTIONS),
            parked: Mutex::default(),
            takes_all_addresses: Mutex::default(),
        })
    }

    pub(super) fn takes_all_addresses(&self) -> Option<bool> {
        *self.takes_all_addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, so that the server tells what it can do; the connection is kept for the first letter.
    pub(super) async fn look(&self, by: Deadline) -> Result<(), MailError> {
        let end = tokio::time::Instant::from_std(by.instant());
        let connected = timeout_at(end, async {
            let _place = self.places.acquire().await?;
            let connection = self.connection().await?;
            self.parked().push(Parked { connection, since: Instant::now() });
            Ok::<_, BoxError>(())
        });
        let outcome = connected.await.unwrap_or_else(|_| Err("it did not let us in in time".into()));
        outcome.map_err(MailError::Away)
    }

    /// Takes note of what the server says that it can do, and logs a change for the worse or the better.
    fn heed(&self, server: &ServerInfo) {
        let takes_all = takes_all_addresses(server);
        let before = self.takes_all_addresses.lock().unwrap_or_else(PoisonError::into_inner).replace(takes_all);
        match (before, takes_all) {
            (None | Some(true), false) => {
                tracing::warn!("{LACK}; mails to such addresses wait, and are given up in the end")
            }
            (Some(false), true) => {
                tracing::info!("the mail server takes all addresses now: outbox retry sends what was given up")
            }
            _ => {}
        }
    }

    /// Sends a letter. What fails is told by how far it had come; a connection on which anything failed is not used again.
    pub(super) async fn send(&self, sheet: &Sheet, by: Deadline) -> Result<(), MailError> {
        let end = tokio::time::Instant::from_std(by.instant().min(Deadline::within(SEND_TIME).instant()));
        let Ok(Ok(_place)) = timeout_at(end, self.places.acquire()).await else {
            return Err(MailError::Temporary("all connections were busy".into()));
        };
        let mut connection = match timeout_at(end, self.connection()).await {
            Ok(connection) => connection.map_err(MailError::Away)?,
            Err(_) => return Err(MailError::Away("it did not let us in in time".into())),
        };
        let offered = timeout_at(end, offer(&mut connection, sheet)).await;
        offered.unwrap_or_else(|_| Err(MailError::Temporary("it did not answer in time".into())))?;
        // From here on the server may have the letter: lettre writes the content and the final dot, and reads the answer, in one
        // go. A connection that fails before the dot could be told from one that fails behind it only within lettre; as either
        // may be the case, nothing but the server's own word says that it has not taken it.
        let taken = timeout_at(end, connection.message(&sheet.bytes)).await;
        match taken {
            Ok(Ok(answer)) if answer.has_code(250) => {}
            Ok(Ok(answer)) => return Err(MailError::Unknown(format!("it answered {}", answer.code()).into())),
            Ok(Err(error)) => return Err(refusal(&error, sheet).unwrap_or_else(|told| MailError::Unknown(told.into()))),
            Err(_) => return Err(MailError::Unknown("it did not answer in time".into())),
        }
        self.parked().push(Parked { connection, since: Instant::now() });
        Ok(())
    }

    /// A connection that is still good, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, BoxError> {
        while let Some(mut connection) = self.take_parked() {
            if let Ok(Ok(_)) = timeout(WORD_TIME, connection.command(Noop)).await {
                return Ok(connection);
            }
        }
        self.connect().await
    }

    fn take_parked(&self) -> Option<AsyncSmtpConnection> {
        let mut parked = self.parked();
        parked.retain(|parked| parked.since.elapsed() < IDLE_TIME);
        parked.pop().map(|parked| parked.connection)
    }

    fn parked(&self) -> MutexGuard<'_, Vec<Parked>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Courier {
    async fn connect(&self) -> Result<AsyncSmtpConnection, BoxError> {
        let (host, port) = (self.server.host.as_str(), self.server.port);
        let mut connection = match &self.server.encryption {
            Encryption::Implicit(tls) => {
                let (tls, time) = (Some(tls.clone()), Some(CONNECT_TIME));
                AsyncSmtpConnection::connect_tokio1((host, port), time, &self.hello, tls, None).await?
            }
            Encryption::None => self.greet(host, port).await?,
            Encryption::StartTls(tls) => {
                let mut connection = self.greet(host, port).await?;
                connection.starttls(tls.clone(), &self.hello).await?;
                connection
            }
        };
        if let Some(account) = &self.server.account {
            let password = account.password.expose_secret().to_owned();
            let credentials = Credentials::new(account.user.clone(), password);
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        self.heed(connection.server_info());
        Ok(connection)
    }

    /// Says hello to the first of the server's addresses that can be reached.
    async fn greet(&self, host: &str, port: u16) -> Result<AsyncSmtpConnection, BoxError> {
        let mut failure: BoxError = "it has no address".into();
        for address in lookup_host((host, port)).await? {
            match timeout(CONNECT_TIME, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // The final dot would otherwise wait until the server's machine has told that it has the content.
                    stream.set_nodelay(true)?;
                    let stream = Box::new(Careful::new(stream));
                    return Ok(AsyncSmtpConnection::connect_with_transport(stream, &self.hello).await?);
                }
                Ok(Err(error)) => failure = error.into(),
                Err(_) => failure = format!("{address} did not answer in time").into(),
            }
        }
        Err(failure)
    }
}

/// Whether a server takes addresses beyond ASCII, and letters that have such an address in their head (RFC 6531 §3.1).
fn takes_all_addresses(server: &ServerInfo) -> bool {
    server.supports_feature(Extension::SmtpUtfEight) && server.supports_feature(Extension::EightBitMime)
}

/// Tells from whom a letter is and to whom, and that it comes now.
async fn offer(connection: &mut AsyncSmtpConnection, sheet: &Sheet) -> Result<(), MailError> {
    let mut parameters = Vec::new();
    if !sheet.bytes.is_ascii() || !AsRef::<str>::as_ref(&sheet.to).is_ascii() {
        if !takes_all_addresses(connection.server_info()) {
            return Err(MailError::Unsupported(LACK.into()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    // When the connection is lost here, that may be because of the letter: it is not put down to the server.
    let told = |error: Error| refusal(&error, sheet).unwrap_or_else(|told| MailError::Temporary(told.into()));
    connection.command(Mail::new(Some(sheet.from.clone()), parameters)).await.map_err(told)?;
    connection.command(Rcpt::new(sheet.to.clone(), Vec::new())).await.map_err(told)?;
    let answer = connection.command(Data).await.map_err(told)?;
    if answer.has_code(354) {
        Ok(())
    } else {
        Err(MailError::Temporary(format!("it answered {} to DATA", answer.code()).into()))
    }
}

/// What the server said against a letter; what happened to the connection, where it said nothing. The recipient's address, which
/// servers like to repeat, is masked: this is logged.
fn refusal(error: &Error, sheet: &Sheet) -> Result<MailError, String> {
    let told = error.to_string().replace(AsRef::<str>::as_ref(&sheet.to), &sheet.recipient.masked());
    match error.status() {
        // It wants us to log in, or to encrypt (RFC 4954 §6, RFC 3207 §4): that is no fault of the letter's.
        Some(code) if code.to_string() == "530" => Ok(MailError::Away(told.into())),
        Some(_) if error.is_permanent() => Ok(MailError::Permanent(told.into())),
        Some(_) => Ok(MailError::Temporary(told.into())),
        None => Err(told),
    }
}
