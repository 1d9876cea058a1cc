//! Deadlines of calls.

use crate::scenarios::user::assert_refused;
use domain::error::ErrorCode;
use grpc::proto::user::UserLoginRequest;
use grpc::proto::user::user_command_service_client::UserCommandServiceClient;
use std::time::{Duration, Instant};
use testkit::client::{PASSWORD, ada};
use testkit::grpc::call_error;
use testkit::world::{World, wait_until};
use tonic::Request;

/// Hashing takes longer than these calls wait.
pub const SETTINGS: &[(&str, &str)] = &[("auth.bcrypt_cost", "12")];

const TIMEOUT: Duration = Duration::from_millis(60);

pub async fn a_deadline_that_passes_is_told_as_such_and_nothing_is_written(world: &World) {
    let asked = Instant::now();
    let outcome = world.client().with_timeout(TIMEOUT).register(&ada()).await;
    assert_refused(outcome, ErrorCode::DeadlineExceeded);
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "the answer comes when the caller stops to wait, not when the work ends"
    );

    // The running hash ends a quarter of a second later, and nothing may start after it. On a busy machine the
    // abandoned hashes may still occupy the hashing threads.
    wait_until("log-ins are checked again", Duration::from_secs(30), async || {
        let logged_in = world.client().login("ada@example.com", PASSWORD).await;
        logged_in.is_err_and(|call_error| call_error.code == ErrorCode::LoginFailed)
    })
    .await;
    assert!(world.database.texts("SELECT id AS value FROM users").is_empty());
    world.client().register(&ada()).await.unwrap();
}

pub async fn a_deadline_that_cannot_be_read_is_ignored(world: &World) {
    for timeout in ["nonsense", "5", "-1S", "123456789S", "1 S", "S"] {
        let message = UserLoginRequest { email: "nonsense".to_owned(), password: PASSWORD.to_owned() };
        let mut request = Request::new(message);
        request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
        let status = UserCommandServiceClient::new(world.grpc().channel()).login_user(request).await.unwrap_err();
        assert_eq!(call_error(&status).code, ErrorCode::InvalidLogin, "{timeout:?}");
    }
}
