//! One HTTP exchange with the gateway, bounded in time and size, without following redirects.

use super::{Error, Options};
use domain::decimal;
use domain::error::BoxError;
use http::{Method, header};
use reqwest::{Client, RequestBuilder, redirect, retry, tls};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use url::Url;

const CONNECT: Duration = Duration::from_secs(3);
/// The largest answer, in bytes.
const MAX_BODY: usize = 1 << 20;
/// How long a connection is kept for the next exchange.
const IDLE: Duration = Duration::from_secs(30);
/// The longest text of the gateway in a log line, in characters.
const MAX_REASON: usize = 300;

/// Why an exchange failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// No connection could be made; nothing was sent.
    Unsent(BoxError),
    Late,
    /// The connection broke before the answer, for example a kept one that the server has closed.
    Lost(BoxError),
    /// The answer is malformed or incomplete.
    Garbled(BoxError),
}

/// An answer: the HTTP status, and the body's fields if it is a JSON object.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Option<Map<String, Value>>,
}

impl Answer {
    /// Returns a field's text or the canonical spelling of its number; `None` if absent or blank.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        text_of(self.fields.as_ref()?.get(name)?)
    }

    /// The gateway's status code: the one in the body, or else the HTTP status.
    pub(super) fn code(&self) -> u16 {
        self.text("status_code").and_then(|code| code.parse().ok()).unwrap_or(self.status)
    }

    /// Whether the gateway reports a failure or too many requests.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.code(), 429 | 500..=599)
    }

    /// Whether the answer is the gateway's own, not an error page of a proxy.
    pub(super) fn is_sound(&self) -> bool {
        self.fields.is_some() && !self.is_failure() && matches!(self.code(), 200..=299 | 400..=499)
    }

    /// The gateway's error messages.
    pub(super) fn reasons(&self) -> Vec<String> {
        let list = self.fields.as_ref().and_then(|fields| fields.get("error_messages")).and_then(Value::as_array);
        let mut reasons: Vec<_> = list.into_iter().flatten().filter_map(text_of).collect();
        reasons.extend(self.text("status_message"));
        reasons
    }
}

/// Returns a text that is not blank, or the canonical spelling of a JSON number, from which amounts are parsed.
pub(super) fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => {
            let written = number.to_string();
            decimal::plain(&written).unwrap_or(written)
        }
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The HTTP client with the server key.
pub(super) struct Http {
    client: Client,
    key: SecretString,
    main: Handle,
}

impl Http {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            .https_only(options.is_production)
            .tls_version_min(tls::Version::TLS_1_2)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| Error::Client(error.into()))?;
        let main = Handle::try_current().map_err(|error| Error::Client(error.into()))?;
        Ok(Self { client, key: options.server_key.clone(), main })
    }

    /// Sends a request and reads its answer within the time limit.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        time: Duration,
    ) -> Result<Answer, Fault> {
        let mut request = self
            .client
            .request(method, url)
            .basic_auth(self.key.expose_secret(), Some(""))
            .header(header::ACCEPT, "application/json")
            .timeout(time);
        if let Some(body) = body {
            request = request.json(body);
        }
        // The exchange runs on the main runtime, because connections end with the runtime that opened them. Dropping the set
        // cancels it.
        let mut exchanges = JoinSet::new();
        exchanges.spawn_on(exchange(request), &self.main);
        match exchanges.join_next().await {
            Some(Ok(answered)) => answered,
            Some(Err(error)) => Err(Fault::Garbled(error.into())),
            None => Err(Fault::Garbled("the exchange was lost".into())),
        }
    }

    /// What the gateway says went wrong, fit for the log: on one line, not too long, and without our key.
    pub(super) fn reason(&self, answer: &Answer) -> BoxError {
        let said = answer.reasons().join("; ");
        let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if said.contains(self.key.expose_secret()) {
            return format!("status {}, with our key in its text", answer.code()).into();
        }
        let said: String = said.chars().take(MAX_REASON).collect();
        format!("status {}: {said}", answer.code()).into()
    }
}

async fn exchange(request: RequestBuilder) -> Result<Answer, Fault> {
    let mut response = request.send().await.map_err(|error| told(error, Fault::Lost))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| told(error, Fault::Garbled))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Fault::Garbled("the answer is larger than 1 MiB".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, fields: serde_json::from_slice(&body).ok() })
}

/// Maps a client error: connection and timeout errors by themselves, others by `otherwise`. URLs are removed, because they
/// contain page tokens.
fn told(error: reqwest::Error, otherwise: fn(BoxError) -> Fault) -> Fault {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        Fault::Unsent(error.into())
    } else if error.is_timeout() {
        Fault::Late
    } else {
        otherwise(error.into())
    }
}
