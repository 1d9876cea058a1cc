//! The bodies and headers of error answers.

use crate::cors;
use crate::envelope::ErrorBody;
use crate::error::ApiError;
use crate::problem::{self, Problem};
use actix_cors::CorsError;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use app::context::RequestId;
use std::time::Duration;

/// Writes the error in a response in the form that the client accepts, with the headers of the other layers. A response
/// without an error stays as it is.
pub(crate) fn rendered<B: MessageBody>(
    response: ServiceResponse<B>,
    request_id: &RequestId,
) -> ServiceResponse<EitherBody<B>> {
    let Some(error) = response.response().error() else { return response.map_into_left_body() };
    let request = response.request();
    let mut written = match (error.as_error::<ApiError>(), error.as_error::<CorsError>()) {
        (Some(error), _) => write(request, error, request_id),
        (None, Some(error)) => {
            let mut written = write(request, &cors::preflight_error(error, request), request_id);
            cors::put_allowed(error, request, written.headers_mut());
            written
        }
        (None, None) => write(request, &ApiError::of_status(response.status()), request_id),
    };
    let mut headers = response.headers().clone();
    for (name, value) in written.headers() {
        headers.insert(name.clone(), value.clone());
    }
    *written.headers_mut() = headers;
    response.into_response(written).map_into_right_body()
}

fn write(request: &HttpRequest, error: &ApiError, request_id: &RequestId) -> HttpResponse {
    let mut response = HttpResponse::build(error.status);
    if let Some(wait) = error.retry_after {
        response.insert_header((header::RETRY_AFTER, retry_after(wait)));
    }
    if let Some(allow) = error.allow {
        response.insert_header((header::ALLOW, allow));
    }
    if let Some(challenge) = error.challenge {
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    if error.closes {
        response.force_close();
    }
    if problem::is_asked_for(request) {
        response.content_type(problem::MEDIA_TYPE);
        return response.json(Problem::new(error, request_id.as_str()));
    }
    response.json(ErrorBody::new(error, request_id.as_str()))
}

/// Rounds up to whole seconds, at least one: the client has just tried without waiting.
fn retry_after(wait: Duration) -> u64 {
    whole_seconds(wait).max(1)
}

/// Rounds up to whole seconds.
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
