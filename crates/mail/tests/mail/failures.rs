//! Mails that do not arrive, or whose outcome is unknown.

use super::*;
use fake_servers::smtp::{Fault, SessionStep, Times};

/// What the mailer says when the server fails in this way, and whether the server has kept the mail.
async fn outcome(fault: Fault) -> (&'static str, usize) {
    let server = Smtp::start();
    server.set_fault(fault, Times::All);
    let sent = send(&impatient_mailer(&server), &pending()).await;
    (name(&sent), server.mails().len())
}

pub(super) fn name(sent: &Result<(), MailError>) -> &'static str {
    match sent {
        Ok(()) => "sent",
        Err(MailError::Away(_)) => "away",
        Err(MailError::Refused(_)) => "refused",
        Err(MailError::Blocked(_)) => "blocked",
        Err(MailError::Temporary(_)) => "temporary",
        Err(MailError::Unsupported(_)) => "unsupported",
        Err(MailError::Permanent(_)) => "permanent",
        Err(MailError::Unknown(_)) => "unknown",
        Err(MailError::Unclear(_)) => "unclear",
    }
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_away() {
    for fault in [
        Fault::refuse(),
        Fault::busy(),
        Fault::reply(SessionStep::Greeting, "HTTP/1.1 400 Bad Request"),
        Fault::hang(SessionStep::Greeting),
        Fault::slow(),
        Fault::close(SessionStep::Ehlo),
        Fault::defer(SessionStep::Ehlo),
    ] {
        assert_eq!(outcome(fault.clone()).await, ("away", 0), "{fault:?}");
    }
}

