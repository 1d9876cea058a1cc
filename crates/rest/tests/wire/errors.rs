//! Every error of the core, as it comes out.

use crate::shop::{ADA, Shop};
use domain::error::ErrorCode;
use test_doubles::{SECRET, StorageBehavior};

#[tokio::test]
async fn every_code_comes_with_its_status_and_none_with_its_cause() {
    let shop = Shop::open();
    for &code in ErrorCode::ALL {
        shop.set_storage_behavior(StorageBehavior::Fail(code));
        let answer = shop.register(ADA).await;
        assert_eq!(answer.error(), (rest::status(code), code.as_str().to_owned()));
        assert!(!answer.text().contains(SECRET), "{answer:?}");

        let body = answer.json();
        let repeated =
            if [429, 500, 503].contains(&answer.status) { &body["meta"]["message"] } else { &body["nothing"] };
        assert_eq!(&body["message"], repeated, "{body}");
        let is_about_tokens = matches!(code, ErrorCode::TokenMissing | ErrorCode::TokenInvalid);
        assert_eq!(body["error"].is_string(), is_about_tokens, "{body}");
        assert_eq!(answer.header("www-authenticate").is_some(), is_about_tokens, "{answer:?}");
    }
}

#[tokio::test]
async fn who_may_try_again_is_told_when() {
    let shop = Shop::open();
    for (code, wait) in [
        (ErrorCode::RateLimited, Some("3")),
        (ErrorCode::LoginThrottled, Some("3")),
        (ErrorCode::Overloaded, Some("3")),
        (ErrorCode::Unavailable, Some("3")),
        (ErrorCode::Internal, None),
        (ErrorCode::EmailTaken, None),
    ] {
        shop.set_storage_behavior(StorageBehavior::Fail(code));
        assert_eq!(shop.register(ADA).await.header("retry-after"), wait, "{code}");
    }
}
