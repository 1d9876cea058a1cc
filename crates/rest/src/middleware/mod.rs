//! The outermost middleware: request id, span, report and the headers of every answer.

pub(crate) mod guard;

use crate::addresses::Prefix;
use crate::connection_timeout::ConnectionTimer;
use crate::headers::{REQUEST_ID, ResponseContext, complete};
use crate::options::Options;
use crate::{error_response, path, request_body_guard};
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderName;
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use app::App;
use app::client::ClientAddress;
use app::context::RequestId;
use app::observe::{Protocol, RequestReport};
use app::rate_limit::Quota;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// The headers by which proxies name the client.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The state that requests share, on all workers.
pub(crate) struct Shared {
    pub(crate) app: Arc<App>,
    pub(crate) options: Options,
    /// Limits the use cases that run at the same time.
    pub(crate) permits: Semaphore,
    /// Ends long answers when the server is about to stop.
    pub(crate) stop: CancellationToken,
}

/// The pattern of the route that a request found.
#[derive(Clone, Copy)]
pub(crate) struct Route(pub(crate) &'static str);

#[derive(Clone)]
pub(crate) struct RequestInfo {
    pub(crate) request_id: RequestId,
    pub(crate) client: ClientAddress,
    /// The path prefix that a trusted proxy has removed.
    pub(crate) prefix: Option<Prefix>,
    /// The number of slashes that were removed from the end of the path.
    pub(crate) slashes: usize,
}

impl RequestInfo {
    /// `None` for a request that has not passed this middleware.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    fn gather(request: &ServiceRequest, options: &Options, slashes: usize) -> Self {
        let headers = request.headers();
        let offered = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let forwarded = headers.get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        let client = options.trusted_proxies.client(peer(request), forwarded);
        let prefix = Prefix::read(headers).filter(|_| options.trusted_proxies.trusts(peer(request)));
        Self { request_id: RequestId::accept(offered), client, prefix, slashes }
    }
}

fn peer(request: &ServiceRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
}

/// Whether a trusted proxy reports that the client's connection is encrypted.
fn is_https(request: &ServiceRequest, options: &Options) -> bool {
    let scheme = request.headers().get(FORWARDED_PROTO).and_then(|value| value.to_str().ok());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) && options.trusted_proxies.trusts(peer(request))
}

/// Gives the request an id, reports its answer, and completes the answer's headers.
pub(crate) async fn outermost<B: MessageBody + 'static>(
    shared: Data<Shared>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<request_body_guard::GuardedBody>, Error> {
    let started = Instant::now();
    let under_way = request.conn_data::<ConnectionTimer>().map(ConnectionTimer::begin);
    let slashes = path::trim(&mut request);
    let info = RequestInfo::gather(&request, &shared.options, slashes);
    let is_https = is_https(&request, &shared.options);
    let (request_id, method) = (info.request_id.as_str(), request.method().as_str());
    let span = tracing::info_span!("request", request_id, method, route = tracing::field::Empty);
    request.extensions_mut().insert(info.clone());
    let body = request_body_guard::RequestBody::of(&mut request);

    let response = next.call(request).instrument(span.clone()).await?;
    let mut response = error_response::rendered(response, &info.request_id);
    let quota = response.request().extensions().get::<Quota>().copied();
    complete(response.headers_mut(), &ResponseContext { request_id: &info.request_id, quota, is_https });
    end_by_closing(&mut response);
    if is_refusal(response.status()) {
        hold_back(&shared, started).await;
    }
    span.in_scope(|| report(&shared, &response, &info, started));
    Ok(request_body_guard::guard(response, body, under_way))
}

/// Whether the client may try again later.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// Waits before a refusal is answered, where refusals are many.
async fn hold_back(shared: &Shared, started: Instant) {
    if let Some(held) = shared.app.pipeline.refusals.hold(started) {
        tokio::time::sleep_until(held.until().into()).await;
    }
}

/// Closes the connection after an answer of unknown length to HTTP/1.0, which has no chunks (RFC 9112 §6.1).
fn end_by_closing<B: MessageBody>(response: &mut ServiceResponse<B>) {
    if response.request().version() < Version::HTTP_11 && response.response().body().size() == BodySize::Stream {
        let head = response.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
}

fn report<B>(shared: &Shared, response: &ServiceResponse<B>, info: &RequestInfo, started: Instant) {
    let request = response.request();
    let route = request.extensions().get::<Route>().copied();
    shared.app.pipeline.observer.request_answered(&RequestReport {
        protocol: Protocol::Rest,
        method: method(request),
        route: route.map_or("unmatched", |Route(pattern)| pattern),
        status: response.status().as_u16(),
        is_fault: response.status() == StatusCode::INTERNAL_SERVER_ERROR,
        elapsed: started.elapsed(),
        request_id: &info.request_id,
        client: info.client,
    });
}

/// The method's name; an unknown one becomes `other`, because clients could invent any number of metric labels.
fn method(request: &HttpRequest) -> &str {
    const KNOWN: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    let method = request.method().as_str();
    if KNOWN.contains(&method) { method } else { "other" }
}
