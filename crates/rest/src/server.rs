//! The server: its listener, its layers, its routes.

use crate::connection_timeout::{ConnectionTimer, Limits};
use crate::cors::cors;
use crate::error::{ApiError, HttpError};
use crate::error_response::whole_seconds;
use crate::middleware::guard::{catch_panics, limit_uri_length};
use crate::middleware::{Shared, outermost};
use crate::options::Options;
use crate::{docs, media, midtrans, payment, product, user};
use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{Error, HttpResponse, HttpServer, Resource};
use app::App;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The time in which a client has to close a connection after the server has closed it.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves REST on a listener, until `stop` and then until the requests under way have ended, within the drain timeout.
///
/// HTTP/1.1 only: HTTP/2 is for the proxy in front, which also does TLS.
///
/// # Errors
/// Where the listener cannot be used.
pub fn serve(
    app: Arc<App>,
    options: Options,
    listener: TcpListener,
    stop: CancellationToken,
) -> std::io::Result<Server> {
    let workers = options.workers.max(1);
    let permits = Semaphore::new(options.in_flight.min(Semaphore::MAX_PERMITS));
    let Options { keep_alive, head_timeout, drain_timeout, max_connections, .. } = options;
    let limits = limits(&options);
    let docs = options.docs.then(|| docs::Docs::new(options.public_url.as_deref()));
    let (index, simulator) = (options.index, options.simulator.clone());
    let shared = Data::new(Shared { app: Arc::clone(&app), options, permits, stop: stop.clone() });
    let app = Data::from(app);
    let factory = move || {
        let for_middleware = shared.clone();
        actix_web::App::new()
            .app_data(app.clone())
            .app_data(shared.clone())
            .wrap(from_fn(limit_uri_length))
            .wrap(cors(&shared.options))
            .wrap(from_fn(move |request, next: Next<_>| outermost(for_middleware.clone(), request, next)))
            .configure(user::routes)
            .configure(product::routes)
            .configure(midtrans::routes)
            .configure(payment::routes)
            .configure(media::routes)
            .configure(|config| simulator.iter().flat_map(|pages| pages.iter()).for_each(|page| page.route(config)))
            .configure(|config| docs.iter().for_each(|docs| docs.routes(config)))
            .configure(|config| index.iter().for_each(|index| index.routes(config)))
            .default_service(web::to(not_found))
    };
    let server = HttpServer::new(factory)
        .workers(workers)
        // These threads read images of the local folder, and nothing else: slow work has executors of its own.
        .worker_max_blocking_threads(1)
        .max_connections((max_connections / workers).max(1))
        .on_connect(move |io, connection| ConnectionTimer::start(io, connection, limits))
        .keep_alive(keep_alive)
        .client_request_timeout(head_timeout)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .shutdown_timeout(whole_seconds(drain_timeout))
        .shutdown_signal(stop.cancelled_owned());
    Ok(server.listen(listener)?.run())
}

/// The time limit of each step of a connection: the sum of the limits of its parts.
fn limits(options: &Options) -> Limits {
    Limits {
        idle: options.keep_alive + options.head_timeout,
        busy: options.body_timeout.max(options.upload_timeout) + options.request_timeout + options.read_timeout,
    }
}

/// A resource that answers another method with the methods that it allows, and catches its handler's panic.
pub(crate) fn resource(
    path: &'static str,
    methods: &'static str,
) -> Resource<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl actix_web::body::MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let refuse = move || async move { Err::<HttpResponse, ApiError>(HttpError::MethodNotAllowed(methods).into()) };
    web::resource(path)
        .default_service(web::to(refuse))
        .wrap(from_fn(move |request, next: Next<BoxBody>| catch_panics(path, request, next)))
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(HttpError::NotFound.into())
}
