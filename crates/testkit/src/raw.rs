//! REST answers before they are decoded.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use std::time::Duration;

/// An answer whose body is text.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// The headers of every answer against sniffing, framing and leaking (OWASP REST Security Cheat Sheet).
const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// An answer whose body is a file.
#[derive(Clone, Debug)]
pub struct Download {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Download {
    /// Sends a request and reads the whole answer.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, bytes: response.bytes().await.unwrap().into() }
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Answer {
    /// Sends a request and reads the whole answer.
    pub async fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// Sends a request and reads the whole answer. Fails if no answer arrives.
    pub async fn try_of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: String::from_utf8(response.bytes().await?.into()).unwrap() })
    }

    /// A header's value; panics if the header is repeated.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok();
        assert!(values.next().is_none(), "{name} is there more than once: {self:?}");
        value
    }

    /// The value of `Retry-After` in whole seconds (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after").map(|seconds| Duration::from_secs(seconds.parse().unwrap()))
    }

    /// Checks the headers that every success and every error must have.
    pub fn assert_common_headers(&self) {
        for (name, value) in SECURITY_HEADERS {
            assert_eq!(self.header(name), Some(value), "{name}: {self:?}");
        }
        // An answer with an entity tag may be cached and must be revalidated.
        let is_known = self.header("etag").is_some() && self.header("cache-control") == Some("no-cache");
        assert!(is_known || self.header("cache-control") == Some("no-store"), "it may be kept: {self:?}");
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "no request id: {self:?}");
        for name in ["server", "x-powered-by"] {
            assert_eq!(self.header(name), None, "the answer tells what it was made with: {self:?}");
        }
    }

    /// Checks the media type without its parameters.
    pub fn assert_content_type(&self, expected: &str) {
        let actual = self.header("content-type").and_then(|value| value.split(';').next());
        assert_eq!(actual, Some(expected), "{self:?}");
    }

    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The whole answer as text without request id and date, which differ between any two answers.
    #[must_use]
    pub fn without_identity(&self) -> String {
        let id = self.header("x-request-id").unwrap_or_default();
        let headers = self.headers.iter().filter(|(name, _)| *name != "date" && *name != "x-request-id");
        let mut headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.sort();
        format!("{}\n{}\n\n{}", self.status, headers.join("\n"), self.body.replace(id, "(request id)"))
    }
}
