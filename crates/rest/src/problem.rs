//! Problem details (RFC 9457), for clients that ask for them.

use crate::accept;
use crate::envelope::{FieldError, field_errors};
use crate::error::ApiError;
use actix_web::HttpRequest;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of RFC 9457.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// An error as problem details (RFC 9457 §3): what comes in the place of an `Error`, as `application/problem+json`, where the
/// request's `Accept` names that media type with a weight that is not below that of JSON.
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem<'a> {
    /// Which kind of problem it is: stable.
    #[serde(rename = "type")]
    kind: String,
    /// What the status means.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, for people.
    detail: &'a str,
    /// Which request it was.
    instance: String,
    /// What went wrong, for programs: stable.
    code: &'a str,
    /// The request's identifier, also in `X-Request-Id`.
    request_id: &'a str,
    /// Every field that is wrong, in the order of the request's fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError<'a>>,
}

impl<'a> Problem<'a> {
    pub(crate) fn new(error: &'a ApiError, request_id: &'a str) -> Self {
        Self {
            kind: format!("urn:gocommerce:error:{}", error.code),
            title: error.status.canonical_reason().unwrap_or("Error"),
            status: error.status.as_u16(),
            detail: &error.message,
            instance: format!("urn:gocommerce:request:{request_id}"),
            code: error.code,
            request_id,
            errors: field_errors(error),
        }
    }
}

/// Whether the client prefers problem details to the envelope.
pub(crate) fn is_asked_for(request: &HttpRequest) -> bool {
    accept::is_preferred(request, MEDIA_TYPE)
}
