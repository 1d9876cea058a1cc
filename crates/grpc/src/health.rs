//! `grpc.health.v1`: each service has the server's readiness as its status.

use crate::proto::payment::payment_command_service_server::SERVICE_NAME as PAYMENT_COMMANDS;
use crate::proto::payment::payment_query_service_server::SERVICE_NAME as PAYMENT_QUERIES;
use crate::proto::product::product_command_service_server::SERVICE_NAME as PRODUCT_COMMANDS;
use crate::proto::product::product_query_service_server::SERVICE_NAME as PRODUCT_QUERIES;
use crate::proto::user::user_command_service_server::SERVICE_NAME as USER_COMMANDS;
use crate::proto::user::user_query_service_server::SERVICE_NAME as USER_QUERIES;
use std::convert::Infallible;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Every service that has a status; the empty name stands for the server as a whole.
const SERVICES: [&str; 7] =
    ["", USER_COMMANDS, USER_QUERIES, PRODUCT_COMMANDS, PRODUCT_QUERIES, PAYMENT_COMMANDS, PAYMENT_QUERIES];

pub(crate) struct Health(HealthReporter);

impl Health {
    pub(crate) async fn new(is_ready: bool) -> Self {
        let health = Self(HealthReporter::new());
        health.tell(is_ready).await;
        health
    }

    pub(crate) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.0.clone()))
    }

    /// Publishes readiness until the server stops. Then it ends the streams of `Watch`, which would delay the drain.
    pub(crate) async fn follow(mut self, mut ready: watch::Receiver<bool>, stop: CancellationToken) -> Infallible {
        while let Some(Ok(())) = stop.run_until_cancelled(ready.changed()).await {
            let is_ready = *ready.borrow_and_update();
            self.tell(is_ready).await;
        }
        self.tell(false).await;
        stop.cancelled().await;
        for service in SERVICES {
            self.0.clear_service_status(service).await;
        }
        std::future::pending().await
    }

    async fn tell(&self, is_ready: bool) {
        let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in SERVICES {
            self.0.set_service_status(service, status).await;
        }
    }
}
