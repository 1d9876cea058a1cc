//! What surrounds every call, to whichever service: request id, deadline, panics, span and report.

use crate::call::{Call, X_REQUEST_ID};
use crate::method_names::{Asked, Rpcs};
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

/// What all calls share.
pub(crate) struct CallOptions {
    /// Takes the reports.
    pub(crate) pipeline: Arc<CallPipeline>,
    /// The proxies that are believed.
    pub(crate) proxies: TrustedProxies,
    /// The longest that a call may take.
    pub(crate) deadline: Duration,
    /// What is served.
    pub(crate) rpcs: Rpcs,
}

/// Surrounds the services.
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

/// The services and what surrounds them.
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
        let around = Arc::clone(&self.options);
        let call = Call::of(&request, &around.proxies, around.deadline);
        let Asked { name: rpc, unknown } = around.rpcs.find(request.uri().path());
        let span = tracing::info_span!("grpc", request_id = call.request_id.as_str(), rpc = &*rpc);
        request.extensions_mut().insert(call.clone());
        let work = self.services.call(request);
        let answer = async move {
            let mut response = around.answer(&call, unknown, work).await;
            if let Ok(id) = HeaderValue::from_str(call.request_id.as_str()) {
                response.headers_mut().insert(X_REQUEST_ID, id);
            }
            around.report(&call, &rpc, status_of(response.headers()), started);
            Ok(response)
        };
        Box::pin(answer.instrument(span))
    }
}

impl CallOptions {
    /// The services' answer, or the one that is due when there is none in time.
    async fn answer<F>(&self, call: &Call, unknown: Option<String>, work: F) -> Response<Body>
    where
        F: Future<Output = Result<Response<Body>, Infallible>>,
    {
        match deadline::within(call.deadline, AssertUnwindSafe(work).catch_unwind()).await {
            Some(Ok(Ok(response))) => put_right(call, unknown, response),
            Some(Err(_panic)) => {
                self.pipeline.observer.panic_caught("grpc");
                refusal(call, ErrorCode::Internal)
            }
            None => refusal(call, ErrorCode::DeadlineExceeded),
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

fn refusal(call: &Call, code: ErrorCode) -> Response<Body> {
    error::status(&Error::new(code), &call.request_id).into_http()
}

/// An answer as it is, unless it is a refusal of tonic's own that has to be put right: those come without details.
fn put_right(call: &Call, unknown: Option<String>, response: Response<Body>) -> Response<Body> {
    if response.headers().contains_key(GRPC_STATUS_DETAILS) {
        return response;
    }
    let status = status_of(response.headers());
    let instead = match unknown {
        Some(message) if status == Code::Unimplemented => Some(error::unknown_rpc(message, &call.request_id)),
        _ => error::instead_of(status, &call.request_id),
    };
    instead.map_or(response, Status::into_http)
}

/// An answer's status. That of a success comes with the trailers, after its message.
fn status_of(headers: &HeaderMap) -> Code {
    headers.get(GRPC_STATUS).map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
}
