//! Real-world mail servers: slow ones, old ones, and ones with unusual answers.

use super::failures::name;
use super::*;
use fake_servers::smtp::{Account, Encryption, Fault, Login, SessionStep, Setup, Times};
use mail::SmtpAccount;

/// A server with an account, and a mailer that has one there.
fn with_account(setup: Setup) -> (Smtp, Mailer) {
    let account = Account { user: "shop@example.com".to_owned(), password: "žluť secret".to_owned() };
    let server = Smtp::with(Setup { account: Some(account), ..setup });
    let account = SmtpAccount { user: "shop@example.com".to_owned(), password: "žluť secret".into() };
    let options_ =
        SmtpOptions { account: Some(account), certificates: Some(server.authority()), ..smtp_options(&server.url()) };
    let mailer = Mailer::new(options(Transport::Smtp(options_))).unwrap();
    (server, mailer)
}

#[tokio::test]
async fn a_server_that_takes_its_time_gets_each_mail_once() {
    let late = Duration::from_secs(12);
    let moments = [
        SessionStep::Greeting,
        SessionStep::Ehlo,
        SessionStep::Mail,
        SessionStep::Rcpt,
        SessionStep::Data,
        SessionStep::Dot,
    ];
    let sent = moments.map(|moment| async move {
        let server = Smtp::start();
        server.set_fault(Fault::late(moment, late), Times::Next(1));
        let sent = send(&mailer_for(&server), &pending()).await;
        assert!(sent.is_ok(), "{moment:?}: {sent:?}");
        assert_eq!((server.mails().len(), server.connections()), (1, 1), "{moment:?}");
    });
    futures_util::future::join_all(sent).await;
}

#[tokio::test]
async fn each_step_has_its_own_time() {
    let (long, moment) = (Timeouts::default(), Duration::from_millis(300));
    for (at, timeouts, expected) in [
        (SessionStep::Greeting, Timeouts { greeting: moment, ..long }, "away"),
        (SessionStep::Ehlo, Timeouts { command: moment, ..long }, "away"),
        (SessionStep::Mail, Timeouts { command: moment, ..long }, "temporary"),
        (SessionStep::Rcpt, Timeouts { command: moment, ..long }, "temporary"),
        (SessionStep::Data, Timeouts { data: moment, ..long }, "temporary"),
        (SessionStep::Dot, Timeouts { end: moment, ..long }, "unknown"),
    ] {
        let server = Smtp::start();
        server.set_fault(Fault::hang(at), Times::All);
        let mailer =
            Mailer::new(options(Transport::Smtp(SmtpOptions { timeouts, ..smtp_options(&server.url()) }))).unwrap();
        let sent = send(&mailer, &pending()).await;
        assert_eq!(name(&sent), expected, "{at:?}");
        assert!(sent.unwrap_err().to_string().contains("took longer than 0.3 s"), "{at:?}");
    }
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!((long.greeting, long.command, long.data), (minutes(5), minutes(5), minutes(2)));
    assert_eq!((long.block, long.end), (minutes(3), minutes(10)));
}

