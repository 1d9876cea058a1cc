//! Problem details (RFC 9457), for clients that ask for them.

use crate::envelope::{FieldError, field_errors};
use crate::error::Refusal;
use actix_web::http::header::{ACCEPT, HeaderMap};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of RFC 9457.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// An error as problem details (RFC 9457 §3).
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
    pub(crate) fn new(refusal: &'a Refusal, request_id: &'a str) -> Self {
        Self {
            kind: format!("urn:gocommerce:error:{}", refusal.code),
            title: refusal.status.canonical_reason().unwrap_or("Error"),
            status: refusal.status.as_u16(),
            detail: &refusal.message,
            instance: format!("urn:gocommerce:request:{request_id}"),
            code: refusal.code,
            request_id,
            errors: field_errors(refusal),
        }
    }
}

/// Whether the client would rather have problem details than the envelope: it names them, with a weight that is not
/// zero and not below that of plain JSON.
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    let ranges = || {
        let accepted = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok());
        accepted.flat_map(|value| value.split(',')).map(weighed)
    };
    let weight = |wanted: &str| {
        ranges().find_map(|(media_type, weight)| media_type.eq_ignore_ascii_case(wanted).then_some(weight))
    };
    weight(MEDIA_TYPE).is_some_and(|problem| {
        // The most specific range that covers a type gives its weight (RFC 9110 §12.5.1).
        let json = ["application/json", "application/*", "*/*"].into_iter().find_map(weight);
        problem > 0.0 && problem >= json.unwrap_or(0.0)
    })
}

/// A media range and its weight (RFC 9110 §12.4.2).
fn weighed(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let weight = parts.find_map(|parameter| {
        let (name, weight) = parameter.split_once('=')?;
        if name.eq_ignore_ascii_case("q") { weight.parse().ok() } else { None }
    });
    (media_type, weight.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn problem_details_are_given_to_those_who_want_them() {
        for (accept, wanted) in [
            ("application/problem+json", true),
            ("application/json, application/problem+json", true),
            ("application/json;q=0.5, application/problem+json", true),
            ("application/json, application/problem+json;q=0.5", false),
            ("application/problem+json;q=0", false),
            ("application/problem+json;Q=0.1, */*", false),
            ("application/problem+json;q=0.5, application/json;q=0.2, */*", true),
            ("text/html, application/problem+json, */*;q=0.1", true),
            ("APPLICATION/PROBLEM+JSON; charset=utf-8; q=0.3", true),
            ("application/problem+json;q=NaN", false),
            ("application/json", false),
            ("*/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(is_asked_for(&headers), wanted, "{accept}");
        }
        assert!(!is_asked_for(&HeaderMap::new()));
    }
}
