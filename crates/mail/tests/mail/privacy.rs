//! Encryption, and what logs and servers must not see.

use super::*;
use app::payment::Delivery;
use fake_servers::smtp::{Account, Encryption, Fault, SessionStep, Setup, Times};
use mail::SmtpAccount;

const PASSWORD: &str = "correct horse battery staple";

fn account() -> Option<SmtpAccount> {
    Some(SmtpAccount { user: "shop".to_owned(), password: PASSWORD.into() })
}

fn post_with_account(url: &str, certificates: Option<String>) -> Mailer {
    Mailer::new(options(Transport::Smtp(SmtpOptions { account: account(), certificates, ..smtp_options(url) })))
        .unwrap()
}

#[tokio::test]
async fn a_server_with_a_certificate_that_nobody_vouches_for_is_refused() {
    for encryption in [Encryption::StartTls, Encryption::Implicit] {
        let server = Smtp::with(Setup { encryption, ..Setup::default() });
        let sent = send(&post_with_account(&server.url(), None), &pending()).await;
        assert!(
            matches!(&sent, Err(MailError::Away(reason)) if reason.to_string().contains("certificate")),
            "{sent:?}"
        );
        assert_eq!(server.mails().len(), 0);
        assert!(server.lines().iter().all(|line| !line.text.starts_with("AUTH")));
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Smtp::with(Setup { encryption: Encryption::Implicit, ..Setup::default() });
    let url = server.url().replace("localhost", "127.0.0.1");
    let sent = send(&post_with_account(&url, Some(server.authority())), &pending()).await;
    assert!(matches!(sent, Err(MailError::Away(_))), "{sent:?}");
    assert_eq!(server.mails().len(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_hears_no_password_and_no_mail() {
    let server = Smtp::start();
    let url = format!("smtp://localhost:{}?tls=required", server.port());
    let sent = send(&post_with_account(&url, Some(server.authority())), &pending()).await;
    assert!(matches!(sent, Err(MailError::Away(_))), "{sent:?}");
    let said: Vec<_> = server.lines().into_iter().map(|line| line.text).collect();
    assert_eq!(said, ["EHLO mail.example.com"]);
}

#[tokio::test]
async fn answers_slipped_in_before_the_encryption_count_for_nothing() {
    let account = Account { user: "shop".to_owned(), password: PASSWORD.to_owned() };
    let server = Smtp::with(Setup { encryption: Encryption::StartTls, account: Some(account), ..Setup::default() });
    let slipped_in = "220 2.0.0 go ahead\r\n250-localhost\r\n250 AUTH PLAIN";
    server.set_fault(Fault::reply(SessionStep::StartTls, slipped_in), Times::Next(1));
    let mailer = post_with_account(&server.url(), Some(server.authority()));
    let sent = send(&mailer, &pending()).await;
    assert!(matches!(sent, Err(MailError::Away(_))), "{sent:?}");
    assert!(server.lines().iter().all(|line| !line.is_encrypted), "{:?}", server.lines());
    send(&mailer, &pending()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_no_fault_of_the_mails() {
    let theirs = Account { user: "shop".to_owned(), password: "another".to_owned() };
    let server = Smtp::with(Setup { encryption: Encryption::Implicit, account: Some(theirs), ..Setup::default() });
    let sent = send(&post_with_account(&server.url(), Some(server.authority())), &pending()).await;
    assert!(matches!(&sent, Err(MailError::Refused(_))), "{sent:?}");
    assert!(!format!("{sent:?} {}", sent.as_ref().unwrap_err()).contains(PASSWORD));
}

#[tokio::test]
async fn what_the_server_says_of_an_address_is_told_with_the_address_masked() {
    let server = Smtp::start();
    server.set_fault(Fault::reply(SessionStep::Rcpt, "550 5.1.1 <ada@example.com>: unknown"), Times::All);
    let told = send(&mailer_for(&server), &pending()).await.unwrap_err().to_string();
    assert!(told.contains("a***@example.com") && !told.contains("ada@"), "{told}");
}

#[test]
fn a_server_elsewhere_is_not_spoken_to_in_the_clear() {
    let elsewhere = |url: &str, allow_plaintext, account| {
        Mailer::new(options(Transport::Smtp(SmtpOptions { allow_plaintext, account, ..smtp_options(url) })))
    };
    for url in ["smtp://mail.example.com", "smtp://192.0.2.1:25", "smtp://localhost.example.com"] {
        assert!(matches!(elsewhere(url, false, None), Err(MailSetupError::Server(_))), "{url}");
        assert!(elsewhere(url, true, None).is_ok(), "{url}");
        assert!(matches!(elsewhere(url, true, account()), Err(MailSetupError::Server(_))), "{url}");
    }
    for url in ["smtp://localhost", "smtp://127.0.0.1:1025", "smtp://[::1]:1025", "smtps://mail.example.com"] {
        assert!(elsewhere(url, false, account()).is_ok(), "{url}");
    }
    assert!(elsewhere("smtp://mail.example.com?tls=required", false, account()).is_ok());
}

#[test]
fn an_address_of_a_server_says_nothing_that_would_be_overheard_or_overlooked() {
    for url in [
        "",
        "mail.example.com",
        "http://mail.example.com",
        "smtps://",
        "smtps://shop:hunter2@mail.example.com",
        "smtps://mail.example.com/hello",
        "smtp://mail.example.com?tls=opportunistic",
        "smtp://localhost?tls=none",
        "smtp://mail.example.com?tls=required&x=1",
    ] {
        let error = refused(options(Transport::Smtp(smtp_options(url))));
        assert!(matches!(error, MailSetupError::Server(_)), "{url}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let certificates = Some("no certificate".to_owned());
    let trusting = SmtpOptions { certificates, ..smtp_options("smtps://mail.example.com") };
    assert!(matches!(refused(options(Transport::Smtp(trusting))), MailSetupError::Server(_)));
    let shown =
        format!("{:?}", options(Transport::Smtp(SmtpOptions { account: account(), ..smtp_options("smtps://x") })));
    assert!(!shown.contains(PASSWORD), "{shown}");
}

#[test]
fn senders_and_domains_that_are_none_are_refused() {
    for from in [
        "",
        "shop",
        "shop@",
        "Shop <shop@example.com",
        "Shop\r\nBcc: eve@example.com <shop@example.com>",
        "žofie@example.com",
    ] {
        let refused = refused(Options { from: from.to_owned(), ..options(Transport::Log) });
        assert!(matches!(refused, MailSetupError::From(_)), "{from:?}: {refused}");
    }
    for domain in ["", "127.0.0.1", "[::1]", "shop example", "shop>\r\nBcc: eve"] {
        let refused = refused(Options { domain: domain.to_owned(), ..options(Transport::Log) });
        assert!(matches!(refused, MailSetupError::Domain(_)), "{domain:?}: {refused}");
    }
    assert!(Mailer::new(Options { from: "shop@example.com".to_owned(), ..options(Transport::Log) }).is_ok());
}

#[tokio::test]
async fn the_log_tells_that_there_would_have_been_a_mail_and_not_to_whom() {
    let (log, _guard) = Log::begin();
    let mailer = Mailer::new(options(Transport::Log)).unwrap();
    let delivery = mailer.send(&pending()).await.unwrap();
    assert_eq!(delivery, Delivery::Logged);
    let told = log.text();
    assert!(
        told.contains("INFO")
            && told.contains("mail logged, not sent")
            && told.contains("account=\"a***@example.com\""),
        "{told}"
    );
    assert!(told.contains("Payment PAY-2026-7K3M") && told.contains("3-pending.buyer"), "{told}");
    assert!(!told.contains("ada@") && !told.contains("pay.example"), "{told}");
}
