//! The status and details of each error.

use crate::shop::{Shop, profile_request, register_request};
use domain::error::ErrorCode;
use grpc::proto::user::{GetUserByIdRequest, UserLoginRequest, UserRegisterRequest};
use std::sync::atomic::Ordering;
use test_doubles::{PANIC_TOKEN, RETRY_AFTER, SECRET, StorageBehavior, TOKEN};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Checks the details of every error.
pub(crate) fn assert_error(status: &Status, code: ErrorCode) {
    assert_eq!(status.code(), grpc::code(code), "{status:?}");
    assert_ne!(status.code(), Code::Unknown);
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), (code.as_str(), "gocommerce"));
    let id = status.metadata().get("x-request-id").unwrap().to_str().unwrap();
    assert_eq!(details.request_info().unwrap().request_id, id);
    assert!(!format!("{status:?}{}", String::from_utf8_lossy(status.details())).contains(SECRET));
}

#[test]
fn every_code_has_the_status_that_clients_know_it_by() {
    let table: Vec<_> = ErrorCode::ALL.iter().map(|code| (code.as_str(), format!("{:?}", grpc::code(*code)))).collect();
    let table: Vec<_> = table.iter().map(|(code, status)| (*code, status.as_str())).collect();
    let contract = [
        ("invalid_request", "InvalidArgument"),
        ("invalid_login", "InvalidArgument"),
        ("email_taken", "AlreadyExists"),
        ("login_failed", "Unauthenticated"),
        ("token_missing", "Unauthenticated"),
        ("token_invalid", "Unauthenticated"),
        ("role_not_allowed", "PermissionDenied"),
        ("forbidden", "PermissionDenied"),
        ("user_not_found", "NotFound"),
        ("product_not_found", "NotFound"),
        ("product_changed", "Aborted"),
        ("image_store_failed", "Unavailable"),
        ("ordered_product_not_found", "NotFound"),
        ("insufficient_stock", "FailedPrecondition"),
        ("payment_not_found", "NotFound"),
        ("gateway_failed", "Unavailable"),
        ("idempotency_key_reused", "InvalidArgument"),
        ("idempotency_key_in_use", "Aborted"),
        ("signature_invalid", "Unauthenticated"),
        ("notified_order_not_found", "NotFound"),
        ("rate_limited", "ResourceExhausted"),
        ("login_throttled", "ResourceExhausted"),
        ("overloaded", "ResourceExhausted"),
        ("unavailable", "Unavailable"),
        ("deadline_exceeded", "DeadlineExceeded"),
        ("internal", "Internal"),
    ];
    assert_eq!(table, contract);
}

#[tokio::test]
async fn every_error_comes_with_its_status_and_details() {
    let shop = Shop::open();
    for &code in ErrorCode::ALL {
        shop.set_storage_behavior(StorageBehavior::Fail(code));
        let status = shop.profile().await.unwrap_err();
        assert_error(&status, code);
        let message = if code == ErrorCode::TokenInvalid { "invalid token" } else { code.message() };
        assert_eq!(status.message(), message);
        let can_wait = matches!(
            code,
            ErrorCode::RateLimited | ErrorCode::LoginThrottled | ErrorCode::Overloaded | ErrorCode::Unavailable
        );
        let details = status.get_error_details();
        let delay = details.retry_info().and_then(|info| info.retry_delay);
        assert_eq!(delay, can_wait.then_some(RETRY_AFTER), "{code}");
    }
}

#[tokio::test]
async fn every_wrong_field_is_named_in_the_order_of_the_message() {
    let shop = Shop::open();
    let wrong = UserRegisterRequest {
        email: "nonsense".to_owned(),
        role: "king".to_owned(),
        password: "short".to_owned(),
        ..UserRegisterRequest::default()
    };
    let status = shop.commands().await.register_user(wrong).await.unwrap_err();
    assert_error(&status, ErrorCode::InvalidRequest);
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let named: Vec<_> = violations.iter().map(|wrong| (wrong.field.as_str(), wrong.reason.as_str())).collect();
    let expected = [
        ("name", "empty"),
        ("email", "invalid_email"),
        ("role", "unknown_role"),
        ("password", "too_short"),
        ("confirm_password", "empty"),
    ];
    assert_eq!(named, expected);
    assert_eq!(violations[4].description, "confirm_password is empty");
    assert_eq!(status.message(), violations[0].description);

    let status = shop.commands().await.login_user(UserLoginRequest::default()).await.unwrap_err();
    assert_error(&status, ErrorCode::InvalidLogin);
}

#[tokio::test]
async fn a_taken_email_and_a_failed_login_are_told_as_such() {
    let shop = Shop::open();
    let mut commands = shop.commands().await;
    let unconfirmed = UserRegisterRequest { confirm_password: "another".to_owned(), ..register_request() };
    assert_error(&commands.register_user(unconfirmed).await.unwrap_err(), ErrorCode::EmailTaken);
    let login = UserLoginRequest { email: "ada@example.com".to_owned(), password: "password123".to_owned() };
    assert_error(&commands.login_user(login).await.unwrap_err(), ErrorCode::LoginFailed);
}

#[tokio::test]
async fn a_call_without_a_good_token_is_not_let_in() {
    let shop = Shop::open();
    let mut queries = shop.queries().await;
    let missing = queries.get_user_by_id(GetUserByIdRequest::default()).await.unwrap_err();
    assert_error(&missing, ErrorCode::TokenMissing);
    assert_eq!(missing.message(), "missing authorization token");

    let invalid = queries.get_user_by_id(profile_request("forged")).await.unwrap_err();
    assert_error(&invalid, ErrorCode::TokenInvalid);
    assert_eq!(invalid.message(), "invalid token");

    let mut anothers = profile_request(TOKEN);
    anothers.get_mut().id = "0198c5f0-0000-7000-8000-000000000002".to_owned();
    assert_error(&queries.get_user_by_id(anothers).await.unwrap_err(), ErrorCode::Forbidden);
    assert_eq!(shop.ports.asked.load(Ordering::SeqCst), 0, "the storage was asked");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_connection_lives() {
    let shop = Shop::open();
    let mut queries = shop.queries().await;
    shop.set_storage_behavior(StorageBehavior::Panic);
    let status = queries.get_user_by_id(profile_request(TOKEN)).await.unwrap_err();
    assert_error(&status, ErrorCode::Internal);
    assert_eq!(status.message(), "Internal Server Error");

    // This one is outside of the use case, so that only the layer can catch it.
    let status = queries.get_user_by_id(profile_request(PANIC_TOKEN)).await.unwrap_err();
    assert_error(&status, ErrorCode::Internal);
    assert_eq!(shop.ports.panics.load(Ordering::SeqCst), 2);

    shop.set_storage_behavior(StorageBehavior::Answer);
    queries.get_user_by_id(profile_request(TOKEN)).await.unwrap();
}
