//! Addresses beyond ASCII, and mail servers that do not take them.

use super::{Log, mailer_for, numbered, pending, send};
use app::payment::{MailContent, MailError};
use fake_servers::smtp::{Setup, Smtp};
use mail::Mailer;

/// What only a server with `SMTPUTF8` takes.
const BEYOND_ASCII: &str = "žofie@example.com";

fn ascii_only() -> Smtp {
    Smtp::with(Setup { is_ascii_only: true, ..Setup::default() })
}

fn to(email: &str, number: usize) -> MailContent {
    MailContent { email: email.to_owned(), ..numbered(number) }
}

async fn look(mailer: &Mailer) -> Result<(), MailError> {
    mailer.probe().await
}

#[tokio::test]
async fn an_address_that_the_server_cannot_take_is_no_dead_one_and_goes_once_it_can() {
    let mut server = ascii_only();
    let mailer = mailer_for(&server);
    let refused = send(&mailer, &to(BEYOND_ASCII, 1)).await.unwrap_err();
    let told = refused.to_string();
    assert!(matches!(refused, MailError::Unsupported(_)), "{refused:?}");
    assert!(told.contains("SMTPUTF8") && told.contains("mail.url") && !told.contains("example.com"), "{told}");
    assert!(server.mails().is_empty() && !server.lines().iter().any(|line| line.text.starts_with("MAIL")));
    assert_eq!(mailer.takes_all_addresses(), Some(false));

    server.set_ascii_only(false);
    server.stop();
    server.start_again();
    send(&mailer, &to(BEYOND_ASCII, 1)).await.unwrap();
    assert_eq!(server.mails()[0].to, [BEYOND_ASCII]);
    assert_eq!(mailer.takes_all_addresses(), Some(true));
}

#[tokio::test]
async fn a_domain_beyond_ascii_needs_no_more_than_any_server() {
    let server = ascii_only();
    let mailer = mailer_for(&server);
    for (number, email) in ["ada@bücher.example", "ada@उदाहरण.example", "ada@xn--bcher-kva.example"].iter().enumerate()
    {
        send(&mailer, &to(email, number)).await.unwrap();
    }
    let to: Vec<_> = server.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(to, ["ada@xn--bcher-kva.example", "ada@xn--p1b6ci4b4b3a.example", "ada@xn--bcher-kva.example"]);
    assert!(server.mails().iter().all(|mail| mail.data.is_ascii()));
}

#[tokio::test]
async fn what_the_server_lacks_is_told_before_a_mail_needs_it_and_once() {
    let mut server = ascii_only();
    let (log, _guard) = Log::begin();
    let mailer = mailer_for(&server);
    assert_eq!(mailer.takes_all_addresses(), None);
    look(&mailer).await.unwrap();
    assert_eq!(mailer.takes_all_addresses(), Some(false));
    assert!(log.text().contains("WARN") && log.text().contains("does not offer SMTPUTF8"), "{}", log.text());
    // The connection is kept for the first mail.
    send(&mailer, &pending()).await.unwrap();
    assert_eq!(server.connections(), 1);
    server.stop();
    assert!(matches!(look(&mailer).await, Err(MailError::Away(_))));
    server.start_again();
    look(&mailer).await.unwrap();
    assert_eq!(log.text().matches("SMTPUTF8").count(), 1, "it is as it was: {}", log.text());
    server.set_ascii_only(false);
    server.stop();
    server.start_again();
    look(&mailer).await.unwrap();
    assert!(log.text().contains("takes all addresses now"), "{}", log.text());
}
