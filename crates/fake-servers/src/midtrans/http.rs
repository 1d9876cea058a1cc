//! The gateway's HTTP server: authorization, answers and faulty answers.

use super::orders::Answer;
use super::{Endpoint, Fault, RecordedRequest, Shared, lock};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The size of an answer that is too large, in bytes.
const HUGE: usize = 10 << 20;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    // Dropping the set closes all connections.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&shared), request));
            // A client may close its connection at any time.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = head.uri.path().to_owned();
    let credentials = format!("Basic {}", STANDARD.encode(format!("{}:", shared.key)));
    let recorded = RecordedRequest {
        endpoint: Endpoint::find(head.method.as_str(), &path),
        method: head.method.to_string(),
        is_authorized: header(AUTHORIZATION) == credentials,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        path,
    };
    lock(&shared.requests).push(recorded.clone());
    let Some(endpoint) = recorded.endpoint else {
        return Ok(respond(&(404, error_body(None, "404", "no such path"))));
    };
    let fault = shared.faults.take(endpoint);
    if let Some(refusal) = fault.and_then(|fault| refusal(endpoint, fault, &shared.key)) {
        return Ok(refusal);
    }
    let is_json = header(ACCEPT).contains("application/json")
        && (recorded.body.is_null() || header(CONTENT_TYPE).starts_with("application/json"));
    let answer = if !recorded.is_authorized {
        (
            401,
            error_body(
                Some(endpoint),
                "401",
                "Access denied due to unauthorized transaction, please check client or server key",
            ),
        )
    } else if is_json {
        act(&shared, endpoint, &recorded)
    } else {
        (403, error_body(Some(endpoint), "403", "the headers must tell of JSON"))
    };
    match fault {
        Some(fault) => corrupt(fault, &answer).await,
        None => Ok(respond(&answer)),
    }
}

fn act(shared: &Shared, endpoint: Endpoint, recorded: &RecordedRequest) -> Answer {
    let mut orders = lock(&shared.orders);
    let segment = |index| recorded.path.split('/').nth(index).unwrap_or_default();
    match endpoint {
        Endpoint::Create => orders.create(&recorded.body),
        Endpoint::Cancel => orders.cancel(segment(4)),
        Endpoint::Status => orders.status(segment(2), &shared.key),
    }
}

/// An error body in the format of Snap or of the Core API.
fn error_body(endpoint: Option<Endpoint>, code: &str, message: &str) -> Value {
    match endpoint {
        Some(Endpoint::Create | Endpoint::Cancel) => json!({ "error_messages": [message] }),
        Some(Endpoint::Status) | None => json!({ "status_code": code, "status_message": message }),
    }
}

fn respond((status, body): &Answer) -> Response<Body> {
    with(*status, "application/json", whole(body.to_string()))
}

fn with(status: u16, kind: &str, body: Body) -> Response<Body> {
    Response::builder().status(status).header(CONTENT_TYPE, kind).body(body).unwrap()
}

fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The answer of a fault at which the gateway does nothing.
fn refusal(endpoint: Endpoint, fault: Fault, key: &str) -> Option<Response<Body>> {
    let own =
        |status: u16, message: &str| Some(respond(&(status, error_body(Some(endpoint), &status.to_string(), message))));
    match fault {
        Fault::Status(status) => Some(with(status, "text/html", whole("<h1>Sorry</h1>"))),
        Fault::Failed => own(500, "Sorry, we encountered internal server error. We will fix this soon."),
        Fault::TooMany => own(429, "API rate limit exceeded"),
        Fault::Unauthorized => own(401, &format!("unknown server key {key}")),
        Fault::Redirect => {
            let mut answer = with(302, "text/html", whole("<h1>Elsewhere</h1>"));
            answer.headers_mut().insert(LOCATION, "/v2/elsewhere/status".parse().unwrap());
            Some(answer)
        }
        Fault::Hang | Fault::HangUp | Fault::Junk | Fault::Huge | Fault::Drip | Fault::CutOff => None,
    }
}

/// The answer of a fault after the work is done.
async fn corrupt(fault: Fault, answer: &Answer) -> io::Result<Response<Body>> {
    let text = answer.1.to_string();
    let length = text.len();
    let body = match fault {
        Fault::Hang => std::future::pending().await,
        Fault::HangUp => return Err(io::Error::other("hung up")),
        Fault::Junk => whole("220 mail.example ESMTP\r\n"),
        Fault::Huge => whole(vec![b' '; HUGE]),
        Fault::Drip => {
            let bytes = stream::iter(text.into_bytes()).then(|byte| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Frame::data(Bytes::from(vec![byte])))
            });
            StreamBody::new(bytes).boxed_unsync()
        }
        Fault::CutOff => {
            let half = Bytes::from(text[..length / 2].to_owned());
            let frames = stream::iter([Ok(Frame::data(half)), Err(io::Error::other("cut off"))]).then(|frame| async {
                if frame.is_err() {
                    // Long enough for the first half to be sent.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                frame
            });
            let mut answer = with(answer.0, "application/json", StreamBody::new(frames).boxed_unsync());
            answer.headers_mut().insert(CONTENT_LENGTH, length.into());
            return Ok(answer);
        }
        Fault::Status(_) | Fault::Failed | Fault::TooMany | Fault::Unauthorized | Fault::Redirect => {
            return Ok(respond(answer));
        }
    };
    Ok(with(answer.0, "application/json", body))
}
