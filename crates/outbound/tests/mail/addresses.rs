//! Addresses beyond ASCII, and mail servers that do not take them.

use super::{Log, numbered, pending, post_to, send};
use counterparts::smtp::{Setup, Smtp};
use domain::payment::{Letter, MailError};
use outbound::mail::Post;

/// What only a server with `SMTPUTF8` takes.
const BEYOND_ASCII: &str = "žofie@example.com";

fn ascii_only() -> Smtp {
    Smtp::with(Setup { is_ascii_only: true, ..Setup::default() })
}

fn to(email: &str, number: usize) -> Letter {
    Letter { email: email.to_owned(), ..numbered(number) }
}

async fn look(post: &Post) -> Result<(), MailError> {
    post.look().await
}

#[tokio::test]
async fn an_address_that_the_server_cannot_take_is_no_dead_one_and_goes_once_it_can() {
    let mut server = ascii_only();
    let post = post_to(&server);
    let refused = send(&post, &to(BEYOND_ASCII, 1)).await.unwrap_err();
    let told = refused.to_string();
    assert!(matches!(refused, MailError::Unsupported(_)), "{refused:?}");
    assert!(told.contains("SMTPUTF8") && told.contains("mail.url") && !told.contains("example.com"), "{told}");
    assert!(server.mails().is_empty() && !server.said().iter().any(|said| said.line.starts_with("MAIL")));
    assert_eq!(post.takes_all_addresses(), Some(false));

    server.set_ascii_only(false);
    server.stop();
    server.start_again();
    send(&post, &to(BEYOND_ASCII, 1)).await.unwrap();
    assert_eq!(server.mails()[0].to, [BEYOND_ASCII]);
    assert_eq!(post.takes_all_addresses(), Some(true));
}

#[tokio::test]
async fn a_domain_beyond_ascii_needs_no_more_than_any_server() {
    let server = ascii_only();
    let post = post_to(&server);
    for (number, email) in ["ada@bücher.example", "ada@उदाहरण.example", "ada@xn--bcher-kva.example"].iter().enumerate()
    {
        send(&post, &to(email, number)).await.unwrap();
    }
    let to: Vec<_> = server.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(to, ["ada@xn--bcher-kva.example", "ada@xn--p1b6ci4b4b3a.example", "ada@xn--bcher-kva.example"]);
    assert!(server.mails().iter().all(|mail| mail.data.is_ascii()));
}

#[tokio::test]
async fn what_the_server_lacks_is_told_before_a_letter_needs_it_and_once() {
    let mut server = ascii_only();
    let (log, _guard) = Log::begin();
    let post = post_to(&server);
    assert_eq!(post.takes_all_addresses(), None);
    look(&post).await.unwrap();
    assert_eq!(post.takes_all_addresses(), Some(false));
    assert!(log.text().contains("WARN") && log.text().contains("does not offer SMTPUTF8"), "{}", log.text());
    // The connection is kept for the first letter.
    send(&post, &pending()).await.unwrap();
    assert_eq!(server.connections(), 1);
    server.stop();
    assert!(matches!(look(&post).await, Err(MailError::Away(_))));
    server.start_again();
    look(&post).await.unwrap();
    assert_eq!(log.text().matches("SMTPUTF8").count(), 1, "it is as it was: {}", log.text());
    server.set_ascii_only(false);
    server.stop();
    server.start_again();
    look(&post).await.unwrap();
    assert!(log.text().contains("takes all addresses now"), "{}", log.text());
}
