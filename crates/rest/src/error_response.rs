//! How errors look.

use crate::cors;
use crate::envelope::ErrorBody;
use crate::error::Refusal;
use crate::problem::{self, Problem};
use actix_cors::CorsError;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use app::context::RequestId;
use std::time::Duration;

/// An answer as it is, or the error in it as the client wants it, with the headers that other layers have given it.
pub(crate) fn rendered<B: MessageBody>(
    response: ServiceResponse<B>,
    request_id: &RequestId,
) -> ServiceResponse<EitherBody<B>> {
    let Some(error) = response.response().error() else { return response.map_into_left_body() };
    let request = response.request();
    let mut written = match (error.as_error::<Refusal>(), error.as_error::<CorsError>()) {
        (Some(refusal), _) => write(request, refusal, request_id),
        (None, Some(error)) => {
            let mut written = write(request, &cors::refusal(error, request), request_id);
            cors::put_allowed(error, request, written.headers_mut());
            written
        }
        (None, None) => write(request, &Refusal::of_status(response.status()), request_id),
    };
    let mut headers = response.headers().clone();
    for (name, value) in written.headers() {
        headers.insert(name.clone(), value.clone());
    }
    *written.headers_mut() = headers;
    response.into_response(written).map_into_right_body()
}

fn write(request: &HttpRequest, refusal: &Refusal, request_id: &RequestId) -> HttpResponse {
    let mut response = HttpResponse::build(refusal.status);
    if let Some(wait) = refusal.retry_after {
        response.insert_header((header::RETRY_AFTER, retry_after(wait)));
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
    if problem::is_asked_for(request) {
        response.content_type(problem::MEDIA_TYPE);
        return response.json(Problem::new(refusal, request_id.as_str()));
    }
    response.json(ErrorBody::new(refusal, request_id.as_str()))
}

/// Whole seconds, never less than the time itself, and never none: "at once" is what the client has just tried.
fn retry_after(wait: Duration) -> u64 {
    whole_seconds(wait).max(1)
}

/// Whole seconds, never less than the time itself.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (milliseconds, whole) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
            assert_eq!(retry_after(Duration::from_millis(milliseconds)), whole, "{milliseconds} ms");
        }
    }
}
