//! A payment's changes, as they happen.

use crate::client::{eventually, frame};
use crate::errors::assert_error;
use crate::goods::with_token;
use crate::payments::{payment, queries};
use crate::shop::{PATIENCE, Shop};
use app::clock::{Clock, SystemClock};
use domain::error::ErrorCode;
use domain::payment::TransactionStatus;
use grpc::Options;
use grpc::proto::payment::{PaymentChange, WatchPaymentRequest};
use prost::Message;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use test_doubles::{StorageBehavior, TOKEN};
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt;

fn request(id: &str, after: u32) -> Request<WatchPaymentRequest> {
    with_token(TOKEN, WatchPaymentRequest { id: id.to_owned(), after })
}

async fn watch(shop: &Shop, id: &str, after: u32) -> Streaming<PaymentChange> {
    queries(shop).await.watch_payment(request(id, after)).await.unwrap().into_inner()
}

/// A watch that has seen all there is to see: storage has been asked for the payment and for what has happened to it.
async fn watch_and_wait(shop: &Shop, id: &str, after: u32) -> Streaming<PaymentChange> {
    let asked = shop.ports.asked.load(Ordering::SeqCst);
    let changes = watch(shop, id, after).await;
    shop.asked(asked + 2).await;
    changes
}

async fn maybe_next(changes: &mut Streaming<PaymentChange>) -> Result<Option<PaymentChange>, Status> {
    tokio::time::timeout(PATIENCE, changes.message()).await.unwrap()
}

async fn next(changes: &mut Streaming<PaymentChange>) -> PaymentChange {
    maybe_next(changes).await.unwrap().unwrap_or_else(|| panic!("the stream has ended"))
}

/// Checks what the error that ends a stream carries; the call's identifier came with the head.
#[track_caller]
fn assert_ends_with(status: &Status, code: ErrorCode) {
    let details = status.get_error_details();
    assert_eq!((status.code(), details.error_info().unwrap().reason.as_str()), (grpc::code(code), code.as_str()));
    assert!(!details.request_info().unwrap().request_id.is_empty());
}

fn settles(shop: &Shop, id: &str, status: TransactionStatus) {
    shop.ports.payments.set_status(id, status, SystemClock.now());
}

#[tokio::test]
async fn who_watches_sees_how_it_stands_and_then_each_change() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    let mut changes = watch(&shop, &id, 0).await;
    let begin = next(&mut changes).await;
    let expected =
        PaymentChange { id: id.clone(), number: 2, status: "pending".to_owned(), needs_attention: false, at: begin.at };
    assert!(begin == expected && begin.at.is_some(), "{begin:?}");
    settles(&shop, &id, TransactionStatus::Expire);
    assert_eq!(next(&mut changes).await.status, "expire");
    settles(&shop, &id, TransactionStatus::Settlement);
    for needs_attention in [false, true] {
        let change = next(&mut changes).await;
        assert_eq!((change.status.as_str(), change.needs_attention), ("success", needs_attention));
    }
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_sees_nothing_twice() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    let known = next(&mut watch(&shop, &id, 0).await).await.number;
    settles(&shop, &id, TransactionStatus::Deny);
    settles(&shop, &id, TransactionStatus::Refund);
    let mut changes = watch(&shop, &id, known).await;
    let (first, second) = (next(&mut changes).await, next(&mut changes).await);
    assert_eq!((first.status.as_str(), second.status.as_str()), ("deny", "refund"));
    assert!(known < first.number && first.number < second.number);
    let mut up_to_date = watch(&shop, &id, second.number).await;
    settles(&shop, &id, TransactionStatus::Chargeback);
    assert_eq!(next(&mut up_to_date).await.status, "chargeback");
}

#[tokio::test]
async fn the_servers_deadline_covers_the_opening_alone() {
    let deadline = Duration::from_millis(300);
    let shop = Shop::open_with(Options { deadline, ..Options::default() });
    let id = payment(&shop).await.id;
    let mut changes = watch(&shop, &id, 0).await;
    next(&mut changes).await;
    tokio::time::sleep(deadline * 3).await;
    settles(&shop, &id, TransactionStatus::Settlement);
    assert_eq!(next(&mut changes).await.status, "success");
    shop.set_storage_behavior(StorageBehavior::Hang);
    let late = queries(&shop).await.watch_payment(request(&id, 0)).await.unwrap_err();
    assert_error(&late, ErrorCode::DeadlineExceeded);
}

