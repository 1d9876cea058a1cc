//! A gateway that keeps failing is left alone.

use crate::{invoice, opened, soon, start, start_impatient, told};
use app::clock::Deadline;
use app::payment::{Gateway, GatewayError, Subject};
use fake_servers::midtrans::Fault;
use midtrans::{BreakerState, Midtrans};
use std::time::Duration;

async fn look_in_vain(gateway: &Midtrans, times: usize, by: Duration) {
    for _ in 0..times {
        let error = gateway.fetch_status(&Subject::Order(invoice().order), Deadline::within(by)).await.unwrap_err();
        assert!(!matches!(error, GatewayError::CircuitOpen(_)), "{}", told(&error));
    }
}

#[tokio::test]
async fn after_ten_failures_nobody_is_asked_until_the_gateway_is_back() {
    let (server, gateway) = start();
    let (order, _) = opened(&gateway).await;
    server.break_down(Fault::Status(502));
    look_in_vain(&gateway, 9, Duration::from_secs(5)).await;
    assert_eq!(gateway.breaker(), BreakerState::Closed);
    look_in_vain(&gateway, 1, Duration::from_secs(5)).await;
    assert_eq!(gateway.breaker(), BreakerState::Open);
    let asked = server.requests().len();
    for _ in 0..3 {
        let error = gateway.create_page(&invoice(), soon()).await.unwrap_err();
        assert!(
            matches!(error, GatewayError::CircuitOpen(rest) if rest <= Duration::from_secs(10)),
            "{}",
            told(&error)
        );
    }
    assert_eq!(server.requests().len(), asked);

    server.heal();
    while gateway.breaker() == BreakerState::Open {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(gateway.breaker(), BreakerState::HalfOpen);
    assert_eq!(gateway.fetch_status(&Subject::Order(order), soon()).await.unwrap(), None);
    assert_eq!(gateway.breaker(), BreakerState::Closed);
    gateway.create_page(&invoice(), soon()).await.unwrap();
}

#[tokio::test]
async fn what_is_slow_or_nonsense_counts_as_failure() {
    for fault in [Fault::Junk, Fault::Redirect, Fault::CutOff, Fault::TooMany] {
        let (server, gateway) = start();
        server.break_down(fault);
        look_in_vain(&gateway, 10, Duration::from_secs(5)).await;
        assert_eq!(gateway.breaker(), BreakerState::Open, "{fault:?}");
    }
    let (server, gateway) = start_impatient();
    server.break_down(Fault::Hang);
    let order = Subject::Order(invoice().order);
    let calls: Vec<_> = (0..10).map(|_| gateway.fetch_status(&order, soon())).collect();
    for answered in futures_util::future::join_all(calls).await {
        assert!(matches!(answered, Err(GatewayError::Unknown(_))));
    }
    assert_eq!(gateway.breaker(), BreakerState::Open);
}

#[tokio::test]
async fn a_gateway_that_refuses_is_a_gateway_that_answers() {
    let (server, gateway) = start();
    server.break_down(Fault::Unauthorized);
    look_in_vain(&gateway, 12, Duration::from_secs(5)).await;
    assert_eq!(gateway.breaker(), BreakerState::Closed);
}

#[tokio::test]
async fn callers_in_a_hurry_do_not_shut_the_others_out() {
    let (server, gateway) = start();
    server.break_down(Fault::Hang);
    look_in_vain(&gateway, 12, Duration::from_millis(20)).await;
    assert_eq!(gateway.breaker(), BreakerState::Closed);
}
