//! What the mailer promises, against a mail server that fails as it is told to, and a folder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod delivery;
mod failures;
mod hostile;
mod privacy;
mod servers;
mod templates;

use app::payment::{Audience, MailContent, MailError, MailSender};
use chrono::{DateTime, Utc};
use domain::money::Money;
use domain::payment::Status;
use fake_servers::smtp::Smtp;
use mail::{MailSetupError, Mailer, Options, SmtpOptions, Timeouts, Transport};
use mail_parser::{Message, MessageParser};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing_subscriber::fmt::MakeWriter;

const LINK: &str = "https://pay.example/snap/v4/redirection/7f3c?a=1&b=2";

fn mail(audience: Audience, status: Status) -> MailContent {
    let total = Money::from_whole(2_500_000).unwrap();
    let is_open = audience == Audience::Buyer && matches!(status, Status::Pending | Status::Deny);
    MailContent {
        message_id: format!("0190f0c2-3c1e-7b6a-9c55-1d1f6c1a2b3c.3-{}.{}", status.as_str(), audience.as_str()),
        audience,
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        status,
        code: "PAY-2026-7K3M".to_owned(),
        product: "Difference Engine".to_owned(),
        quantity: 2,
        price: Money::from_whole(1_250_000).unwrap(),
        total,
        fee: Money::ZERO,
        refunded: match status {
            Status::Refund => total,
            Status::PartialRefund => Money::parse("1000000.50").unwrap(),
            _ => Money::ZERO,
        },
        payment_url: is_open.then(|| LINK.to_owned()),
        expires_at: "2026-11-23T19:00:00Z".parse::<DateTime<Utc>>().unwrap(),
    }
}

/// Every mail that there may be.
fn mails() -> Vec<MailContent> {
    let to_buyers = Status::ALL.iter().copied().map(|status| mail(Audience::Buyer, status));
    to_buyers.chain([mail(Audience::Seller, Status::Success)]).collect()
}

fn pending() -> MailContent {
    mail(Audience::Buyer, Status::Pending)
}

/// A mail of which there is no other.
fn numbered(number: usize) -> MailContent {
    MailContent { message_id: format!("letter-{number}"), ..pending() }
}

fn options(transport: Transport) -> Options {
    Options {
        from: "Go Commerce <shop@example.com>".to_owned(),
        domain: "mail.example.com".to_owned(),
        templates: None,
        transport,
    }
}

fn smtp_options(url: &str) -> SmtpOptions {
    SmtpOptions {
        url: url.to_owned(),
        account: None,
        allow_plaintext: false,
        certificates: None,
        timeouts: Timeouts::default(),
    }
}

fn mailer_for(server: &Smtp) -> Mailer {
    Mailer::new(options(Transport::Smtp(smtp_options(&server.url())))).unwrap()
}

/// A mailer that waits for half a second at each step, for failures that take all the time that there is.
fn impatient_mailer(server: &Smtp) -> Mailer {
    let moment = Duration::from_millis(500);
    let timeouts =
        Timeouts { connect: moment, greeting: moment, command: moment, data: moment, block: moment, end: moment };
    Mailer::new(options(Transport::Smtp(SmtpOptions { timeouts, ..smtp_options(&server.url()) }))).unwrap()
}

/// What is logged while this is kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn begin() -> (Self, DefaultGuard) {
        // With one alone, a line that a thread without a log comes to first is taken for one that nobody wants.
        static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
        LazyLock::force(&ANOTHER);
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn refused(options: Options) -> MailSetupError {
    Mailer::new(options).err().unwrap()
}

async fn send(mailer: &Mailer, mail: &MailContent) -> Result<(), MailError> {
    mailer.send(mail).await.map(drop)
}

/// Writes a mail, and reads it back as its recipient does.
async fn arrived(mail: &MailContent) -> Arrived {
    let folder = tempfile::tempdir().unwrap();
    let mailer = Mailer::new(options(Transport::Folder(folder.path().to_owned()))).unwrap();
    send(&mailer, mail).await.unwrap();
    let file: PathBuf = folder.path().join(format!("{}.eml", mail.message_id));
    Arrived::read(std::fs::read(file).unwrap())
}

/// A mail as its recipient gets it.
struct Arrived {
    bytes: Vec<u8>,
    subject: String,
    text: String,
    html: String,
    /// The names of the head's fields, in order.
    fields: Vec<String>,
    to_name: Option<String>,
}

impl Arrived {
    fn read(bytes: Vec<u8>) -> Self {
        let message = parse(&bytes);
        let recipient = message.to().unwrap().first().unwrap();
        Self {
            subject: message.subject().unwrap().to_owned(),
            text: message.body_text(0).unwrap().into_owned(),
            html: message.body_html(0).unwrap().into_owned(),
            fields: message.headers().iter().map(|header| header.name.as_str().to_owned()).collect(),
            to_name: recipient.name().map(str::to_owned),
            bytes,
        }
    }
}

fn parse(bytes: &[u8]) -> Message<'_> {
    MessageParser::default().parse(bytes).unwrap()
}
