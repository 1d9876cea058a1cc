//! Pages that are closed.

use crate::{invoice, soon, start, told};
use app::payment::{Gateway, GatewayError};
use domain::payment::PaymentPage;

#[tokio::test]
async fn a_page_that_nobody_uses_is_closed_and_closing_it_again_is_no_mistake() {
    let (server, gateway) = start();
    let invoice = invoice();
    let page = gateway.create_page(&invoice, soon()).await.unwrap();
    gateway.close_page(&page, soon()).await.unwrap();
    assert_eq!(server.token(&invoice.order.to_string()), None);
    gateway.close_page(&page, soon()).await.unwrap();
}

#[tokio::test]
async fn a_page_on_which_somebody_has_begun_to_pay_stays_open() {
    let (server, gateway) = start();
    let invoice = invoice();
    let page = gateway.create_page(&invoice, soon()).await.unwrap();
    server.choose(&invoice.order.to_string(), "gopay");
    let error = gateway.close_page(&page, soon()).await.unwrap_err();
    assert!(matches!(error, GatewayError::Taken), "{}", told(&error));
    assert_eq!(server.token(&invoice.order.to_string()), Some(page.token));
}

#[tokio::test]
async fn a_page_that_is_not_there_cannot_be_closed() {
    let (server, gateway) = start();
    for token in ["no-such-token", "../../../v2/charge", ".."] {
        let page = PaymentPage { token: token.to_owned(), url: String::new() };
        let error = gateway.close_page(&page, soon()).await.unwrap_err();
        assert!(matches!(error, GatewayError::Refused(_)), "{token}: {}", told(&error));
    }
    assert!(
        server.requests().iter().all(|request| request.path.starts_with("/snap/v1/transactions/")),
        "{:?}",
        server.requests()
    );
}
