//! Calls from pages of other origins (the Fetch Standard's CORS protocol).

use crate::error::ApiError;
use crate::middleware::Shared;
use crate::options::Options;
use actix_cors::{Cors, CorsError};
use actix_web::HttpRequest;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, HeaderMap, HeaderName,
    HeaderValue, ORIGIN,
};
use actix_web::middleware::Condition;
use actix_web::web::Data;

/// The setting for all origins, or for all headers.
const ANY: &str = "*";
/// The time for which browsers may cache a preflight, in seconds.
const PREFLIGHT_MAX_AGE: usize = 600;
/// The headers that pages may always send.
const HEADERS: [&str; 20] = [
    // Headers that this server reads.
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "last-event-id",
    "range",
    "x-request-id",
    // Headers that need no preflight unless the value is long or unusual (Fetch Standard §2.2.2).
    "accept",
    "accept-language",
    "content-language",
    // Headers by which libraries avoid caches and mark calls of scripts.
    "cache-control",
    "expires",
    "pragma",
    "x-requested-with",
    // Headers of tracing: W3C Trace Context, W3C Baggage, Sentry.
    "baggage",
    "sentry-trace",
    "traceparent",
    "tracestate",
];

/// Allows calls from pages of the listed origins. The server's own pages also send an origin with each POST, so requests of
/// other origins are answered too: without these headers a page cannot read the answer.
pub(crate) fn cors(options: &Options) -> Condition<Cors> {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "DELETE"])
        .expose_headers(["x-request-id", "retry-after", "etag", "link", "ratelimit", "ratelimit-policy"])
        .block_on_origin_mismatch(false)
        .max_age(PREFLIGHT_MAX_AGE);
    let cors = if is_any(&options.cors_headers) {
        cors.allow_any_header()
    } else {
        cors.allowed_headers(headers(options).filter_map(|name| HeaderName::try_from(name).ok()))
    };
    let cors = if is_any(&options.cors_origins) {
        cors.allow_any_origin().send_wildcard()
    } else {
        options.cors_origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
    };
    Condition::new(!options.cors_origins.is_empty(), cors)
}

fn is_any(list: &[String]) -> bool {
    list.iter().any(|entry| entry == ANY)
}

fn headers(options: &Options) -> impl Iterator<Item = &str> {
    HEADERS.into_iter().chain(options.cors_headers.iter().map(String::as_str))
}

/// The error of a preflight. The page cannot read it, but the browser's developer tools show it.
pub(crate) fn preflight_error(error: &CorsError, request: &HttpRequest) -> ApiError {
    let shared = request.app_data::<Data<Shared>>();
    ApiError::preflight(match (error, shared) {
        (CorsError::HeadersNotAllowed, Some(shared)) => {
            let unknown = unknown(request.headers(), &shared.options).join(", ");
            format!("pages of other origins may not send {unknown}: the setting cors.allowed_headers lets them")
        }
        _ => error.to_string(),
    })
}

/// The requested headers that a page may not send.
fn unknown(asked: &HeaderMap, options: &Options) -> Vec<String> {
    let asked = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|asked| asked.to_str().ok()).unwrap_or_default();
    let asked = asked.split(',').map(|name| name.trim().to_ascii_lowercase());
    asked.filter(|name| !headers(options).any(|allowed| allowed == name)).collect()
}

/// What the error of a preflight says above its body where the origin itself may call: without it browsers would put the
/// blame on the origin.
pub(crate) fn put_allowed(error: &CorsError, request: &HttpRequest, answer: &mut HeaderMap) {
    if matches!(error, CorsError::OriginNotAllowed | CorsError::MissingOrigin) {
        return;
    }
    let Some(options) = request.app_data::<Data<Shared>>().map(|shared| &shared.options) else { return };
    let any = HeaderValue::from_static(ANY);
    let origin = if is_any(&options.cors_origins) { Some(any) } else { request.headers().get(ORIGIN).cloned() };
    if let Some(origin) = origin {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if let Ok(allowed) = HeaderValue::try_from(headers(options).collect::<Vec<_>>().join(", ")) {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
}
