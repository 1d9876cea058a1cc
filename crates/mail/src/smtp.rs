//! Sending by SMTP, over a few connections that are kept for the next content.

use super::MailSetupError;
use super::compose::Sheet;
use super::health::Health;
use super::refusal::{Step, judge};
use super::reply::{Class, Reply};
use super::server::{Server, SmtpOptions};
use super::session::{Failure, Features, Session};
use app::payment::MailError;
use domain::error::BoxError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long a server may take to tell that it is still there.
const WORD_TIME: Duration = Duration::from_secs(2);
/// How many connections there are at once.
const MAX_CONNECTIONS: usize = 4;
/// How long there are fewer connections after the server has refused one more.
const NARROW_FOR: Duration = Duration::from_secs(600);
/// How long a connection is kept for another content; it is closed when the first content after that is sent.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// What a server lacks that does not take all addresses. A domain beyond ASCII is no matter: it is told in its ASCII form.
const LACK: &str = "the mail server does not offer SMTPUTF8 (RFC 6531), so it takes no address with characters beyond ASCII \
    before the @; switch that on there, or name another server in mail.url";

/// A connection that waits for a mail.
struct Parked {
    session: Session,
    since: Instant,
}

pub(super) struct Courier {
    server: Server,
    /// By which name we greet.
    hello: String,
    places: Semaphore,
    parked: Mutex<Vec<Parked>>,
    health: Health,
    /// Since when there are fewer connections than there may be, for each that is missing.
    narrowed: Mutex<Vec<Instant>>,
    /// Whether the server takes addresses beyond ASCII, once it has said so.
    takes_all_addresses: Mutex<Option<bool>>,
}

impl Courier {
    pub(super) fn new(options: SmtpOptions, domain: &str) -> Result<Self, MailSetupError> {
        Ok(Self {
            server: Server::new(options)?,
            hello: domain.to_owned(),
            places: Semaphore::new(MAX_CONNECTIONS),
            parked: Mutex::default(),
            health: Health::default(),
            narrowed: Mutex::default(),
            takes_all_addresses: Mutex::default(),
        })
    }

