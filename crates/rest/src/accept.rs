//! What a client would rather have (RFC 9110 §12.5.1).

use actix_web::http::header::{ACCEPT, HeaderMap};

/// Whether the client would rather have `media_type` than plain JSON: it names it, with a weight that is not zero and not
/// below that of JSON. Who names neither, as curl and most libraries do, gets JSON.
pub(crate) fn is_preferred(headers: &HeaderMap, media_type: &str) -> bool {
    let ranges = || {
        let accepted = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok());
        accepted.flat_map(|value| value.split(',')).map(weighed)
    };
    let weight =
        |wanted: &str| ranges().find_map(|(range, weight)| range.eq_ignore_ascii_case(wanted).then_some(weight));
    weight(media_type).is_some_and(|preference| {
        // The most specific range that covers a type gives its weight.
        let json = ["application/json", "application/*", "*/*"].into_iter().find_map(weight);
        preference > 0.0 && preference >= json.unwrap_or(0.0)
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

    fn prefers(accept: &'static str, media_type: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        is_preferred(&headers, media_type)
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
        assert!(!is_preferred(&HeaderMap::new(), "application/problem+json"));
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
