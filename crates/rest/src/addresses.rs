//! The addresses in answers, as the client of a request reaches them.
//!
//! A proxy may serve REST below a path prefix, which it removes before it forwards a request. A reference that is relative to
//! the request's address (RFC 3986 §5.2) works behind any proxy. For other references an operator configures the base URL, or
//! the proxy names the prefix in a header.

use crate::middleware::{RequestInfo, Shared};
use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use app::payment::PaymentView;
use app::product::ProductView;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;

/// The header in which proxies name the prefix that they have removed.
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
/// The longest accepted prefix, in bytes.
const LONGEST: usize = 256;

/// A path prefix that a proxy has removed, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix(Arc<str>);

impl Prefix {
    /// Reads a proxy's header. The prefix becomes part of addresses, so any value but a single plain path is ignored.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(FORWARDED_PREFIX);
        let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
        Self::parse(value.trim())
    }

    fn parse(text: &str) -> Option<Self> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
        let is_path = text == "/" || path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment));
        (is_path && text.len() <= LONGEST).then(|| Self(path.into()))
    }
}

/// The addresses of this server, as the client of a request reaches them.
pub(crate) struct Addresses {
    /// The prefix of this server's paths: a path, or a URL with a host.
    base: String,
    /// The prefix that the proxy has removed, where the addresses of images are paths of this server.
    media: Option<Prefix>,
    /// The number of slashes that were removed from the end of the request's path.
    slashes: usize,
}

impl Addresses {
    fn of(request: &HttpRequest) -> Option<Self> {
        let info = RequestInfo::of(request)?;
        let options = &request.app_data::<Data<Shared>>()?.options;
        let base = match (&info.prefix, &options.public_url) {
            // The prefix of this request takes precedence over the setting.
            (Some(Prefix(path)), _) => path.to_string(),
            (None, Some(known_by)) => known_by.clone(),
            (None, None) => String::new(),
        };
        let media = info.prefix.filter(|_| options.has_media_paths);
        Some(Self { base, media, slashes: info.slashes })
    }

    pub(crate) fn of_path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The address of the folder of the request's path, relative to the request's address, which has the slashes at its end.
    pub(crate) fn to_folder(&self) -> String {
        "../".repeat(self.slashes)
    }

    /// The address below the request's path, relative to the request's address. `segment` is the last one of the path.
    pub(crate) fn to_below(&self, segment: &str) -> String {
        match self.slashes.checked_sub(1) {
            Some(more) => format!("./{}", "../".repeat(more)),
            None => format!("{segment}/"),
        }
    }

    /// The product with an image address that the request's client reaches.
    pub(crate) fn product(&self, mut product: ProductView) -> ProductView {
        if let Some(Prefix(path)) = &self.media
            && product.image_url.starts_with('/')
        {
            product.image_url.insert_str(0, path);
        }
        product
    }

    /// The same for the product of a payment.
    pub(crate) fn payment(&self, payment: PaymentView) -> PaymentView {
        PaymentView { product: self.product(payment.product), ..payment }
    }
}

impl FromRequest for Addresses {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let unknown = || Self { base: String::new(), media: None, slashes: 0 };
        ready(Ok(Self::of(request).unwrap_or_else(unknown)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn told(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(FORWARDED_PREFIX, HeaderValue::from_static(value));
        }
        Prefix::read(&headers).map(|Prefix(path)| path.to_string())
    }

    #[test]
    fn a_plain_path_is_believed_and_nothing_else() {
        for (value, path) in [
            ("/api", "/api"),
            ("/api/", "/api"),
            (" /shop/v1.2/~a_b-c ", "/shop/v1.2/~a_b-c"),
            ("/.well-known", "/.well-known"),
            ("/", ""),
        ] {
            assert_eq!(told(&[value]).as_deref(), Some(path), "{value:?}");
        }
        for odd in [
            "",
            "api",
            "//",
            "//evil.example",
            "/api//",
            "/a//b",
            "/..",
            "/a/../b",
            "/a/.",
            "/a b",
            "/a%2e%2e",
            "/a?b",
            "/a#b",
            "/a,/b",
            "/a\\b",
            "/a\"b",
            "/<b>",
            "/a:b",
            "http://evil.example/api",
        ] {
            assert_eq!(told(&[odd]), None, "{odd:?}");
        }
        assert_eq!(told(&["/a", "/b"]), None, "two proxies that do not agree");
        let long = |length: usize| Prefix::parse(&format!("/{}", "a".repeat(length - 1)));
        assert!(long(LONGEST).is_some() && long(LONGEST + 1).is_none());
    }

    #[test]
    fn slashes_at_the_end_are_gone_back_over() {
        for (slashes, folder, below) in [(0, "", "docs/"), (1, "../", "./"), (3, "../../../", "./../../")] {
            let addresses = Addresses { base: String::new(), media: None, slashes };
            assert_eq!((&*addresses.to_folder(), &*addresses.to_below("docs")), (folder, below));
        }
    }
}
