//! The inner layers: how errors look, and the nets below handlers.

use crate::edge::{Facts, Shared};
use crate::envelope::ErrorBody;
use crate::error::{EdgeError, Refusal};
use crate::problem::{self, Problem};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::timeout;

/// The longest path, in bytes.
const MAX_PATH: usize = 2 << 10;
/// The longest query, in bytes.
const MAX_QUERY: usize = 4 << 10;

/// A place among the requests under way.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(places: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let place = Self(places);
        (places.fetch_add(1, Ordering::Relaxed) < limit).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Refuses what no route should see, and writes errors as the client wants them.
pub(crate) async fn present<B: MessageBody + 'static>(
    shared: Data<Shared>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let place = Place::take(&shared.in_flight, shared.options.max_in_flight);
    let refused = if place.is_none() {
        EdgeError::TooManyInFlight
    } else if request.path().len() > MAX_PATH || request.query_string().len() > MAX_QUERY {
        EdgeError::UriTooLong
    } else {
        return next.call(request).await.map(rendered);
    };
    let response = write(request.request(), &refused.into());
    Ok(request.into_response(response).map_into_right_body())
}

/// An answer as it is, or the error in it as the client wants it.
pub(crate) fn rendered<B: MessageBody>(response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let Some(error) = response.response().error() else { return response.map_into_left_body() };
    let written = match error.as_error::<Refusal>() {
        Some(refusal) => write(response.request(), refusal),
        None => write(response.request(), &Refusal::of_status(response.status())),
    };
    response.into_response(written).map_into_right_body()
}

/// Catches a handler's panic, and ends a request that takes longer than any may.
pub(crate) async fn caught<B: MessageBody + 'static>(
    shared: Data<Shared>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let (options, for_answer) = (&shared.options, request.request().clone());
    let work = AssertUnwindSafe(next.call(request)).catch_unwind();
    // The body's own limit and the use case's deadline come first; this is for what forgets them.
    let refusal: Refusal = match timeout(options.body_timeout + options.request_timeout, work).await {
        Ok(Ok(answered)) => return answered.map(ServiceResponse::map_into_left_body),
        Ok(Err(_panic)) => {
            shared.app.desk.observer.panic_caught("rest");
            EdgeError::Panicked.into()
        }
        Err(_elapsed) => EdgeError::TimedOut.into(),
    };
    Ok(ServiceResponse::from_err(refusal, for_answer).map_into_right_body())
}

fn write(request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    let facts = Facts::of(request);
    let request_id = facts.as_ref().map_or("", |facts| facts.request_id.as_str());
    let mut response = HttpResponse::build(refusal.status);
    if let Some(wait) = refusal.retry_after {
        response.insert_header((header::RETRY_AFTER, (wait.as_secs_f64().ceil() as u64).max(1)));
    }
    if let Some(allow) = refusal.allow {
        response.insert_header((header::ALLOW, allow));
    }
    if let Some(challenge) = refusal.challenge {
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    if refusal.closes {
        response.force_close();
    }
    if problem::is_asked_for(request.headers()) {
        response.content_type(problem::MEDIA_TYPE);
        return response.json(Problem::new(refusal, request_id));
    }
    response.json(ErrorBody::new(refusal, request_id))
}
