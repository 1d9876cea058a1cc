//! REST answers as they come off the wire.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use std::time::Duration;

/// An answer with nothing interpreted.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub body: String,
}

/// What every answer carries against sniffing, framing and leaking (OWASP REST Security Cheat Sheet).
const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// A file with nothing interpreted.
#[derive(Clone, Debug)]
pub struct Download {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Download {
    /// Sends a request and reads all of the answer.
    ///
    /// # Panics
    /// Where there is none.
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
    /// Sends a request and reads all of the answer.
    ///
    /// # Panics
    /// Where there is none.
    pub async fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// Sends a request and reads all of the answer.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn try_of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: String::from_utf8(response.bytes().await?.into()).unwrap() })
    }

    /// A header's value, where it is there exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok();
        assert!(values.next().is_none(), "{name} is there more than once: {self:?}");
        value
    }

    /// The time to wait before trying again, in whole seconds as RFC 9110 §10.2.3 has it.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after").map(|seconds| Duration::from_secs(seconds.parse().unwrap()))
    }

    /// Checks what every answer of the shop carries, be it a success or an error.
    ///
    /// # Panics
    /// Where something is missing, or the server names its software.
    pub fn assert_common_headers(&self) {
        for (name, value) in SECURITY_HEADERS {
            assert_eq!(self.header(name), Some(value), "{name}: {self:?}");
        }
        // What has an entity tag may be kept, and is asked for again before it is shown.
        let is_known = self.header("etag").is_some() && self.header("cache-control") == Some("no-cache");
        assert!(is_known || self.header("cache-control") == Some("no-store"), "it may be kept: {self:?}");
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "no request id: {self:?}");
        for name in ["server", "x-powered-by"] {
            assert_eq!(self.header(name), None, "the answer tells what it was made with: {self:?}");
        }
    }

    /// Checks the media type, whatever its parameters.
    ///
    /// # Panics
    /// Where it is another one.
    pub fn assert_content_type(&self, expected: &str) {
        let actual = self.header("content-type").and_then(|value| value.split(';').next());
        assert_eq!(actual, Some(expected), "{self:?}");
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// All of it as text, less what differs between any two answers: request id and date.
    #[must_use]
    pub fn without_identity(&self) -> String {
        let id = self.header("x-request-id").unwrap_or_default();
        let headers = self.headers.iter().filter(|(name, _)| *name != "date" && *name != "x-request-id");
        let mut headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.sort();
        format!("{}\n{}\n\n{}", self.status, headers.join("\n"), self.body.replace(id, "(request id)"))
    }
}
