//! Sends mails by SMTP over a few connections, which are kept for the next mail.

use super::MailSetupError;
use super::compose::ComposedMail;
use super::features::Features;
use super::health::Health;
use super::refusal::{Step, classify};
use super::reply::{Class, Reply};
use super::server::{Server, SmtpOptions};
use super::session::{Failure, Session};
use app::payment::MailError;
use domain::error::BoxError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The time limit for `NOOP`.
const WORD_TIME: Duration = Duration::from_secs(2);
const MAX_CONNECTIONS: usize = 4;
/// How long the limit stays lower after the server refused a connection.
const SLOT_REMOVED_FOR: Duration = Duration::from_secs(600);
/// How long an idle connection is kept; it is closed when the next mail is sent.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// The error of a server that does not support all addresses. A domain outside ASCII is no problem: it is sent in its ASCII
/// form.
const LACK: &str = "the mail server does not offer SMTPUTF8 (RFC 6531), so it takes no address with characters beyond ASCII \
    before the @; switch that on there, or name another server in mail.url";

struct IdleSession {
    session: Session,
    since: Instant,
}

pub(super) struct SmtpClient {
    server: Server,
    hello: String,
    slots: Semaphore,
    idle: Mutex<Vec<IdleSession>>,
    health: Health,
    /// For each removed slot, when it was removed.
    removed_slots: Mutex<Vec<Instant>>,
    /// Whether the server supports addresses outside ASCII; `None` before the first connection.
    takes_all_addresses: Mutex<Option<bool>>,
}

impl SmtpClient {
    pub(super) fn new(options: SmtpOptions, domain: &str) -> Result<Self, MailSetupError> {
        Ok(Self {
            server: Server::new(options)?,
            hello: domain.to_owned(),
            slots: Semaphore::new(MAX_CONNECTIONS),
            idle: Mutex::default(),
            health: Health::default(),
            removed_slots: Mutex::default(),
            takes_all_addresses: Mutex::default(),
        })
    }

