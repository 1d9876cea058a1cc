//! The outermost layer: what every answer has and every request leaves behind, whatever became of it.

use crate::options::Options;
use crate::present;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use domain::app::App;
use domain::client::ClientAddress;
use domain::context::RequestId;
use domain::observe::{Protocol, RequestReport};
use domain::quota::Quota;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;
use tracing::Instrument;

/// The header that ties together what a request leaves in answers and logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The headers by which proxies tell whom they speak for.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What the layers share, on all workers.
pub(crate) struct Shared {
    pub(crate) app: Arc<App>,
    pub(crate) options: Options,
    pub(crate) in_flight: AtomicUsize,
}

/// What is known of a request before it is routed.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) request_id: RequestId,
    pub(crate) client: ClientAddress,
}

impl Facts {
    /// The facts of a request that has passed this layer.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    fn gather(request: &ServiceRequest, options: &Options) -> Self {
        let headers = request.headers();
        let offered = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let forwarded: Vec<_> = headers.get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
        let client = options.trusted_proxies.client(peer(request), forwarded.into_iter());
        Self { request_id: RequestId::accept(offered), client }
    }
}

fn peer(request: &ServiceRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
}

/// Whether the client's own connection is encrypted, as far as a trusted proxy tells.
fn is_https(request: &ServiceRequest, options: &Options) -> bool {
    let scheme = request.headers().get(FORWARDED_PROTO).and_then(|value| value.to_str().ok());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) && options.trusted_proxies.trusts(peer(request))
}

/// Names the request, reports it once it is answered, and gives the answer the headers that all answers have.
pub(crate) async fn edge<B: MessageBody + 'static>(
    shared: Data<Shared>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let started = Instant::now();
    let facts = Facts::gather(&request, &shared.options);
    let is_https = is_https(&request, &shared.options);
    let span = tracing::info_span!("request", request_id = %facts.request_id, method = %request.method());
    request.extensions_mut().insert(facts.clone());

    let response = next.call(request).instrument(span.clone()).await?;
    let mut response = present::rendered(response);
    decorate(&mut response, &facts, is_https);
    span.in_scope(|| report(&shared, &response, &facts, started));
    Ok(response)
}

fn report<B>(shared: &Shared, response: &ServiceResponse<B>, facts: &Facts, started: Instant) {
    let request = response.request();
    let pattern = request.match_pattern();
    shared.app.desk.observer.request_answered(&RequestReport {
        protocol: Protocol::Rest,
        method: request.method().as_str(),
        route: pattern.as_deref().unwrap_or("unmatched"),
        status: response.status().as_u16(),
        is_fault: response.status().is_server_error(),
        elapsed: started.elapsed(),
        request_id: &facts.request_id,
        client: facts.client,
    });
}

fn decorate<B>(response: &mut ServiceResponse<B>, facts: &Facts, is_https: bool) {
    let quota = response.request().extensions().get::<Quota>().copied();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(facts.request_id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(quota) = quota {
        put_quota(headers, quota);
    }
    for (name, value) in SECURITY {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if is_https {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

/// What OWASP's REST Security Cheat Sheet asks of every answer.
const SECURITY: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// The allowance and what is left of it, as the IETF's draft on RateLimit header fields writes them.
fn put_quota(headers: &mut HeaderMap, quota: Quota) {
    let Quota { limit, window, remaining, resets_in, .. } = quota;
    let policy = format!("\"default\";q={limit};w={}", window.as_secs());
    let left = format!("\"default\";r={remaining};t={}", resets_in.as_secs_f64().ceil());
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
