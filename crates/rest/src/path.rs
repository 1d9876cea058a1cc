//! The removal of trailing slashes, so that each route has one path.

use actix_web::dev::{ServiceRequest, Url};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;

/// Removes trailing slashes from the path, so that it matches its route without a redirect, which not every client follows.
/// Returns their number.
pub(crate) fn trim(request: &mut ServiceRequest) -> usize {
    let Some(uri) = trimmed(request.uri()) else { return 0 };
    let slashes = request.path().len().saturating_sub(uri.path().len());
    request.match_info_mut().set(Url::new(uri.clone()));
    request.head_mut().uri = uri;
    slashes
}

/// The URI without the trailing slashes of its path. `None` where the path has none, or consists of slashes.
fn trimmed(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/')?.trim_end_matches('/');
    if path.is_empty() {
        return None;
    }
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slashes_at_the_end_go_and_all_else_stays() {
        let after = |uri: &'static str| trimmed(&Uri::from_static(uri)).map(|uri| uri.to_string());
        assert_eq!(after("/users/1/").as_deref(), Some("/users/1"));
        assert_eq!(after("/users/1//?a=/b/").as_deref(), Some("/users/1?a=/b/"));
        assert_eq!(after("http://shop.example/users/").as_deref(), Some("http://shop.example/users"));
        for unchanged in ["/", "//", "/users", "/users//1", "/users?a=/"] {
            assert_eq!(after(unchanged), None, "{unchanged}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_path_stays_one(text in "/[ -~é]{0,40}") {
            if let Ok(uri) = text.parse::<Uri>() {
                let once = trimmed(&uri).unwrap_or_else(|| uri.clone());
                prop_assert_eq!(trimmed(&once), None, "what is trimmed stays as it is");
                prop_assert_eq!(once.query(), uri.query());
            }
        }
    }
}
