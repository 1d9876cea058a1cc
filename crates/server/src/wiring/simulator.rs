//! The simulated payment gateway, in a build with the feature `simulator`.

use super::payments::ConfiguredGateway;
use crate::serve::StartError;
use app::clock::Clock;
use settings::Simulator as Choice;
use simulator::{Error, Options, RESOURCES, Simulator};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// The path on which REST receives the gateway's notifications.
const WEBHOOK: &str = "/payments/midtrans/webhook";

/// `public_url` is the address by which clients know REST, where it is not `rest`. Notifications go to `rest`.
pub(super) fn open(
    choice: &Choice,
    public_url: Option<&str>,
    rest: SocketAddr,
    clock: Arc<dyn Clock>,
) -> Result<ConfiguredGateway, StartError> {
    let simulator = Simulator::open(options(choice, public_url, rest), clock).map_err(|error| refused(&error))?;
    let simulator = Arc::new(simulator);
    let sender = Arc::clone(&simulator);
    Ok(ConfiguredGateway {
        gateway: simulator.clone(),
        midtrans: None,
        pages: Some(Arc::new(RESOURCES.map(|resource| page(&simulator, resource)))),
        notifications: Some(Arc::new(move || Box::pin(Arc::clone(&sender).run()))),
    })
}

/// Checks the settings without opening the simulator. `can_be_file` checks the journal's path.
pub(super) fn check(choice: &Choice, can_be_file: impl Fn(&Path) -> io::Result<()>) -> Result<(), StartError> {
    let Some(journal) = &choice.journal else { return Ok(()) };
    can_be_file(journal).map_err(|error| refused(&Error::Journal(journal.clone(), error)))
}

fn refused(error: &Error) -> StartError {
    let (key, remedy) = match error {
        Error::Journal(..) => ("payment.simulator.journal", "let this process write there, name another file, or none"),
        Error::Client(_) => ("payment.gateway", "put the settings of payment.simulator right"),
    };
    StartError::Simulator { key, problem: error.to_string(), remedy }
}

fn page(simulator: &Arc<Simulator>, resource: simulator::Resource) -> rest::Page {
    let simulator = Arc::clone(simulator);
    let handler = Arc::new(move |request: &_, slashes| (resource.answer)(&simulator, request, slashes));
    rest::Page { path: resource.path, methods: resource.methods, handler }
}

fn options(choice: &Choice, public_url: Option<&str>, rest: SocketAddr) -> Options {
    let base = base_of(rest);
    Options {
        public_url: choice.public_url.clone().unwrap_or_else(|| public_url.unwrap_or(&base).to_owned()),
        webhook_url: format!("{base}{WEBHOOK}"),
        server_key: choice.server_key.clone(),
        journal: choice.journal.clone(),
        ..Options::default()
    }
}

/// The URL of REST on this machine: the loopback address where REST listens on every interface.
fn base_of(rest: SocketAddr) -> String {
    if rest.ip().is_unspecified() { format!("http://127.0.0.1:{}", rest.port()) } else { format!("http://{rest}") }
}
