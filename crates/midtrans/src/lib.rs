//! The payment gateway Midtrans: its Snap pages and its Core API (docs.midtrans.com).
//!
//! Start with [`Midtrans`], the calls; then `page`, which builds the request for a page and parses the answer; then
//! `report`, which parses the status of a transaction. Below both are `client`, one HTTP exchange, and `breaker`, the
//! circuit breaker.

mod breaker;
mod client;
mod page;
mod report;
pub mod signature;

pub use breaker::BreakerState;

use app::clock::Deadline;
use app::payment::{Gateway, GatewayError, Invoice, Signed, Subject};
use async_trait::async_trait;
use breaker::Breaker;
use client::{Answer, Fault, Http};
use domain::error::BoxError;
use domain::payment::{GatewayReport, PaymentPage};
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::{Duration, Instant};
use url::Url;

/// The waits before a page is requested again, each with a jitter of a quarter.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// A timeout shorter than this says nothing about the gateway's health: the caller's deadline was short.
const PATIENCE: Duration = Duration::from_secs(3);
/// The suffix of all hosts of Midtrans.
const HOME: &str = ".midtrans.com";
/// The prefix of the sandbox's server keys.
const SANDBOX_KEY: &str = "SB-";

/// The account at Midtrans and its URLs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The URL of the Snap API, such as `https://app.sandbox.midtrans.com`.
    pub snap_url: String,
    /// The URL of the Core API, such as `https://api.sandbox.midtrans.com`.
    pub api_url: String,
    /// The server key: the password of the API, and the key of notifications' signatures.
    pub server_key: SecretString,
    /// The merchant id. If set, a report on another merchant's transaction is marked as foreign.
    pub merchant_id: Option<String>,
    /// The time limit for a call including retries.
    pub timeout: Duration,
    /// Whether to accept only Midtrans' own hosts and pages over TLS, and no sandbox key.
    pub is_production: bool,
    /// The shop's version, shown in Midtrans' dashboard.
    pub version: String,
}

