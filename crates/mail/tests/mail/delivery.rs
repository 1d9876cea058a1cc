//! Mails that arrive.

use super::*;
use fake_servers::smtp::{Account, Encryption, Setup};
use mail::SmtpAccount;
use mail_parser::MimeHeaders;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let server = Smtp::start();
    send(&mailer_for(&server), &pending()).await.unwrap();
    let [mail] = server.mails().try_into().unwrap();
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("shop@example.com", &["ada@example.com".to_owned()][..]));
    let message = parse(&mail.data);
    let from = message.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Go Commerce"), Some("shop@example.com")));
    let to = message.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("Ada Lovelace"), Some("ada@example.com")));
    let id = "0190f0c2-3c1e-7b6a-9c55-1d1f6c1a2b3c.3-pending.buyer@mail.example.com";
    assert_eq!(message.message_id(), Some(id));
    assert_eq!(message.subject(), Some("Payment PAY-2026-7K3M: Rp 2.500.000 to pay"));
    assert_eq!(message.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
    assert!(message.date().is_some());
    assert_eq!(message.content_type().unwrap().subtype(), Some("alternative"));
    assert_eq!((message.text_body_count(), message.html_body_count()), (1, 1));
    assert_eq!(server.count_by_message_id()[id], 1);
}

#[tokio::test]
async fn every_line_is_short_enough_for_every_server() {
    for mail in mails() {
        let bytes = arrived(&mail).await.bytes;
        assert!(bytes.is_ascii(), "{}", mail.message_id);
        assert!(
            bytes
                .split(|byte| *byte == b'\n')
                .all(|line| line.len() <= 998 && line.ends_with(b"\r") || line.is_empty())
        );
    }
}

#[tokio::test]
async fn mails_one_after_the_other_share_a_connection() {
    let server = Smtp::start();
    let mailer = mailer_for(&server);
    for number in 0..5 {
        send(&mailer, &numbered(number)).await.unwrap();
    }
    assert_eq!((server.mails().len(), server.connections()), (5, 1));
}

#[tokio::test]
async fn any_number_of_mails_at_once_take_four_connections() {
    let server = Smtp::start();
    let mailer = mailer_for(&server);
    let mails: Vec<_> = (0..40).map(numbered).collect();
    let sent = futures_util::future::join_all(mails.iter().map(|mail| send(&mailer, mail))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(server.count_by_message_id().len(), 40);
    assert!(server.connections() <= 4, "{}", server.connections());
}

#[tokio::test]
async fn a_mail_goes_encrypted_and_logged_in_in_both_ways() {
    for encryption in [Encryption::StartTls, Encryption::Implicit] {
        let account = Account { user: "shop".to_owned(), password: "very secret".to_owned() };
        let server = Smtp::with(Setup { encryption, account: Some(account), ..Setup::default() });
        let options_ = SmtpOptions {
            account: Some(SmtpAccount { user: "shop".to_owned(), password: "very secret".into() }),
            certificates: Some(server.authority()),
            ..smtp_options(&server.url())
        };
        let mailer = Mailer::new(options(Transport::Smtp(options_))).unwrap();
        send(&mailer, &pending()).await.unwrap();
        let [mail] = server.mails().try_into().unwrap();
        assert!(mail.is_encrypted, "{encryption:?}");
        assert_eq!(mail.user.as_deref(), Some("shop"), "{encryption:?}");
        let greetings = |line: &str| line.starts_with("EHLO ") || line == "STARTTLS";
        assert!(server.lines().iter().all(|line| line.is_encrypted || greetings(&line.text)), "{:?}", server.lines());
    }
}

#[tokio::test]
async fn a_line_that_begins_with_a_dot_stays_one() {
    let server = Smtp::start();
    let mail = MailContent { product: format!("{} .", "x".repeat(70)), name: ".".to_owned(), ..pending() };
    send(&mailer_for(&server), &mail).await.unwrap();
    let read = Arrived::read(server.mails()[0].data.clone());
    assert!(read.text.contains("Hello .,"), "{}", read.text);
    assert!(read.text.contains(&mail.product), "{}", read.text);
}

#[tokio::test]
async fn an_address_with_mails_of_other_alphabets_arrives() {
    let server = Smtp::start();
    let mailer = mailer_for(&server);
    send(&mailer, &MailContent { email: "ada@bücher.example".to_owned(), ..pending() }).await.unwrap();
    send(&mailer, &MailContent { email: "žofie@example.com".to_owned(), ..pending() }).await.unwrap();
    let to: Vec<_> = server.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(to, ["ada@xn--bcher-kva.example", "žofie@example.com"]);
}

#[tokio::test]
async fn a_folder_gets_one_whole_file_for_each_mail_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("mails");
    let mailer = Mailer::new(options(Transport::Folder(inside.clone()))).unwrap();
    let twice = mails().into_iter().chain(mails());
    for mail in twice {
        send(&mailer, &mail).await.unwrap();
    }
    let entries: Vec<_> = std::fs::read_dir(&inside).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(entries.len(), mails().len());
    for entry in entries {
        let name = entry.file_name().into_string().unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        assert_eq!(parse(&bytes).message_id().unwrap(), name.replace(".eml", "@mail.example.com"));
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_folder_that_has_gone_is_told_as_away_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("mails");
    let mailer = Mailer::new(options(Transport::Folder(inside.clone()))).unwrap();
    std::fs::remove_dir(&inside).unwrap();
    assert!(matches!(send(&mailer, &pending()).await, Err(MailError::Away(_))));
    std::fs::create_dir(&inside).unwrap();
    // A folder in the mail's place, so that only the renaming fails.
    std::fs::create_dir(inside.join(format!("{}.eml", pending().message_id))).unwrap();
    assert!(matches!(send(&mailer, &pending()).await, Err(MailError::Away(_))));
    assert_eq!(std::fs::read_dir(&inside).unwrap().count(), 1);
}

#[tokio::test]
async fn a_mail_without_an_address_cannot_be_sent() {
    let mailer = mailer_for(&Smtp::start());
    for email in ["", "ada", "ada@localhost", "ada@example.com\r\nRCPT TO:<eve@example.com>"] {
        let sent = send(&mailer, &MailContent { email: email.to_owned(), ..pending() }).await;
        assert!(matches!(sent, Err(MailError::Permanent(_))), "{email:?}: {sent:?}");
    }
}
