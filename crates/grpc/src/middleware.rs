//! The middleware of every call: request id, deadline, panics, span and report.

use crate::call::{Call, X_REQUEST_ID};
use crate::method_names::{RpcMatch, Rpcs};
use crate::{deadline, error};
use app::client::TrustedProxies;
use app::observe::{Protocol, RequestReport};
use app::pipeline::CallPipeline;
use domain::error::{Error, ErrorCode};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, Response};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task;
use std::time::{Duration, Instant};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument;

const GRPC_STATUS: &str = "grpc-status";
const GRPC_STATUS_DETAILS: &str = "grpc-status-details-bin";

pub(crate) struct CallOptions {
    pub(crate) pipeline: Arc<CallPipeline>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) deadline: Duration,
    pub(crate) rpcs: Rpcs,
}

#[derive(Clone)]
pub(crate) struct CallLayer(Arc<CallOptions>);

impl CallLayer {
    pub(crate) fn new(options: CallOptions) -> Self {
        Self(Arc::new(options))
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = CallService<S>;

    fn layer(&self, services: S) -> CallService<S> {
        CallService { options: Arc::clone(&self.0), services }
    }
}

#[derive(Clone)]
pub(crate) struct CallService<S> {
    options: Arc<CallOptions>,
    services: S,
}

impl<S> Service<Request<Body>> for CallService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), Infallible>> {
        self.services.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let started = Instant::now();
        let options = Arc::clone(&self.options);
        let call = Call::of(&request, &options.proxies, options.deadline);
        let RpcMatch { name: rpc, unknown } = options.rpcs.find(request.uri().path());
        let span = tracing::info_span!("grpc", request_id = call.request_id.as_str(), rpc = &*rpc);
        request.extensions_mut().insert(call.clone());
        let work = self.services.call(request);
        let answer = async move {
            let mut response = options.answer(&call, unknown, work).await;
            if let Ok(id) = HeaderValue::from_str(call.request_id.as_str()) {
                response.headers_mut().insert(X_REQUEST_ID, id);
            }
            if matches!(status_of(response.headers()), Code::ResourceExhausted | Code::Unavailable) {
                options.hold_back(&call, started).await;
            }
            options.report(&call, &rpc, status_of(response.headers()), started);
            Ok(response)
        };
        Box::pin(answer.instrument(span))
    }
}

impl CallOptions {
    /// The services' answer, or an error at the deadline or after a panic.
    async fn answer<F>(&self, call: &Call, unknown: Option<String>, work: F) -> Response<Body>
    where
        F: Future<Output = Result<Response<Body>, Infallible>>,
    {
        match deadline::within(call.deadline, AssertUnwindSafe(work).catch_unwind()).await {
            Some(Ok(Ok(response))) => with_details(call, unknown, response),
            Some(Err(_panic)) => {
                self.pipeline.observer.panic_caught("grpc");
                error_response(call, ErrorCode::Internal)
            }
            None => error_response(call, ErrorCode::DeadlineExceeded),
        }
    }

    /// Waits before a refusal is answered, where refusals are many.
    async fn hold_back(&self, call: &Call, started: Instant) {
        if let Some(held) = self.pipeline.refusals.hold(started) {
            tokio::time::sleep_until(held.until().min(call.deadline.instant()).into()).await;
        }
    }

    fn report(&self, call: &Call, rpc: &str, status: Code, started: Instant) {
        self.pipeline.observer.request_answered(&RequestReport {
            protocol: Protocol::Grpc,
            method: "POST",
            route: rpc,
            status: status as u16,
            is_fault: matches!(status, Code::Internal | Code::Unknown | Code::DataLoss),
            elapsed: started.elapsed(),
            request_id: &call.request_id,
            client: call.client,
        });
    }
}

fn error_response(call: &Call, code: ErrorCode) -> Response<Body> {
    error::status(&Error::new(code), &call.request_id).into_http()
}

/// Replaces an error of tonic itself, which has no details. Other answers stay as they are.
fn with_details(call: &Call, unknown: Option<String>, response: Response<Body>) -> Response<Body> {
    if response.headers().contains_key(GRPC_STATUS_DETAILS) {
        return response;
    }
    let status = status_of(response.headers());
    let instead = match unknown {
        Some(message) if status == Code::Unimplemented => Some(error::unknown_rpc(message, &call.request_id)),
        _ => error::replacement(status, &call.request_id),
    };
    instead.map_or(response, Status::into_http)
}

/// The status in an answer's headers. That of a success comes in the trailers, after the message.
fn status_of(headers: &HeaderMap) -> Code {
    headers.get(GRPC_STATUS).map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
}
