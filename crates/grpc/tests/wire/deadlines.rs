//! The deadlines of calls.

use crate::client::{LOGIN, eventually, frame};
use crate::shop::{Shop, register_request};
use grpc::Options;
use prost::Message;
use std::time::{Duration, Instant};
use test_doubles::StorageBehavior;
use tonic::Code;
use tonic_types::StatusExt;

#[tokio::test]
async fn a_passed_deadline_is_told_as_such_every_time() {
    let shop = Shop::open();
    shop.set_storage_behavior(StorageBehavior::Delay(Duration::from_secs(2)));
    let mut client = shop.raw().await;
    for _ in 0..40 {
        let asked = Instant::now();
        let status = client.profile("50m").await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        assert_eq!(status.get_error_details().error_info().unwrap().reason, "deadline_exceeded");
        assert!(asked.elapsed() < Duration::from_secs(1), "the work was waited for");
    }
}

#[tokio::test]
async fn the_servers_own_deadline_holds_where_the_callers_is_later_or_unreadable() {
    let shop = Shop::open_with(Options { deadline: Duration::from_millis(50), ..Options::default() });
    shop.set_storage_behavior(StorageBehavior::Hang);
    let mut client = shop.raw().await;
    for timeout in ["1H", "nonsense", ""] {
        let status = client.profile(timeout).await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{timeout:?}: {status:?}");
    }
}

#[tokio::test]
async fn a_deadline_that_cannot_be_read_is_ignored() {
    let shop = Shop::open();
    let mut client = shop.raw().await;
    for timeout in ["nonsense", "5", "-1S", "123456789S", "1 S", "S"] {
        let status = client.profile(timeout).await;
        assert_eq!(status.code(), Code::Ok, "{timeout:?}: {status:?}");
    }
}

#[tokio::test]
async fn a_message_that_does_not_end_is_not_waited_for() {
    let shop = Shop::open();
    let mut client = shop.raw().await;
    let (answer, mut stream) = client.open(LOGIN, &[("grpc-timeout", "50m")]).await.unwrap();
    stream.send_data(frame(0, &[0; 64]).slice(..20), false).unwrap();
    let head = answer.await.unwrap();
    assert_eq!(head.headers()["grpc-status"], "4");
}

#[tokio::test]
async fn a_command_goes_on_when_its_caller_has_gone() {
    let shop = Shop::open();
    shop.set_storage_behavior(StorageBehavior::Delay(Duration::from_millis(300)));
    let mut client = shop.raw().await;
    let message = frame(0, &register_request().encode_to_vec());
    let path = "/user.UserCommandService/RegisterUser";
    let status = client.call(path, &[("grpc-timeout", "100m")], message).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert!(shop.ports.added.lock().unwrap().is_empty(), "the answer came after the work");
    eventually(|| shop.ports.added.lock().unwrap().len() == 1).await;
}
