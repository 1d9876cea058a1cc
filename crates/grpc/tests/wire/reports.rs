//! The report of each call, and its request id.

use crate::client::{GET_USER, frame};
use crate::shop::{Shop, profile_request};
use domain::error::ErrorCode;
use test_doubles::{RequestRecord, StorageBehavior, TOKEN};
use tonic::Code;
use tonic::metadata::MetadataMap;

fn last(shop: &Shop) -> RequestRecord {
    shop.ports.reports.lock().unwrap().last().unwrap().clone()
}

fn request_id(metadata: &MetadataMap) -> &str {
    metadata.get("x-request-id").unwrap().to_str().unwrap()
}

#[tokio::test]
async fn every_call_is_reported_with_its_method_and_status() {
    let shop = Shop::open();
    shop.profile().await.unwrap();
    let report = last(&shop);
    assert_eq!(report.route, GET_USER.trim_start_matches('/'));
    assert_eq!((report.status, report.is_fault), (Code::Ok as u16, false));

    for (code, is_fault) in [(ErrorCode::UserNotFound, false), (ErrorCode::Internal, true)] {
        shop.set_storage_behavior(StorageBehavior::Fail(code));
        shop.profile().await.unwrap_err();
        let report = last(&shop);
        assert_eq!((report.status, report.is_fault), (grpc::code(code) as u16, is_fault));
    }
}

#[tokio::test]
async fn what_is_not_served_is_reported_under_one_name() {
    let shop = Shop::open();
    let mut client = shop.raw().await;
    for path in ["/nonsense", "/user.UserQueryService/Guess"] {
        client.call(path, &[], frame(0, &[])).await;
        let report = last(&shop);
        assert_eq!((report.route.as_str(), report.status), ("unmatched", Code::Unimplemented as u16));
    }
}

#[tokio::test]
async fn a_harmless_request_id_is_kept_on_success_and_on_error() {
    let shop = Shop::open();
    let mut queries = shop.queries().await;
    for (offered, is_kept) in [("trace-1_a.B", true), ("a b", false), (&"x".repeat(65), false)] {
        let mut request = profile_request(TOKEN);
        request.metadata_mut().insert("x-request-id", offered.parse().unwrap());
        let answer = queries.get_user_by_id(request).await.unwrap();
        let id = request_id(answer.metadata());
        assert_eq!(id == offered, is_kept, "{id:?}");
        assert_eq!(last(&shop).request_id.as_str(), id);
    }
    let mut request = profile_request("forged");
    request.metadata_mut().insert("x-request-id", "trace-2".parse().unwrap());
    let status = queries.get_user_by_id(request).await.unwrap_err();
    assert_eq!(request_id(status.metadata()), "trace-2");
}
