//! Problem details (RFC 9457), for clients that ask for them.

use crate::envelope::{FieldError, field_errors};
use crate::error::Refusal;
use actix_web::http::header::{ACCEPT, HeaderMap};
use serde::Serialize;

/// The media type of RFC 9457.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A problem: RFC 9457 §3, with the members that the envelope has as extensions.
#[derive(Serialize)]
pub(crate) struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: String,
    code: &'a str,
    request_id: &'a str,
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
    let accepted = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let (mut problem, mut json) = (0.0, 0.0);
    for range in accepted {
        let (media_type, weight) = weighed(range);
        if media_type.eq_ignore_ascii_case(MEDIA_TYPE) {
            problem = weight;
        } else if media_type.eq_ignore_ascii_case("application/json") {
            json = weight;
        }
    }
    problem > 0.0 && problem >= json
}

/// A media range and its weight (RFC 9110 §12.4.2).
fn weighed(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let weight = parts.find_map(|parameter| parameter.strip_prefix("q=")).and_then(|weight| weight.parse().ok());
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
