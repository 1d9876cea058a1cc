//! Valid messages, and the errors of invalid ones.

use crate::client::{LOGIN, frame};
use crate::shop::Shop;
use grpc::Options;
use grpc::proto::user::UserLoginRequest;
use prost::Message;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tonic_types::StatusExt;

const LIMIT: usize = 64 * 1024;

fn shop() -> Shop {
    Shop::open_with(Options { max_message: LIMIT, ..Options::default() })
}

/// A log-in whose message takes this many bytes.
fn login_of(bytes: usize) -> UserLoginRequest {
    let login = |length| UserLoginRequest { email: "ada@example.com".to_owned(), password: "x".repeat(length) };
    let overhead = login(bytes / 2).encoded_len() - bytes / 2;
    let message = login(bytes - overhead);
    assert_eq!(message.encoded_len(), bytes);
    message
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

pub(crate) fn assert_too_large(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(status), "body_too_large");
    assert!(status.metadata().contains_key("x-request-id"));
}

#[tokio::test]
async fn a_message_may_have_the_limit_and_no_byte_more_and_the_connection_lives() {
    let shop = shop();
    let mut commands = shop.commands().await;
    for _ in 0..3 {
        let read = commands.login_user(login_of(LIMIT)).await.unwrap_err();
        assert_eq!(read.code(), Code::Unauthenticated, "{read:?}");
        assert_too_large(&commands.login_user(login_of(LIMIT + 1)).await.unwrap_err());
    }
}

#[tokio::test]
async fn the_limit_counts_what_a_message_unpacks_to() {
    let shop = shop();
    let mut commands = shop.commands().await.send_compressed(CompressionEncoding::Gzip);
    let read = commands.login_user(login_of(LIMIT)).await.unwrap_err();
    assert_eq!(read.code(), Code::Unauthenticated, "{read:?}");
    // Some ten kilobytes on the wire.
    assert_too_large(&commands.login_user(login_of(10 * 1024 * 1024)).await.unwrap_err());
    let read = commands.login_user(login_of(100)).await.unwrap_err();
    assert_eq!(read.code(), Code::Unauthenticated, "the connection lives: {read:?}");
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_its_callers_mistake() {
    let shop = shop();
    let mut client = shop.raw().await;
    let message = UserLoginRequest::default().encode_to_vec();
    let whole = frame(0, &[0x0a, 0x01, b'a']);
    for (what, headers, body) in [
        ("a string that is not UTF-8", &[][..], frame(0, &[0x0a, 0x02, 0xff, 0xfe])),
        ("a field that ends too late", &[], frame(0, &[0x0a, 0x7f, b'a'])),
        ("a wire type that does not exist", &[], frame(0, &[0x0f])),
        ("groups without end", &[], frame(0, &[0x0b; 1024])),
        ("no message", &[], frame(0, &[]).slice(..0)),
        ("half a frame's head", &[], whole.slice(..3)),
        ("half a message", &[], whole.slice(..6)),
        ("an unknown flag", &[], frame(9, &message)),
        ("a compressed message of no known compression", &[], frame(1, &message)),
        ("what is not gzip", &[("grpc-encoding", "gzip")], frame(1, b"not gzip")),
    ] {
        let status = client.call(LOGIN, headers, body).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status:?}");
        assert_eq!(status.message(), "malformed request message", "{what}");
        assert_eq!(reason(&status), "malformed_body", "{what}");
    }
    let reports = shop.ports.reports.lock().unwrap();
    assert!(reports.iter().all(|report| !report.is_fault), "{reports:?}");
}

#[tokio::test]
async fn fields_that_nobody_knows_are_ignored() {
    let shop = shop();
    let status = shop.raw().await.call(LOGIN, &[], frame(0, &[0xa2, 0x06, 0x01, b'x'])).await;
    assert_eq!(reason(&status), "invalid_login");
}

#[tokio::test]
async fn what_is_not_served_is_unimplemented() {
    let shop = shop();
    let mut client = shop.raw().await;
    let message = frame(0, &[]);
    for (path, told) in [
        ("/", "unknown service "),
        ("/nonsense", "unknown service nonsense"),
        ("/user.UserQueryService/DeleteUser", "unknown method DeleteUser for service user.UserQueryService"),
        ("/user.Users/GetUserByID", "unknown service user.Users"),
    ] {
        let status = client.call(path, &[], message.clone()).await;
        assert_eq!((status.code(), status.message()), (Code::Unimplemented, told), "{path}: {status:?}");
        assert_eq!(reason(&status), "rpc_not_found", "{path}");
    }
    let status = client.call(LOGIN, &[("grpc-encoding", "br")], frame(1, &[])).await;
    assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
    assert!(status.message().contains("`br`"), "{status:?}");
}
