//! `grpc.health.v1` follows readiness.

use crate::shop::{PATIENCE, Shop};
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const SERVICES: [&str; 7] = [
    "",
    "user.UserCommandService",
    "user.UserQueryService",
    "product.ProductCommandService",
    "product.ProductQueryService",
    "payment.PaymentCommandService",
    "payment.PaymentQueryService",
];

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

async fn check(client: &mut HealthClient<Channel>, service: &str) -> ServingStatus {
    client.check(about(service)).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn every_service_is_as_ready_as_the_server() {
    let shop = Shop::open();
    let mut client = HealthClient::new(shop.channel().await);
    for is_ready in [true, false, true] {
        shop.ready.send_replace(is_ready);
        let expected = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in SERVICES {
            let changed = async {
                while check(&mut client, service).await != expected {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, changed).await.unwrap();
        }
    }
    let unknown = client.check(about("nonsense")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn a_watcher_is_told_each_change() {
    let shop = Shop::open();
    let mut client = HealthClient::new(shop.channel().await);
    let mut told = client.watch(about(SERVICES[1])).await.unwrap().into_inner();
    assert_eq!(told.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    shop.ready.send_replace(false);
    assert_eq!(told.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
}
