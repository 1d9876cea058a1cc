//! Mails to buyers and sellers: composed from templates, and sent by SMTP, written to a folder, or logged.
//!
//! Mails show strangers the names that people chose for themselves and their products. `compose.rs` cleans them, and the
//! templates (`templates.rs`) escape them.

mod compose;
mod features;
mod folder;
mod health;
mod refusal;
mod reply;
mod sender;
mod server;
mod session;
mod smtp;
mod templates;

pub use sender::{Sender, SenderError, domain_of_mail};
pub use server::{ServerUrl, SmtpAccount, SmtpOptions};
pub use session::Timeouts;

use app::payment::{Delivery, MailContent, MailError, MailSender};
use async_trait::async_trait;
use compose::{ComposedMail, Composer};
use domain::error::BoxError;
use folder::Folder;
use smtp::SmtpClient;
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub struct Options {
    /// The sender, such as `Go Commerce <shop@example.com>`. Mails are signed with its name.
    pub from: String,
    /// The domain in `Message-ID`s and in the greeting of mail servers.
    pub domain: String,
    /// A folder with templates that replace built-in ones of the same name.
    pub templates: Option<PathBuf>,
    pub transport: Transport,
}

#[derive(Clone, Debug)]
pub enum Transport {
    Smtp(SmtpOptions),
    /// Logs each mail instead of sending it.
    Log,
    /// Writes each mail as a file `{Message-ID}.eml`, and creates the folder if needed.
    Folder(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    #[error("the sender {0}; write one as in `Go Commerce <shop@example.com>`")]
    From(SenderError),
    #[error("{0:?} is no domain such as shop.example.com")]
    Domain(String),
    /// The mail server's URL, account or certificates are invalid.
    #[error("{0}")]
    Server(String),
    /// The folder cannot be written to.
    #[error("no letters can be put into {}: {}", .0.display(), .1)]
    Folder(PathBuf, BoxError),
    #[error("the templates in {} cannot be read: {}", .0.display(), .1)]
    Templates(PathBuf, BoxError),
    /// A template is invalid; the name is its path in the folder.
    #[error("the template {0} cannot be used: {1}")]
    Template(String, BoxError),
}

pub struct Mailer {
    composer: Composer,
    channel: Channel,
}

enum Channel {
    Smtp(Box<SmtpClient>),
    Log,
    Folder(Folder),
}

impl Mailer {
    /// Creates the mailer and composes every kind of mail once, to find mistakes in templates. It sends nothing.
    ///
    /// # Errors
    /// If an option is invalid.
    pub fn new(options: Options) -> Result<Self, MailSetupError> {
        let composer = Composer::new(&options.from, &options.domain, options.templates.as_deref())?;
        let channel = match options.transport {
            Transport::Smtp(options) => Channel::Smtp(Box::new(SmtpClient::new(options, composer.domain())?)),
            Transport::Log => Channel::Log,
            Transport::Folder(folder) => Channel::Folder(Folder::open(folder)?),
        };
        Ok(Self { composer, channel })
    }

    /// Checks the options like [`Mailer::new`], but creates no folder.
    ///
    /// # Errors
    /// Those of [`Mailer::new`], except for a folder that cannot be created.
    pub fn check(options: Options) -> Result<(), MailSetupError> {
        let transport = match options.transport {
            Transport::Folder(_) => Transport::Log,
            other => other,
        };
        Self::new(Options { transport, ..options }).map(drop)
    }

    /// Connects to the mail server, if any, to learn its extensions. Logs a server that is unavailable or does not support
    /// all addresses.
    ///
    /// # Errors
    /// If the server is unavailable or refuses the log-in.
    pub async fn probe(&self) -> Result<(), MailError> {
        match &self.channel {
            Channel::Smtp(client) => client.probe().await,
            Channel::Log | Channel::Folder(_) => Ok(()),
        }
    }

    /// Whether the last log-in at the mail server succeeded; `None` if unknown or without a server.
    #[must_use]
    pub fn is_usable(&self) -> Option<bool> {
        match &self.channel {
            Channel::Smtp(client) => client.is_usable(),
            Channel::Log | Channel::Folder(_) => None,
        }
    }

    /// Whether the mail server supports addresses with a local part outside ASCII (`SMTPUTF8`, RFC 6531); `None` if unknown
    /// or without a server.
    #[must_use]
    pub fn takes_all_addresses(&self) -> Option<bool> {
        match &self.channel {
            Channel::Smtp(client) => client.takes_all_addresses(),
            Channel::Log | Channel::Folder(_) => None,
        }
    }
}

#[async_trait]
impl MailSender for Mailer {
    async fn send(&self, content: &MailContent) -> Result<Delivery, MailError> {
        let mail = self.composer.compose(content).map_err(MailError::Permanent)?;
        match &self.channel {
            Channel::Smtp(client) => client.send(&mail).await.map(|()| Delivery::Sent),
            Channel::Log => {
                let ComposedMail { recipient, subject, message_id, .. } = &mail;
                tracing::info!(account = recipient.masked(), subject, message_id, "mail logged, not sent");
                Ok(Delivery::Logged)
            }
            Channel::Folder(folder) => folder.put(&mail).await.map(|()| Delivery::Written),
        }
    }
}
