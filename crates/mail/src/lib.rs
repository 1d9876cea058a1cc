//! Letters to buyers and sellers: written from templates, and sent by SMTP, to a folder, or to the log alone.
//!
//! What people call themselves and their products comes to strangers here. It is cleaned before it goes anywhere
//! (`compose.rs`), and escaped by the templates (`templates.rs`).

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
    /// Who writes, as a [`Sender`] is read: `Go Commerce <shop@example.com>`. Letters are signed with its name.
    pub from: String,
    /// The domain that letters' `Message-ID`s are made unique by, and by which we greet mail servers.
    pub domain: String,
    /// A folder with templates to be used instead of those of the same name that are built in.
    pub templates: Option<PathBuf>,
    pub transport: Transport,
}

#[derive(Clone, Debug)]
pub enum Transport {
    Smtp(SmtpOptions),
    /// Not at all: that there would have been one is logged.
    Log,
    /// Into a folder, each as a file `{Message-ID}.eml`. The folder is made where there is none.
    Folder(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    #[error("the sender {0}; write one as in `Go Commerce <shop@example.com>`")]
    From(SenderError),
    #[error("{0:?} is no domain such as shop.example.com")]
    Domain(String),
    /// The mail server's address, its account, or the certificates to trust are not right.
    #[error("{0}")]
    Server(String),
    /// Letters cannot be put into the folder.
    #[error("no letters can be put into {}: {}", .0.display(), .1)]
    Folder(PathBuf, BoxError),
    #[error("the templates in {} cannot be read: {}", .0.display(), .1)]
    Templates(PathBuf, BoxError),
    /// A template, named by its path in the folder of templates, cannot be used.
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
    /// Opens the mailer. Every mail that there may be is written once, so that what is wrong with a template is found now;
    /// nothing is sent yet.
    ///
    /// # Errors
    /// What is wrong with the options, or with what they point at.
    pub fn new(options: Options) -> Result<Self, MailSetupError> {
        let composer = Composer::new(&options.from, &options.domain, options.templates.as_deref())?;
        let channel = match options.transport {
            Transport::Smtp(options) => Channel::Smtp(Box::new(SmtpClient::new(options, composer.domain())?)),
            Transport::Log => Channel::Log,
            Transport::Folder(folder) => Channel::Folder(Folder::open(folder)?),
        };
        Ok(Self { composer, channel })
    }

    /// Looks for what [`Mailer::new`] would find wrong, but makes no folder.
    ///
    /// # Errors
    /// Those of [`Mailer::new`], but for a folder that cannot be made.
    pub fn check(options: Options) -> Result<(), MailSetupError> {
        let transport = match options.transport {
            Transport::Folder(_) => Transport::Log,
            other => other,
        };
        Self::new(Options { transport, ..options }).map(drop)
    }

    /// Says hello to the mail server, where letters go to one, and so learns what it can do. One that cannot be used, or that
    /// cannot take all addresses, is logged.
    ///
    /// # Errors
    /// That the server is away, or does not let us in.
    pub async fn look(&self) -> Result<(), MailError> {
        match &self.channel {
            Channel::Smtp(client) => client.look().await,
            Channel::Log | Channel::Folder(_) => Ok(()),
        }
    }

    /// Whether the mail server let us in when we last tried. None where that is not known, or letters go to no server.
    #[must_use]
    pub fn is_usable(&self) -> Option<bool> {
        match &self.channel {
            Channel::Smtp(client) => client.is_usable(),
            Channel::Log | Channel::Folder(_) => None,
        }
    }

    /// Whether the mail server takes addresses with characters beyond ASCII before the `@` (`SMTPUTF8`, RFC 6531), by what it
    /// said when we last connected. None where that is not known, or letters go to no server.
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
