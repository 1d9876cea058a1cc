//! The headers of all answers.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use app::context::RequestId;
use app::rate_limit::Quota;

/// The request's identifier in answers and logs.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The rate limit, and the rest of it (draft-ietf-httpapi-ratelimit-headers).
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The headers of an answer that sets no others: OWASP's REST Security Cheat Sheet, and `Vary` because of CORS.
const DEFAULTS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::VARY, "Origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// RFC 6797; one year.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

pub(crate) struct ResponseContext<'a> {
    pub(crate) request_id: &'a RequestId,
    /// The rest of the caller's rate limit, where the call counted against one.
    pub(crate) quota: Option<Quota>,
    /// Whether the client's connection is encrypted.
    pub(crate) is_https: bool,
}

pub(crate) fn complete(headers: &mut HeaderMap, context: &ResponseContext<'_>) {
    if let Ok(id) = HeaderValue::from_str(context.request_id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(quota) = context.quota {
        put_quota(headers, quota);
    }
    for (name, value) in DEFAULTS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if context.is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

fn put_quota(headers: &mut HeaderMap, quota: Quota) {
    let Quota { limit, window, remaining, resets_in, .. } = quota;
    let policy = format!("\"default\";q={limit};w={}", window.as_secs());
    let left = format!("\"default\";r={remaining};t={}", resets_in.as_secs_f64().ceil());
    for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}
