//! A gateway that is away, slow or broken: every call ends, and tells whether anything may have been done.

use crate::{KEY, invoice, opened, options, soon, start, start_impatient, told};
use app::payment::{Gateway, GatewayError, Subject};
use domain::payment::PaymentPage;
use fake_servers::midtrans::{Endpoint, Fault, Midtrans as Server, Times};
use fake_servers::smtp::{Encryption, Setup, Smtp};
use midtrans::{Midtrans, Options};
use std::time::Duration;

/// How a call is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Refused,
    Failed,
    Unknown,
}

fn end(error: &GatewayError) -> Option<End> {
    let told = told(error);
    match error {
        GatewayError::Refused(_) => Some(End::Refused),
        GatewayError::Failed(_) => Some(End::Failed),
        GatewayError::Unknown(_) => Some(End::Unknown),
        GatewayError::CircuitOpen(_) | GatewayError::Taken => panic!("{told}"),
    }
}

/// How each fault of Midtrans ends a call.
const FAULTS: [(Fault, End); 13] = [
    (Fault::Status(500), End::Failed),
    (Fault::Status(502), End::Failed),
    (Fault::Failed, End::Failed),
    (Fault::TooMany, End::Failed),
    (Fault::Unauthorized, End::Refused),
    (Fault::Status(403), End::Refused),
    (Fault::Redirect, End::Unknown),
    (Fault::Hang, End::Unknown),
    (Fault::HangUp, End::Unknown),
    (Fault::Junk, End::Unknown),
    (Fault::Huge, End::Unknown),
    (Fault::Drip, End::Unknown),
    (Fault::CutOff, End::Unknown),
];

#[tokio::test]
async fn an_order_that_is_not_known_to_have_failed_is_told_as_unknown() {
    for (fault, expected) in FAULTS {
        let (server, gateway) = start_impatient();
        server.break_down(fault);
        let error = gateway.create_page(&invoice(), soon()).await.unwrap_err();
        assert_eq!(end(&error), Some(expected), "{fault:?}: {}", told(&error));
        let paths: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
        assert!(paths.iter().all(|path| path == "/snap/v1/transactions"), "{fault:?}: {paths:?}");
        server.heal();
        gateway.create_page(&invoice(), soon()).await.unwrap();
    }
}

#[tokio::test]
async fn looking_and_closing_end_whatever_happens() {
    for (fault, expected) in FAULTS {
        let (server, gateway) = start_impatient();
        let (order, id) = opened(&gateway).await;
        let page = PaymentPage { token: server.token(&id).unwrap(), url: String::new() };
        server.break_down(fault);
        let error = gateway.close_page(&page, soon()).await.unwrap_err();
        assert_eq!(end(&error), Some(expected), "{fault:?}: {}", told(&error));
        server.choose(&id, "gopay");
        let error = gateway.fetch_status(&Subject::Order(order), soon()).await.unwrap_err();
        assert_eq!(end(&error), Some(expected), "{fault:?}: {}", told(&error));
        // Neither is sent again, but for a connection that broke.
        let expected = if fault == Fault::HangUp { 5 } else { 3 };
        assert_eq!(server.requests().len(), expected, "{fault:?}");
        server.heal();
        assert!(gateway.fetch_status(&Subject::Order(order), soon()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_page_that_says_404_for_people_does_not_say_that_an_order_is_unknown() {
    let (server, gateway) = start();
    server.break_down(Fault::Status(404));
    let error = gateway.fetch_status(&Subject::Order(invoice().order), soon()).await.unwrap_err();
    assert_eq!(end(&error), Some(End::Unknown), "{}", told(&error));
}

#[tokio::test]
async fn a_gateway_that_is_away_has_done_nothing() {
    let (mut server, gateway) = start_impatient();
    server.stop();
    let error = gateway.create_page(&invoice(), soon()).await.unwrap_err();
    assert_eq!(end(&error), Some(End::Failed), "{}", told(&error));
    let error = gateway.fetch_status(&Subject::Order(invoice().order), soon()).await.unwrap_err();
    assert_eq!(end(&error), Some(End::Failed), "{}", told(&error));
    server.start_again();
    gateway.create_page(&invoice(), soon()).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_nobodys_failure() {
    let (mut server, gateway) = start();
    let invoice = invoice();
    let mut restart = || {
        server.stop();
        server.start_again();
    };
    gateway.create_page(&invoice, soon()).await.unwrap();
    restart();
    let page = gateway.create_page(&invoice, soon()).await.unwrap();
    restart();
    assert_eq!(gateway.fetch_status(&Subject::Order(invoice.order), soon()).await.unwrap(), None);
    restart();
    gateway.close_page(&page, soon()).await.unwrap();
}

#[tokio::test]
async fn who_cannot_show_that_he_is_midtrans_is_told_nothing() {
    // Neither speaks HTTP, which nobody finds out: one has no TLS, and the other's certificate is by nobody that is known.
    let plain = Server::start(KEY);
    let strange = Smtp::with(Setup { encryption: Encryption::Implicit, ..Setup::default() });
    for port in [plain.url().rsplit(':').next().unwrap().to_owned(), strange.port().to_string()] {
        let options = Options { timeout: Duration::from_secs(2), ..options(&format!("https://localhost:{port}")) };
        let gateway = Midtrans::new(options).unwrap();
        let error = gateway.create_page(&invoice(), soon()).await.unwrap_err();
        assert_eq!(end(&error), Some(End::Failed), "{}", told(&error));
    }
    assert!(plain.requests().is_empty() && strange.lines().is_empty());
}

#[tokio::test]
async fn a_page_is_asked_for_three_times_and_no_more() {
    let (server, gateway) = start();
    server.break_down(Fault::Status(503));
    let error = gateway.create_page(&invoice(), soon()).await.unwrap_err();
    assert_eq!(end(&error), Some(End::Failed), "{}", told(&error));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_gateway_that_fails_once_or_twice_is_asked_again() {
    for (fault, times) in [(Fault::Status(500), 2), (Fault::Failed, 1), (Fault::TooMany, 1)] {
        let (server, gateway) = start();
        server.set_fault(Endpoint::Create, fault, Times::Next(times));
        gateway.create_page(&invoice(), soon()).await.unwrap();
        assert_eq!(server.requests().len(), usize::try_from(times).unwrap() + 1);
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_leaves_time_for_another() {
    let (server, _) = start();
    let options = Options { timeout: Duration::from_secs(4), ..options(&server.url()) };
    let gateway = Midtrans::new(options).unwrap();
    let invoice = invoice();
    server.set_fault(Endpoint::Create, Fault::Hang, Times::Next(1));
    let page = gateway.create_page(&invoice, soon()).await.unwrap();
    // The page of which nobody heard is gone.
    assert_eq!(server.token(&invoice.order.to_string()), Some(page.token));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn who_may_have_made_a_page_before_he_failed_is_not_said_to_have_failed() {
    let (server, _) = start();
    let options = Options { timeout: Duration::from_secs(3), ..options(&server.url()) };
    let gateway = Midtrans::new(options).unwrap();
    server.set_fault(Endpoint::Create, Fault::Hang, Times::Next(1));
    let invoice = invoice();
    let failing = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.set_fault(Endpoint::Create, Fault::Failed, Times::All);
    };
    let (opened, ()) = tokio::join!(gateway.create_page(&invoice, soon()), failing);
    let error = opened.unwrap_err();
    assert_eq!(end(&error), Some(End::Unknown), "{}", told(&error));
    assert_eq!(server.requests().len(), 2);
}