    pub(super) fn takes_all_addresses(&self) -> Option<bool> {
        *self.takes_all_addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_usable(&self) -> Option<bool> {
        self.health.is_usable()
    }

    /// Connects to learn the server's extensions, and keeps the connection for the first mail.
    pub(super) async fn probe(&self) -> Result<(), MailError> {
        let connected = async {
            let _slot = self.slots.acquire().await.map_err(|closed| MailError::Away(closed.into()))?;
            let session = self.session().await.map_err(|failure| connection_error(&failure))?;
            self.keep_idle(session);
            Ok(())
        };
        let outcome = connected.await;
        self.health.observe(&outcome);
        outcome
    }

    /// Sends a mail. The error depends on the step that failed; a connection with a failure is not used again.
    pub(super) async fn send(&self, mail: &ComposedMail) -> Result<(), MailError> {
        let outcome = self.deliver(mail).await;
        self.health.observe(&outcome);
        outcome
    }

    async fn deliver(&self, mail: &ComposedMail) -> Result<(), MailError> {
        self.restore_slots(SLOT_REMOVED_FOR);
        let (_slot, mut session) = loop {
            let slot = self.slots.acquire().await.map_err(|closed| MailError::Temporary(closed.into()))?;
            match self.session().await {
                Ok(session) => break (slot, session),
                Err(Failure::Refusal(no)) if no.class() == Class::Transient && self.remove_slot(&no) => slot.forget(),
                Err(failure) => {
                    self.restore_slots(Duration::ZERO);
                    return Err(connection_error(&failure));
                }
            }
        };
        transfer(&mut session, mail).await?;
        session.end().await.map_err(|failure| rejection(&failure, Step::Message, mail))?;
        session.taken().await.map_err(|failure| match &failure {
            Failure::Refusal(reply) => classify(reply, Step::Message, told(&failure, mail)),
            Failure::Unexpected(_) | Failure::NoLogin(_) => MailError::Unclear(told(&failure, mail).into()),
            Failure::NoReply(_) => MailError::Unknown(told(&failure, mail).into()),
        })?;
        self.keep_idle(session);
        Ok(())
    }

    fn removed_slots(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.removed_slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lowers the limit of connections for some time, if another mail has a connection or is about to: a server that refuses
    /// one more while others are open allows fewer of them. The caller then forgets its slot; one slot always stays.
    fn remove_slot(&self, no: &Reply) -> bool {
        let mut removed_slots = self.removed_slots();
        let has_others = MAX_CONNECTIONS - removed_slots.len() > self.slots.available_permits() + 1;
        if has_others {
            removed_slots.push(Instant::now());
            tracing::debug!(reply = no.to_string(), "the mail server allows fewer connections");
        }
        has_others
    }

    /// Restores the slots that were removed at least this long ago.
    fn restore_slots(&self, long: Duration) {
        let mut removed_slots = self.removed_slots();
        let before = removed_slots.len();
        removed_slots.retain(|since| since.elapsed() < long);
        self.slots.add_permits(before - removed_slots.len());
    }

    /// Returns an idle connection that still works, or a new one.
    async fn session(&self) -> Result<Session, Failure> {
        while let Some(mut session) = self.take_idle() {
            if session.is_there(WORD_TIME).await {
                return Ok(session);
            }
        }
        let session = Session::open(&self.server, &self.hello, self.server.timeouts).await?;
        self.observe(session.features());
        Ok(session)
    }

    /// Records the server's extensions, and logs a change.
    fn observe(&self, features: &Features) {
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

    fn keep_idle(&self, session: Session) {
        self.idle().push(IdleSession { session, since: Instant::now() });
    }

    fn take_idle(&self) -> Option<Session> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < IDLE_TIME);
        idle.pop().map(|idle| idle.session)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<IdleSession>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Maps a failure before any mail.
fn connection_error(failure: &Failure) -> MailError {
    let told = failure.to_string();
    match failure {
        Failure::Refusal(reply) => classify(reply, Step::Connection, told),
        Failure::NoLogin(_) => MailError::Refused(told.into()),
        Failure::Unexpected(_) | Failure::NoReply(_) => MailError::Away(told.into()),
    }
}

/// Sends sender, recipient and content without its end.
async fn transfer(session: &mut Session, mail: &ComposedMail) -> Result<(), MailError> {
    let (from, to): (&str, &str) = (mail.from.as_ref(), mail.to.as_ref());
    let (parameters, sender) = if mail.bytes.is_ascii() && to.is_ascii() {
        ("", Step::Sender)
    } else if session.features().takes_all_addresses() {
        (" SMTPUTF8 BODY=8BITMIME", Step::SenderWithParameters)
    } else {
        return Err(MailError::Unsupported(LACK.into()));
    };
    session.from(from, parameters).await.map_err(|failure| rejection(&failure, sender, mail))?;
    session.to(to).await.map_err(|failure| rejection(&failure, Step::Message, mail))?;
    session.data(&mail.bytes).await.map_err(|failure| rejection(&failure, Step::Message, mail))
}

/// Maps a failure of one mail. A lost connection may be due to the mail, so it does not count as an unavailable server.
fn rejection(failure: &Failure, at: Step, mail: &ComposedMail) -> MailError {
    let told = told(failure, mail);
    match failure {
        Failure::Refusal(reply) => classify(reply, at, told),
        Failure::NoLogin(_) | Failure::Unexpected(_) | Failure::NoReply(_) => {
            MailError::Temporary(BoxError::from(told))
        }
    }
}

/// Masks the recipient's address, which servers often repeat, because the text is logged.
fn told(failure: &Failure, mail: &ComposedMail) -> String {
    failure.to_string().replace(AsRef::<str>::as_ref(&mail.to), &mail.recipient.masked())
}