/// Why the options are invalid.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A URL is invalid or not allowed.
    #[error("the {name} of Midtrans {reason}")]
    Address { name: &'static str, reason: String },
    /// The key is empty, or a sandbox key in production.
    #[error("the server key of Midtrans {0}")]
    Key(&'static str),
    /// The HTTP client cannot be created, for example without root certificates.
    #[error("no client for Midtrans can be made")]
    Client(#[source] BoxError),
}

pub struct Midtrans {
    http: Http,
    breaker: Breaker,
    snap: Url,
    api: Url,
    key: SecretString,
    merchant: Option<String>,
    timeout: Duration,
    is_production: bool,
    version: String,
}

impl Midtrans {
    /// Creates the client without sending anything. All its requests run on the runtime of this call.
    ///
    /// # Errors
    /// If a URL or the key is invalid, or the HTTP client cannot be created.
    pub fn new(options: Options) -> Result<Self, Error> {
        let key = options.server_key.expose_secret();
        if key.trim().is_empty() {
            return Err(Error::Key("is empty"));
        }
        match (options.is_production, key.starts_with(SANDBOX_KEY)) {
            (true, true) => return Err(Error::Key("is one of its sandbox, and this is production")),
            (false, false) => tracing::warn!("the server key of Midtrans is not one of its sandbox"),
            _ => {}
        }
        let address = |name, text: &str| address(name, text, options.is_production);
        Ok(Self {
            snap: address("snap_url", &options.snap_url)?,
            api: address("api_url", &options.api_url)?,
            http: Http::new(&options)?,
            breaker: Breaker::default(),
            key: options.server_key,
            merchant: options.merchant_id,
            timeout: options.timeout,
            is_production: options.is_production,
            version: options.version,
        })
    }

    #[must_use]
    pub fn breaker(&self) -> BreakerState {
        self.breaker.state(Instant::now())
    }

    /// Sends a request, and repeats it after each of these waits while the gateway fails and time is left. Without waits it
    /// repeats the request only once, over a new connection if a kept one broke.
    async fn call(&self, request: Request<'_>, pauses: &[Duration], by: Deadline) -> Result<Answer, GatewayError> {
        let time = self.timeout.min(by.remaining());
        if time.is_zero() {
            return Err(GatewayError::Failed("there is no time left to ask".into()));
        }
        let pass = self.breaker.enter(Instant::now()).map_err(GatewayError::CircuitOpen)?;
        let (answered, may_be_done) = self.ask(request, pauses, time).await;
        match &answered {
            Err(Fault::Late) if time < PATIENCE.min(self.timeout) => drop(pass),
            Ok(answer) if answer.is_sound() => pass.answered(),
            _ => pass.failed(Instant::now()),
        }
        match answered {
            Ok(answer) if answer.is_failure() && may_be_done => Err(GatewayError::Unknown(self.http.reason(&answer))),
            Ok(answer) if answer.is_failure() => Err(GatewayError::Failed(self.http.reason(&answer))),
            Ok(answer) => Ok(answer),
            Err(Fault::Unsent(reason)) if !may_be_done => Err(GatewayError::Failed(reason)),
            Err(Fault::Unsent(reason) | Fault::Lost(reason) | Fault::Garbled(reason)) => {
                Err(GatewayError::Unknown(reason))
            }
            Err(Fault::Late) => Err(GatewayError::Unknown("there was no answer in time".into())),
        }
    }

    /// Returns the last answer, and whether an earlier request without an answer may have been carried out.
    async fn ask(&self, request: Request<'_>, pauses: &[Duration], time: Duration) -> (Result<Answer, Fault>, bool) {
        let by = Deadline::within(time);
        let mut may_be_done = false;
        // A hanging request leaves time for another one.
        let share = if pauses.is_empty() { time } else { time / 2 };
        for pause in pauses {
            let answered = self.exchange(&request, share.min(by.remaining())).await;
            let pause = pause.mul_f64(0.75 + fastrand::f64() / 2.0);
            let may_pass = match &answered {
                Ok(answer) => answer.is_failure(),
                Err(Fault::Unsent(_) | Fault::Lost(_) | Fault::Late) => true,
                Err(Fault::Garbled(_)) => false,
            };
            if !may_pass || by.remaining() <= pause {
                return (answered, may_be_done);
            }
            may_be_done |= matches!(answered, Err(Fault::Lost(_) | Fault::Late));
            tokio::time::sleep(pause).await;
        }
        match self.exchange(&request, share.min(by.remaining())).await {
            Err(Fault::Lost(_)) if pauses.is_empty() && !by.has_passed() => {
                (self.exchange(&request, by.remaining()).await, true)
            }
            answered => (answered, may_be_done),
        }
    }

    async fn exchange(&self, request: &Request<'_>, time: Duration) -> Result<Answer, Fault> {
        self.http.ask(request.method.clone(), request.url.clone(), request.body, time).await
    }

    /// Maps an unsuccessful answer to an error.
    fn refusal(&self, answer: &Answer) -> GatewayError {
        let reason = self.http.reason(answer);
        match answer.code() {
            400..=499 if page::is_taken(answer) => GatewayError::Taken,
            400..=499 => GatewayError::Refused(reason),
            _ => GatewayError::Unknown(reason),
        }
    }
}

struct Request<'a> {
    method: Method,
    url: Url,
    body: Option<&'a Value>,
}

/// Parses a URL of Midtrans; in production it must be one of Midtrans' hosts.
fn address(name: &'static str, text: &str, is_production: bool) -> Result<Url, Error> {
    let wrong = |reason: &str| Error::Address { name, reason: reason.to_owned() };
    let url = Url::parse(text).map_err(|error| wrong(&format!("is no address: {error}")))?;
    let host = url.host_str().unwrap_or_default();
    if is_production && (url.scheme() != "https" || !host.ends_with(HOME)) {
        return Err(wrong("must begin with https:// and be a host of midtrans.com in production"));
    }
    if !matches!(url.scheme(), "https" | "http") || host.is_empty() {
        return Err(wrong("must begin with https:// or http://"));
    }
    Ok(url)
}

fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    // Every web URL has path segments.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[async_trait]
impl Gateway for Midtrans {
    async fn create_page(&self, invoice: &Invoice, by: Deadline) -> Result<PaymentPage, GatewayError> {
        let body = page::request(invoice, &self.version);
        let url = below(&self.snap, &["snap", "v1", "transactions"]);
        let answer = self.call(Request { method: Method::POST, url, body: Some(&body) }, &PAUSES, by).await?;
        match answer.code() {
            200..=299 => page::read(&answer, self.is_production).map_err(|reason| GatewayError::Unknown(reason.into())),
            _ => Err(self.refusal(&answer)),
        }
    }

    async fn fetch_status(&self, subject: &Subject, by: Deadline) -> Result<Option<GatewayReport>, GatewayError> {
        let id = match subject {
            Subject::Order(id) => id.to_string(),
            Subject::Transaction(id) if report::is_id(id) => id.clone(),
            // A text that cannot be a transaction id matches no transaction.
            Subject::Transaction(_) => return Ok(None),
        };
        let url = below(&self.api, &["v2", &id, "status"]);
        let answer = self.call(Request { method: Method::GET, url, body: None }, &[], by).await?;
        match answer.code() {
            404 if answer.fields.is_some() => Ok(None),
            404 => Err(GatewayError::Unknown("something else than the gateway has answered".into())),
            200..=202 | 407 => {
                let report = report::read(&answer, self.merchant.as_deref());
                report.map(Some).map_err(|reason| GatewayError::Unknown(reason.into()))
            }
            _ => Err(self.refusal(&answer)),
        }
    }

    async fn close_page(&self, page: &PaymentPage, by: Deadline) -> Result<(), GatewayError> {
        let url = below(&self.snap, &["snap", "v1", "transactions", &page.token, "cancel"]);
        let answer = self.call(Request { method: Method::POST, url, body: None }, &[], by).await?;
        match answer.code() {
            200..=299 if answer.fields.is_some() => Ok(()),
            _ if page::is_closed(&answer) => Ok(()),
            _ => Err(self.refusal(&answer)),
        }
    }

    fn verify_signature(&self, signed: &Signed<'_>) -> bool {
        signature::verify(signed, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            snap_url: "https://app.sandbox.midtrans.com".to_owned(),
            api_url: "https://api.sandbox.midtrans.com".to_owned(),
            server_key: "SB-Mid-server-hunter2".into(),
            merchant_id: None,
            timeout: Duration::from_secs(10),
            is_production: false,
            version: "0.1.0".to_owned(),
        }
    }

    fn why_not(options: Options) -> String {
        Midtrans::new(options).err().unwrap().to_string()
    }

    #[test]
    fn a_key_is_not_shown() {
        assert!(!format!("{:?}", options()).contains("hunter2"));
    }

    #[tokio::test]
    async fn production_takes_nothing_but_midtrans() {
        let live = || Options {
            snap_url: "https://app.midtrans.com/".to_owned(),
            api_url: "https://api.midtrans.com".to_owned(),
            server_key: "Mid-server-hunter2".into(),
            is_production: true,
            ..options()
        };
        assert!(Midtrans::new(live()).is_ok());
        for url in ["http://app.midtrans.com", "https://app.midtrans.com.evil.example", "https://midtrans.com", "app"] {
            assert!(why_not(Options { snap_url: url.to_owned(), ..live() }).contains("snap_url"), "{url}");
            assert!(why_not(Options { api_url: url.to_owned(), ..live() }).contains("api_url"), "{url}");
        }
        let sandbox = why_not(Options { server_key: "SB-Mid-server-hunter2".into(), ..live() });
        assert!(sandbox.contains("sandbox") && !sandbox.contains("hunter2"), "{sandbox}");
    }

    #[tokio::test]
    async fn elsewhere_any_address_of_the_web_will_do() {
        assert!(Midtrans::new(Options { api_url: "http://127.0.0.1:8080/stub".to_owned(), ..options() }).is_ok());
        for url in ["", "/v2", "ftp://midtrans.com", "mailto:nobody@midtrans.com"] {
            assert!(why_not(Options { api_url: url.to_owned(), ..options() }).contains("api_url"), "{url}");
        }
        assert!(why_not(Options { server_key: " ".into(), ..options() }).contains("empty"));
    }

    #[test]
    fn what_stands_in_a_path_stays_in_its_place() {
        let base = Url::parse("https://api.midtrans.com/").unwrap();
        let url = below(&base, &["v2", "a/../b?c", "status"]);
        assert_eq!(url.as_str(), "https://api.midtrans.com/v2/a%2F..%2Fb%3Fc/status");
    }
}
