//! The media types that a client prefers (RFC 9110 §12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality};

/// Whether the client prefers `media_type` to plain JSON: it names the type, with a weight that is not zero and not below
/// that of JSON. A client that names neither, as curl and most libraries do, gets JSON.
pub(crate) fn is_preferred(request: &HttpRequest, media_type: &str) -> bool {
    let Ok(Accept(ranges)) = Accept::parse(request) else { return false };
    let weight =
        |wanted: &str| ranges.iter().find(|range| range.item.essence_str() == wanted).map(|range| range.quality);
    weight(media_type).is_some_and(|preference| {
        // The most specific range that covers a type gives its weight.
        let json = ["application/json", "application/*", "*/*"].into_iter().find_map(weight);
        preference > Quality::ZERO && preference >= json.unwrap_or(Quality::ZERO)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    fn prefers(accept: &'static str, media_type: &str) -> bool {
        is_preferred(&TestRequest::default().insert_header((ACCEPT, accept)).to_http_request(), media_type)
    }

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
            assert_eq!(prefers(accept, "application/problem+json"), wanted, "{accept}");
        }
        assert!(!is_preferred(&TestRequest::default().to_http_request(), "application/problem+json"));
    }

    #[test]
    fn browsers_get_html_and_programs_json() {
        for (client, accept, wanted) in [
            ("Firefox and Safari", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            (
                "Chromium",
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
                true,
            ),
            ("curl", "*/*", false),
            ("a page's fetch", "application/json, text/plain, */*", false),
            ("who has no choice", "text/html;q=0, */*", false),
        ] {
            assert_eq!(prefers(accept, "text/html"), wanted, "{client}");
        }
    }
}