#[tokio::test]
async fn a_server_that_wants_none_of_us_refuses_no_mail() {
    for fault in [
        Fault::reply(SessionStep::Greeting, "554 5.3.2 no"),
        Fault::reply(SessionStep::Mail, "530 5.7.0 Authentication required"),
        Fault::reply(SessionStep::Mail, "550 5.7.1 this address may not send"),
    ] {
        assert_eq!(outcome(fault.clone()).await, ("refused", 0), "{fault:?}");
    }
    for (moment, answer) in [
        (SessionStep::Rcpt, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example"),
        (SessionStep::Rcpt, "530 5.7.1 Client was not authenticated to send to this group"),
        (SessionStep::Data, "550 5.4.5 Daily user sending limit exceeded"),
        (SessionStep::Dot, "554 5.7.1 blocked"),
    ] {
        assert_eq!(outcome(Fault::reply(moment, answer)).await, ("blocked", 0), "{answer}");
    }
}

#[tokio::test]
async fn what_is_put_off_is_temporary() {
    for moment in [SessionStep::Rcpt, SessionStep::Data, SessionStep::Dot] {
        assert_eq!(outcome(Fault::defer(moment)).await, ("temporary", 0), "{moment:?}");
        assert_eq!(outcome(Fault::reply(moment, "421 4.3.2 too busy")).await, ("temporary", 0), "{moment:?}");
    }
    // What has nothing to do with the mail yet is not held against it.
    assert_eq!(outcome(Fault::defer(SessionStep::Mail)).await, ("away", 0));
}

#[tokio::test]
async fn what_is_refused_is_permanent() {
    for moment in [SessionStep::Rcpt, SessionStep::Data, SessionStep::Dot] {
        assert_eq!(outcome(Fault::reject(moment)).await, ("permanent", 0), "{moment:?}");
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_mail_is_shown_is_temporary() {
    for moment in [SessionStep::Mail, SessionStep::Rcpt, SessionStep::Data] {
        assert_eq!(outcome(Fault::close(moment)).await, ("temporary", 0), "{moment:?}");
        assert_eq!(outcome(Fault::hang(moment)).await, ("temporary", 0), "{moment:?}");
    }
    assert_eq!(outcome(Fault::reply(SessionStep::Data, "250 2.0.0 why not")).await, ("temporary", 0));
}

#[tokio::test]
async fn of_a_mail_that_may_have_been_taken_nobody_says_that_it_was_not() {
    assert_eq!(outcome(Fault::close(SessionStep::Dot)).await, ("unknown", 1));
    assert_eq!(outcome(Fault::hang(SessionStep::Dot)).await, ("unknown", 1));
    // It was not taken here, which nobody can tell who only sees the connection go.
    assert_eq!(outcome(Fault::close(SessionStep::Text)).await, ("unknown", 0));
    assert_eq!(outcome(Fault::hang(SessionStep::Text)).await, ("unknown", 0));
}

#[tokio::test]
async fn an_answer_that_says_nothing_is_no_reason_to_send_a_mail_again() {
    assert_eq!(outcome(Fault::reply(SessionStep::Dot, "2")).await, ("unclear", 1));
    for answer in ["nonsense", "354 go on", "999 well", "199 wait"] {
        assert_eq!(outcome(Fault::reply(SessionStep::Dot, answer)).await.0, "unclear", "{answer:?}");
    }
}

#[tokio::test]
async fn a_mail_whose_answer_came_is_sent_whatever_happens_then() {
    assert_eq!(outcome(Fault::close_after(SessionStep::Dot)).await, ("sent", 1));
}

#[tokio::test]
async fn a_server_that_is_down_is_away_and_back_when_it_is_back() {
    let mut server = Smtp::start();
    let mailer = mailer_for(&server);
    send(&mailer, &numbered(1)).await.unwrap();
    server.stop();
    assert_eq!(name(&send(&mailer, &numbered(2)).await), "away");
    server.start_again();
    send(&mailer, &numbered(2)).await.unwrap();
    assert_eq!(server.count_by_message_id().len(), 2);
    assert!(server.count_by_message_id().values().all(|count| *count == 1));
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_replaced_without_a_failure() {
    let mut server = Smtp::start();
    let mailer = mailer_for(&server);
    for number in 0..5 {
        send(&mailer, &numbered(number)).await.unwrap();
        server.stop();
        server.start_again();
    }
    assert_eq!((server.mails().len(), server.connections()), (5, 5));
}

#[tokio::test]
async fn a_kept_connection_that_does_not_answer_is_replaced() {
    let server = Smtp::start();
    let mailer = mailer_for(&server);
    send(&mailer, &numbered(1)).await.unwrap();
    server.set_fault(Fault::hang(SessionStep::Noop), Times::All);
    send(&mailer, &numbered(2)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn a_connection_that_was_given_up_in_the_middle_is_not_used_again() {
    for moment in [SessionStep::Mail, SessionStep::Rcpt, SessionStep::Data, SessionStep::Text, SessionStep::Dot] {
        let server = Smtp::start();
        let mailer = impatient_mailer(&server);
        send(&mailer, &numbered(1)).await.unwrap();
        server.set_fault(Fault::hang(moment), Times::Next(1));
        assert!(send(&mailer, &numbered(2)).await.is_err(), "{moment:?}");
        send(&mailer, &numbered(3)).await.unwrap();
        assert_eq!(server.connections(), 2, "{moment:?}");
        assert_eq!(server.count_by_message_id()["letter-3@mail.example.com"], 1, "{moment:?}");
    }
}

#[tokio::test]
async fn a_mail_whose_sending_is_called_off_leaves_no_connection_behind() {
    let server = Smtp::start();
    let mailer = mailer_for(&server);
    server.set_fault(Fault::hang(SessionStep::Dot), Times::Next(1));
    let (first, moment) = (numbered(1), Duration::from_millis(300));
    assert!(tokio::time::timeout(moment, send(&mailer, &first)).await.is_err());
    send(&mailer, &numbered(2)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn one_mail_that_is_refused_harms_no_other() {
    let server = Smtp::start();
    let mailer = mailer_for(&server);
    for number in 0..6 {
        server.set_fault(Fault::reject(SessionStep::Rcpt), Times::Next(1));
        assert_eq!(name(&send(&mailer, &numbered(number)).await), "permanent");
        send(&mailer, &numbered(100 + number)).await.unwrap();
    }
    assert_eq!(server.mails().len(), 6);
}
