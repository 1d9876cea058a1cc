//! The services describe themselves, where that is wanted.

use crate::client::{RawClient, frame};
use crate::shop::Shop;
use grpc::Options;
use tonic::Code;

macro_rules! listed_services {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version as pb;
        let question = pb::server_reflection_request::MessageRequest::ListServices(String::new());
        let request = pb::ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let mut client = pb::server_reflection_client::ServerReflectionClient::new($channel);
        let answers = client.server_reflection_info(tokio_stream::once(request)).await;
        let answer = answers.unwrap().into_inner().message().await.unwrap().unwrap();
        match answer.message_response {
            Some(pb::server_reflection_response::MessageResponse::ListServicesResponse(list)) => {
                list.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
            }
            other => panic!("not a list of services: {other:?}"),
        }
    }};
}

#[tokio::test]
async fn both_versions_list_all_services() {
    let shop = Shop::open();
    let listed = [listed_services!(v1, shop.channel().await), listed_services!(v1alpha, shop.channel().await)];
    for listed in listed {
        for service in [
            "user.UserCommandService",
            "user.UserQueryService",
            "product.ProductCommandService",
            "product.ProductQueryService",
            "payment.PaymentCommandService",
            "payment.PaymentQueryService",
            "grpc.health.v1.Health",
        ] {
            assert!(listed.iter().any(|name| name == service), "{service} is missing: {listed:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_described_where_it_is_switched_off() {
    let shop = Shop::open_with(Options { reflection: false, ..Options::default() });
    let mut client = RawClient::connect(shop.address).await;
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let status = client.call(&path, &[], frame(0, &[])).await;
        assert_eq!(status.code(), Code::Unimplemented, "{version}");
    }
}
