//! The server: its layers, its services, and a stop within a bound.

use crate::connection;
use crate::descriptors::descriptor_set;
use crate::health::Health;
use crate::method_names::Rpcs;
use crate::middleware::{CallLayer, CallOptions};
use crate::options::Options;
use crate::payment::{PaymentCommands, PaymentQueries};
use crate::product::{self, ProductCommands, ProductQueries};
use crate::proto::DESCRIPTOR_SET;
use crate::proto::payment::payment_command_service_server::PaymentCommandServiceServer;
use crate::proto::payment::payment_query_service_server::PaymentQueryServiceServer;
use crate::proto::product::product_command_service_server::ProductCommandServiceServer;
use crate::proto::product::product_query_service_server::ProductQueryServiceServer;
use crate::proto::user::user_command_service_server::UserCommandServiceServer;
use crate::proto::user::user_query_service_server::UserQueryServiceServer;
use crate::upload::Uploads;
use crate::user::{UserCommands, UserQueries};
use app::App;
use domain::error::BoxError;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_reflection::server::Builder as Reflection;

/// The number of streams that a client may open and reset before they are handled, and of those that the server resets for
/// the client's errors, until the connection closes (CVE-2023-44487, "rapid reset").
const MAX_RESET_STREAMS: usize = 20;
const MAX_REFUSED_STREAMS: usize = 256;

/// Serves the shop on a bound listener until `stop`. The health service reports `ready`.
///
/// After `stop` the server accepts no connection and no call. Running calls have [`Options::drain_timeout`] to end, and are
/// then cut. Dropping the future cuts them at once.
///
/// # Errors
/// That the listener does not work, or that calls had to be cut.
pub async fn serve(
    app: Arc<App>,
    options: Options,
    listener: std::net::TcpListener,
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
) -> Result<(), BoxError> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let is_ready = *ready.borrow();
    let health = Health::new(is_ready).await;
    let cut = CancellationToken::new();
    let _cut_what_is_left = cut.clone().drop_guard();

    let serving = transport(&options)
        .layer(CallLayer::new(call_options(&app, &options)?))
        .add_routes(routes(app, &health, &options, &stop)?)
        .serve_with_incoming_shutdown(
            connection::accept(listener, &options, stop.clone(), cut),
            stop.clone().cancelled_owned(),
        );
    tokio::select! {
        served = serving => Ok(served?),
        () = overdue(&stop, options.drain_timeout) => Err("gRPC calls were cut: they did not end in time".into()),
        never = health.follow(ready, stop.clone()) => match never {},
    }
}

/// Returns when the time to drain is over.
async fn overdue(stop: &CancellationToken, drain_timeout: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(drain_timeout).await;
}

fn transport(options: &Options) -> Server {
    // Without a grace of tonic's: with one, it cuts a connection of that age without asking it to end first.
    Server::builder()
        .max_concurrent_streams(options.max_concurrent_streams)
        .http2_max_header_list_size(options.max_metadata)
        .http2_keepalive_interval(Some(options.keepalive_interval))
        .http2_keepalive_timeout(Some(options.keepalive_timeout))
        .max_connection_age(options.max_connection_age)
        .http2_max_pending_accept_reset_streams(Some(MAX_RESET_STREAMS))
        .http2_max_local_error_reset_streams(Some(MAX_REFUSED_STREAMS))
}

fn call_options(app: &App, options: &Options) -> Result<CallOptions, BoxError> {
    Ok(CallOptions {
        pipeline: Arc::clone(&app.pipeline),
        proxies: options.trusted_proxies.clone(),
        deadline: options.deadline,
        rpcs: Rpcs::read(&descriptor_sets(options))?,
    })
}

/// The descriptors of all that is served.
fn descriptor_sets(options: &Options) -> Vec<&'static [u8]> {
    let mut sets = vec![DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET];
    if options.reflection {
        sets.push(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET);
        sets.push(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET);
    }
    sets
}

/// All services, each with a limit on what it reads.
fn routes(app: Arc<App>, health: &Health, options: &Options, stop: &CancellationToken) -> Result<Routes, BoxError> {
    let limit = options.max_message;
    let user_commands = UserCommandServiceServer::new(UserCommands(Arc::clone(&app)));
    let user_queries = UserQueryServiceServer::new(UserQueries(Arc::clone(&app)));
    let product_commands = ProductCommandServiceServer::new(ProductCommands(Arc::clone(&app)));
    let product_commands = product_commands.max_decoding_message_size(options.max_upload).accept_compressed(Gzip);
    let product_commands = Uploads::new(Arc::clone(&app), product::gate, options, product_commands);
    let product_queries = ProductQueryServiceServer::new(ProductQueries(Arc::clone(&app)));
    let payment_commands = PaymentCommandServiceServer::new(PaymentCommands(Arc::clone(&app)));
    let payment_queries = PaymentQueryServiceServer::new(PaymentQueries { app, stop: stop.clone() });
    let routes = Routes::new(user_commands.max_decoding_message_size(limit).accept_compressed(Gzip))
        .add_service(user_queries.max_decoding_message_size(limit).accept_compressed(Gzip))
        .add_service(product_commands)
        .add_service(product_queries.max_decoding_message_size(limit).accept_compressed(Gzip))
        .add_service(payment_commands.max_decoding_message_size(limit).accept_compressed(Gzip))
        .add_service(payment_queries.max_decoding_message_size(limit).accept_compressed(Gzip))
        .add_service(health.service().max_decoding_message_size(limit));
    if !options.reflection {
        return Ok(routes);
    }
    Ok(routes
        .add_service(reflection()?.build_v1()?.max_decoding_message_size(limit))
        .add_service(reflection()?.build_v1alpha()?.max_decoding_message_size(limit)))
}

fn reflection() -> Result<Reflection<'static>, BoxError> {
    Ok(Reflection::configure().register_file_descriptor_set(descriptor_set()?))
}
