//! The nets around routes: what no route should see, and what no handler should do.

use crate::error::{EdgeError, Refusal};
use crate::middleware::{Route, Shared};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;

/// The longest path, in bytes.
const MAX_PATH: usize = 2 << 10;
/// The longest query, in bytes.
const MAX_QUERY: usize = 4 << 10;

/// Refuses what is too long to be routed.
pub(crate) async fn limited<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if request.path().len() > MAX_PATH || request.query_string().len() > MAX_QUERY {
        let refusal = Refusal::from(EdgeError::UriTooLong);
        return Ok(request.error_response(refusal).map_into_right_body());
    }
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}

/// Notes which route it is, and catches its handler's panic: the connection would end without an answer.
pub(crate) async fn guarded<B: MessageBody>(
    route: &'static str,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    tracing::Span::current().record("route", route);
    request.extensions_mut().insert(Route(route));
    let for_answer = request.request().clone();
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(answered) => answered.map(ServiceResponse::map_into_left_body),
        Err(_panic) => {
            if let Some(shared) = for_answer.app_data::<Data<Shared>>() {
                shared.app.pipeline.observer.panic_caught("rest");
            }
            Ok(ServiceResponse::from_err(Refusal::internal(), for_answer).map_into_right_body())
        }
    }
}
