//! The ops listener: liveness, readiness, metrics. The public listeners serve none of these.

use crate::readiness::ReadinessWatch;
use crate::telemetry::Metrics;
use actix_web::dev::Server;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{App, HttpResponse, HttpServer, web};
use std::net::TcpListener;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The content type that a scraper of the OpenMetrics text format expects.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

struct State {
    readiness: ReadinessWatch,
    metrics: Arc<Metrics>,
}

/// Serves `/livez`, `/readyz` and `/metrics` until `stop`.
///
/// # Errors
/// The listener cannot be used.
pub fn serve(
    listener: TcpListener,
    readiness: ReadinessWatch,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> std::io::Result<Server> {
    let state = web::Data::new(State { readiness, metrics });
    let app = move || {
        App::new()
            .app_data(state.clone())
            .service(web::resource("/livez").get(livez))
            .service(web::resource("/readyz").get(readyz))
            .service(web::resource("/metrics").get(metrics_text))
    };
    let server = HttpServer::new(app).workers(1).shutdown_timeout(1).shutdown_signal(stop.cancelled_owned());
    Ok(server.listen(listener)?.run())
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(serde_json::json!({ "status": "live" }))
}

async fn readyz(state: web::Data<State>) -> HttpResponse {
    let readiness = state.readiness.current();
    let mut response = if readiness.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((CACHE_CONTROL, "no-store")).json(readiness)
}

async fn metrics_text(state: web::Data<State>) -> HttpResponse {
    match state.metrics.encode() {
        Ok(text) => HttpResponse::Ok().insert_header((CONTENT_TYPE, OPEN_METRICS)).body(text),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
