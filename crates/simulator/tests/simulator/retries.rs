//! The repetition of notifications that the shop has not accepted (docs.midtrans.com, "HTTP(S) notification").

use crate::webhook::{Reply, Webhook};
use crate::{invoice, known, open, opened, options};

use simulator::{Action, Options, Simulator};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// A shop, and a simulator that notifies it with these pauses.
fn started(pauses: usize) -> (Webhook, Arc<Simulator>, JoinSet<()>) {
    let shop = Webhook::start();
    let pauses = vec![Duration::ZERO; pauses];
    let (simulator, _) = open(Options { webhook_url: shop.url(), pauses, ..options() });
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&simulator).run());
    (shop, simulator, tasks)
}

/// Pays for an order, and returns its id.
fn pay(simulator: &Simulator) -> String {
    let invoice = invoice();
    let page = opened(simulator, &invoice);
    simulator.act(&page.token, Action::Pay).unwrap();
    invoice.order.to_string()
}

/// The number of notifications of an order before that of an order that was paid later.
async fn tellings(shop: &mut Webhook, simulator: &Simulator, expected: usize) -> usize {
    let order = pay(simulator);
    let mut first = None;
    for _ in 0..expected {
        let told = shop.next().await;
        assert_eq!(told.text("order_id"), order);
        // The same in every word.
        assert_eq!(&told.body, first.get_or_insert_with(|| told.body.clone()));
    }
    let (next, mut more) = (pay(simulator), 0);
    while shop.next().await.text("order_id") != next {
        more += 1;
    }
    expected + more
}

#[tokio::test]
async fn the_answer_decides_how_often_the_shop_is_told_again() {
    for (reply, retries) in [
        (Reply::Status(200), 0),
        (Reply::Status(204), 0),
        (Reply::Status(500), 1),
        (Reply::Status(400), 2),
        (Reply::Status(404), 2),
        (Reply::Status(503), 4),
        (Reply::Status(401), 5),
        (Reply::Status(429), 5),
        (Reply::Status(502), 5),
        (Reply::HangUp, 5),
    ] {
        let (mut shop, simulator, _tasks) = started(9);
        shop.answer(vec![reply; retries + 1]);
        assert_eq!(tellings(&mut shop, &simulator, retries + 1).await, retries + 1, "{reply:?}");
    }
}

#[tokio::test]
async fn nobody_is_told_elsewhere() {
    for (status, retries) in [(301, 0), (302, 0), (303, 0), (307, 5), (308, 5)] {
        let (mut shop, simulator, _tasks) = started(9);
        shop.answer(vec![Reply::To(status, "/elsewhere"); retries + 1]);
        let order = pay(&simulator);
        for _ in 0..=retries {
            let told = shop.next().await;
            assert_eq!(
                (told.line.as_str(), told.text("order_id")),
                ("POST /hook HTTP/1.1", order.as_str()),
                "{status}"
            );
        }
        let next = pay(&simulator);
        let told = shop.next().await;
        assert_eq!((told.line.as_str(), told.text("order_id")), ("POST /hook HTTP/1.1", next.as_str()), "{status}");
    }
}

#[tokio::test]
async fn the_shop_is_told_until_it_takes_it() {
    let (mut shop, simulator, _tasks) = started(9);
    shop.answer([Reply::Status(503), Reply::HangUp, Reply::Status(401)]);
    assert_eq!(tellings(&mut shop, &simulator, 4).await, 4);
}

#[tokio::test]
async fn the_latest_answer_counts_together_with_how_often_it_was_told() {
    let (mut shop, simulator, _tasks) = started(9);
    // 503 would be told four times again; after two, 500 ends it.
    shop.answer([Reply::Status(503), Reply::Status(503), Reply::Status(500)]);
    assert_eq!(tellings(&mut shop, &simulator, 3).await, 3);
}

#[tokio::test]
async fn there_are_no_more_retries_than_pauses() {
    let (mut shop, simulator, _tasks) = started(2);
    shop.answer([Reply::Status(503); 3]);
    assert_eq!(tellings(&mut shop, &simulator, 3).await, 3);
}

#[tokio::test]
async fn a_shop_that_is_away_holds_nobody_up() {
    // Nobody listens, and nobody sends.
    let (simulator, _) = open(options());
    let invoice = invoice();
    let page = opened(&simulator, &invoice);
    simulator.act(&page.token, Action::Pay).unwrap();
    assert!(known(&simulator, invoice.order).is_some());
    // One that nobody takes does not keep back those after it.
    let (mut shop, simulator, _tasks) = started(0);
    shop.answer([Reply::HangUp]);
    let (lost, next) = (pay(&simulator), pay(&simulator));
    let told = [shop.next().await, shop.next().await].map(|told| told.text("order_id").to_owned());
    assert!(told.contains(&lost) && told.contains(&next), "{told:?}");
}

#[test]
fn people_do_not_wait_for_hours_as_they_would_for_the_gateway() {
    let pauses = Options::default().pauses;
    assert!(pauses.len() >= 5, "as often as the gateway");
    assert!(pauses.iter().sum::<Duration>() <= Duration::from_secs(120), "{pauses:?}");
}