    pub(super) fn takes_all_addresses(&self) -> Option<bool> {
        *self.takes_all_addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_usable(&self) -> Option<bool> {
        self.health.is_usable()
    }

    /// Connects, so that the server tells what it can do; the connection is kept for the first content.
    pub(super) async fn look(&self) -> Result<(), MailError> {
        let connected = async {
            let _place = self.places.acquire().await.map_err(|closed| MailError::Away(closed.into()))?;
            let session = self.session().await.map_err(|failure| shut_out(&failure))?;
            self.park(session);
            Ok(())
        };
        let outcome = connected.await;
        self.health.heed(&outcome);
        outcome
    }

    /// Sends a mail. What fails is told by how far it had come; a connection on which anything failed is not used again.
    pub(super) async fn send(&self, sheet: &Sheet) -> Result<(), MailError> {
        let outcome = self.deliver(sheet).await;
        self.health.heed(&outcome);
        outcome
    }

    async fn deliver(&self, sheet: &Sheet) -> Result<(), MailError> {
        self.widen(NARROW_FOR);
        let (_place, mut session) = loop {
            let place = self.places.acquire().await.map_err(|closed| MailError::Temporary(closed.into()))?;
            match self.session().await {
                Ok(session) => break (place, session),
                Err(Failure::Refusal(no)) if no.class() == Class::NotNow && self.narrow(&no) => place.forget(),
                Err(failure) => {
                    self.widen(Duration::ZERO);
                    return Err(shut_out(&failure));
                }
            }
        };
        offer(&mut session, sheet).await?;
        session.end().await.map_err(|failure| refused(&failure, Step::MailContent, sheet))?;
        session.taken().await.map_err(|failure| match &failure {
            Failure::Refusal(reply) => judge(reply, Step::MailContent, told(&failure, sheet)),
            Failure::Odd(_) | Failure::NoLogin(_) => MailError::Unclear(told(&failure, sheet).into()),
            Failure::Silent(_) => MailError::Unknown(told(&failure, sheet).into()),
        })?;
        self.park(session);
        Ok(())
    }

    fn narrowed(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.narrowed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has one connection fewer for some time, whose place the caller then forgets, where another content has a connection or is
    /// about to: a server that refuses one more while others are open is not away, but allows fewer of them. One place stays.
    fn narrow(&self, no: &Reply) -> bool {
        let mut narrowed = self.narrowed();
        let has_others = MAX_CONNECTIONS - narrowed.len() > self.places.available_permits() + 1;
        if has_others {
            narrowed.push(Instant::now());
            tracing::debug!(reply = no.to_string(), "the mail server allows fewer connections");
        }
        has_others
    }

    /// Allows once more the connections that are missing for as long as that.
    fn widen(&self, long: Duration) {
        let mut narrowed = self.narrowed();
        let before = narrowed.len();
        narrowed.retain(|since| since.elapsed() < long);
        self.places.add_permits(before - narrowed.len());
    }

    /// A connection that is still good, or a new one.
    async fn session(&self) -> Result<Session, Failure> {
        while let Some(mut session) = self.take_parked() {
            if session.is_there(WORD_TIME).await {
                return Ok(session);
            }
        }
        let session = Session::open(&self.server, &self.hello, self.server.timeouts).await?;
        self.heed(session.features());
        Ok(session)
    }

    /// Takes note of what the server says that it can do, and logs a change for the worse or the better.
    fn heed(&self, features: &Features) {
        let takes_all = features.takes_all_addresses();
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

    fn park(&self, session: Session) {
        self.parked().push(Parked { session, since: Instant::now() });
    }

    fn take_parked(&self) -> Option<Session> {
        let mut parked = self.parked();
        parked.retain(|parked| parked.since.elapsed() < IDLE_TIME);
        parked.pop().map(|parked| parked.session)
    }

    fn parked(&self) -> MutexGuard<'_, Vec<Parked>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it means that there is no connection.
fn shut_out(failure: &Failure) -> MailError {
    let told = failure.to_string();
    match failure {
        Failure::Refusal(reply) => judge(reply, Step::Connection, told),
        Failure::NoLogin(_) => MailError::Refused(told.into()),
        Failure::Odd(_) | Failure::Silent(_) => MailError::Away(told.into()),
    }
}

/// Tells from whom a mail is and to whom, and shows it, but for its end.
async fn offer(session: &mut Session, sheet: &Sheet) -> Result<(), MailError> {
    let (from, to): (&str, &str) = (sheet.from.as_ref(), sheet.to.as_ref());
    let (parameters, sender) = if sheet.bytes.is_ascii() && to.is_ascii() {
        ("", Step::Sender)
    } else if session.features().takes_all_addresses() {
        (" SMTPUTF8 BODY=8BITMIME", Step::SenderWithParameters)
    } else {
        return Err(MailError::Unsupported(LACK.into()));
    };
    session.from(from, parameters).await.map_err(|failure| refused(&failure, sender, sheet))?;
    session.to(to).await.map_err(|failure| refused(&failure, Step::MailContent, sheet))?;
    session.data(&sheet.bytes).await.map_err(|failure| refused(&failure, Step::MailContent, sheet))
}

/// What it means that a mail was not taken. When the connection is lost, that may be because of the mail: it is not put down
/// to the server.
fn refused(failure: &Failure, at: Step, sheet: &Sheet) -> MailError {
    let told = told(failure, sheet);
    match failure {
        Failure::Refusal(reply) => judge(reply, at, told),
        Failure::NoLogin(_) | Failure::Odd(_) | Failure::Silent(_) => MailError::Temporary(BoxError::from(told)),
    }
}

/// A failure without the recipient's address, which servers like to repeat, however it is spelled: this is logged.
fn told(failure: &Failure, sheet: &Sheet) -> String {
    failure.to_string().replace(AsRef::<str>::as_ref(&sheet.to), &sheet.recipient.masked())
}