#[tokio::test]
async fn the_callers_deadline_covers_all_of_it() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    let mut client = shop.raw().await;
    let message = WatchPaymentRequest { id, after: 0 }.encode_to_vec();
    let headers = [("authorization", TOKEN), ("grpc-timeout", "500m")];
    let asked = Instant::now();
    let status = client.call("/payment.PaymentQueryService/WatchPayment", &headers, frame(0, &message)).await;
    assert_ends_with(&status, ErrorCode::DeadlineExceeded);
    assert!(asked.elapsed() >= Duration::from_millis(400), "it was not opened: {:?}", asked.elapsed());
    eventually(|| shop.ports.payments.notifier.receiver_count() == 0).await;
}

#[tokio::test]
async fn the_end_of_the_server_is_told_to_those_who_watch() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    let mut changes = watch(&shop, &id, 0).await;
    next(&mut changes).await;
    let stopped = Instant::now();
    shop.stop.cancel();
    assert_ends_with(&maybe_next(&mut changes).await.unwrap_err(), ErrorCode::Unavailable);
    drop(changes);
    shop.ended().await.unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
}

#[tokio::test]
async fn a_watch_of_a_client_that_has_gone_is_given_up() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    let mut changes = watch(&shop, &id, 0).await;
    next(&mut changes).await;
    assert_eq!(shop.ports.payments.notifier.receiver_count(), 1);
    drop(changes);
    eventually(|| shop.ports.payments.notifier.receiver_count() == 0).await;
}

#[tokio::test]
async fn a_storage_that_fails_ends_a_watch_and_what_was_missed_comes_with_the_next() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    let known = next(&mut watch(&shop, &id, 0).await).await.number;
    for code in [ErrorCode::Unavailable, ErrorCode::Overloaded, ErrorCode::Internal] {
        let mut changes = watch_and_wait(&shop, &id, known).await;
        shop.set_storage_behavior(StorageBehavior::Fail(code));
        shop.ports.payments.notifier.send_replace(());
        assert_ends_with(&maybe_next(&mut changes).await.unwrap_err(), code);
        assert!(maybe_next(&mut changes).await.unwrap().is_none(), "an error is the last");
        shop.set_storage_behavior(StorageBehavior::Answer);
    }
    settles(&shop, &id, TransactionStatus::Settlement);
    assert_eq!(next(&mut watch(&shop, &id, known).await).await.status, "success");
}

#[tokio::test]
async fn a_panic_ends_the_watch_and_the_connection_lives() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    let mut queries = queries(&shop).await;
    let asked = shop.ports.asked.load(Ordering::SeqCst);
    let mut changes = queries.watch_payment(request(&id, 1)).await.unwrap().into_inner();
    next(&mut changes).await;
    shop.asked(asked + 2).await;
    shop.set_storage_behavior(StorageBehavior::Panic);
    shop.ports.payments.notifier.send_replace(());
    assert_ends_with(&maybe_next(&mut changes).await.unwrap_err(), ErrorCode::Internal);
    assert_eq!(shop.ports.panics.load(Ordering::SeqCst), 1);
    shop.set_storage_behavior(StorageBehavior::Answer);
    let mut again = queries.watch_payment(request(&id, 0)).await.unwrap().into_inner();
    next(&mut again).await;
}

#[tokio::test]
async fn one_too_many_is_told_when_to_come_back() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    *shop.ports.payments.max_subscriptions.lock().unwrap() = 1;
    let _first = watch(&shop, &id, 0).await;
    let second = queries(&shop).await.watch_payment(request(&id, 0)).await.unwrap_err();
    assert_error(&second, ErrorCode::Overloaded);
    let details = second.get_error_details();
    assert_eq!((second.code(), details.retry_info().is_some()), (Code::ResourceExhausted, true));
}
