//! The middleware around routes: limits on the length of a URI, and the catching of panics.

use crate::error::{ApiError, HttpError};
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

/// Refuses a URI that is too long.
pub(crate) async fn limit_uri_length<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if request.path().len() > MAX_PATH || request.query_string().len() > MAX_QUERY {
        let error = ApiError::from(HttpError::UriTooLong);
        return Ok(request.error_response(error).map_into_right_body());
    }
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}

/// Records the route, and catches its handler's panic, which would end the connection without an answer.
pub(crate) async fn catch_panics<B: MessageBody>(
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
            Ok(ServiceResponse::from_err(ApiError::internal(), for_answer).map_into_right_body())
        }
    }
}