#[tokio::test]
async fn an_answer_counts_by_its_digits() {
    for (answer, expected) in [
        (&b"250\r\n"[..], "sent"),
        (b"250", "sent"),
        (b"250 \r\n", "sent"),
        (b"250-queued\r\n250 as \xe9t\xe9\r\n", "sent"),
        (b"251 forwarded\r\n", "sent"),
        (b"299 odd\r\n", "sent"),
        (b"250 \xff\xff\xff\r\n", "sent"),
        (b"451 sp\xe4ter\r\n", "temporary"),
        (b"550\r\n", "permanent"),
        (b"550 5.1.1 inconnu: \xe9\r\n", "permanent"),
        (b"550-5.4.5 Daily user sending limit exceeded.\r\n550 5.4.5 gsmtp\r\n", "blocked"),
    ] {
        let server = Smtp::start();
        server.set_fault(Fault::bytes(SessionStep::Dot, answer), Times::All);
        let sent = send(&impatient_mailer(&server), &pending()).await;
        assert_eq!(name(&sent), expected, "{}", String::from_utf8_lossy(answer));
    }
    for at in [SessionStep::Greeting, SessionStep::Mail] {
        let server = Smtp::start();
        let code: &[u8] = if at == SessionStep::Greeting { b"220 \xe9\r\n" } else { b"250 \xe9\r\n" };
        server.set_fault(Fault::bytes(at, code), Times::All);
        send(&impatient_mailer(&server), &pending()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_knows_helo_alone_gets_mails() {
    let server = Smtp::with(Setup { is_old: true, ..Setup::default() });
    send(&mailer_for(&server), &pending()).await.unwrap();
    assert_eq!(server.mails().len(), 1);
    assert!(server.lines().iter().any(|line| line.text == "HELO mail.example.com"));
    // It cannot be encrypted, and cannot be logged in at.
    let (_server, mailer) = with_account(Setup { is_old: true, ..Setup::default() });
    let sent = send(&mailer, &pending()).await;
    assert_eq!(name(&sent), "refused");
    assert!(sent.unwrap_err().to_string().contains("AUTH PLAIN"));
}

#[tokio::test]
async fn whoever_wants_to_know_who_we_are_is_told_however_they_ask() {
    let questions = |first: &str, second: &str| [first, second].map(str::to_owned);
    let login = |offer: &str, questions| Login { offer: offer.to_owned(), knows_login_alone: false, questions };
    for login in [
        login("AUTH LOGIN", questions("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6")),
        login("AUTH=LOGIN", questions("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6")),
        login("auth login cram-md5", questions("334 QmVudXR6ZXI=", "334 S2VubndvcnQ=")),
        login("AUTH LOGIN", questions("334 Username:", "334 and the password?")),
        login("AUTH LOGIN", questions("334", "334 ")),
        login("AUTH PLAIN", questions("", "")),
        login("AUTH CRAM-MD5 PLAIN XOAUTH2", questions("", "")),
        Login { knows_login_alone: true, ..Login::default() },
    ] {
        for encryption in [Encryption::None, Encryption::StartTls, Encryption::Implicit] {
            let (server, mailer) = with_account(Setup { login: login.clone(), encryption, ..Setup::default() });
            let sent = send(&mailer, &pending()).await;
            assert!(sent.is_ok(), "{login:?}: {sent:?}");
            assert_eq!(server.mails()[0].user.as_deref(), Some("shop@example.com"), "{login:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_told_with_the_reason_and_so_is_its_return() {
    let (log, _guard) = Log::begin();
    let server = Smtp::start();
    let mailer = mailer_for(&server);
    assert_eq!(mailer.is_usable(), None);
    server.set_fault(Fault::reply(SessionStep::Greeting, "421 4.3.2 too busy"), Times::All);
    for _ in 0..3 {
        assert_eq!(name(&send(&mailer, &pending()).await), "away");
    }
    assert_eq!(mailer.is_usable(), Some(false));
    assert_eq!(log.text().matches("WARN").count(), 1, "{}", log.text());
    assert!(log.text().contains("421 4.3.2 too busy"), "{}", log.text());
    // Another kind of trouble is news.
    server.set_fault(Fault::reply(SessionStep::Mail, "535 5.7.8 who?"), Times::All);
    assert_eq!(name(&send(&mailer, &pending()).await), "refused");
    assert_eq!(log.text().matches("WARN").count(), 2, "{}", log.text());
    server.heal();
    send(&mailer, &pending()).await.unwrap();
    assert_eq!(mailer.is_usable(), Some(true));
    assert!(log.text().contains("the mail server can be used again"), "{}", log.text());
    // What is wrong with a mail says nothing of the server.
    server.set_fault(Fault::reject(SessionStep::Rcpt), Times::All);
    assert!(send(&mailer, &pending()).await.is_err());
    assert_eq!(mailer.is_usable(), Some(true));
}

#[tokio::test]
async fn a_server_that_has_heard_enough_is_heard() {
    let server = Smtp::start();
    server.set_fault(Fault::bytes(SessionStep::Data, b"354 go ahead\r\n552 5.3.4 enough"), Times::All);
    let sent = send(&impatient_mailer(&server), &pending()).await;
    assert_eq!((name(&sent), server.mails().len()), ("permanent", 0), "{sent:?}");
}

#[tokio::test]
async fn what_comes_before_the_end_is_no_answer_to_it() {
    let server = Smtp::start();
    server.set_fault(Fault::bytes(SessionStep::Data, b"354 go ahead\r\n250 2.0.0 early\r\n"), Times::All);
    let sent = send(&impatient_mailer(&server), &pending()).await;
    assert_eq!((name(&sent), server.mails().len()), ("temporary", 0), "{sent:?}");
    // A connection that is seen to end there has taken nothing; its end may also be seen too late.
    server.set_fault(Fault::close_after(SessionStep::Data), Times::All);
    let sent = send(&impatient_mailer(&server), &pending()).await;
    assert!(matches!((name(&sent), server.mails().len()), ("temporary" | "unknown", 0)), "{sent:?}");
}

#[tokio::test]
async fn what_a_server_says_unasked_on_a_kept_connection_is_no_answer() {
    for unasked in
        [&b"250 2.0.0 taken\r\n250 2.0.0 well\r\n"[..], b"250 2.0.0 taken\r\n421 4.4.2 idle for too long\r\n"]
    {
        let server = Smtp::start();
        let mailer = mailer_for(&server);
        server.set_fault(Fault::bytes(SessionStep::Dot, unasked), Times::Next(1));
        send(&mailer, &numbered(1)).await.unwrap();
        send(&mailer, &numbered(2)).await.unwrap();
        assert_eq!((server.mails().len(), server.connections()), (2, 2));
    }
}

#[tokio::test]
async fn a_server_that_allows_fewer_connections_is_not_away() {
    let server = Smtp::start();
    server.set_most_connections(2);
    let mailer = mailer_for(&server);
    let mails: Vec<_> = (0..40).map(numbered).collect();
    let sent = futures_util::future::join_all(mails.iter().map(|mail| send(&mailer, mail))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(server.count_by_message_id().len(), 40);
    assert_eq!(mailer.is_usable(), Some(true));
}

#[tokio::test]
async fn what_is_repeated_of_a_password_is_not_told() {
    let (server, mailer) = with_account(Setup::default());
    for (answer, code) in [
        (r#"500 5.5.1 Command unrecognized: "AUTH PLAIN AHNob3BAZXhhbXBsZS5jb20Axb5sdcWlIHNlY3JldA==""#, "500"),
        ("535 5.7.8 Shop@Example.com: authentication failed", "535"),
        ("535 5.7.8 AHNob3BAZXhhbXBsZS5jb20Axb5sdcWlIHNlY3JldA== is nobody's", "535"),
    ] {
        server.set_fault(Fault::reply(SessionStep::Auth, answer), Times::All);
        let told = send(&mailer, &pending()).await.unwrap_err().to_string();
        assert!(told.contains(code) && !told.contains("AHNob3") && !told.to_lowercase().contains("shop@"), "{told}");
    }
}
