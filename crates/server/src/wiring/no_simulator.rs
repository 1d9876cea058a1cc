//! What a build without the feature `simulator` has in the place of the simulated payment gateway.

use super::payments::ConfiguredGateway;
use crate::serve::StartError;
use app::clock::Clock;
use settings::Simulator as Choice;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

pub(super) fn open(
    _choice: &Choice,
    _public_url: Option<&str>,
    _rest: SocketAddr,
    _clock: Arc<dyn Clock>,
) -> Result<ConfiguredGateway, StartError> {
    Err(absent())
}

pub(super) fn check(_choice: &Choice, _can_be_file: impl Fn(&Path) -> io::Result<()>) -> Result<(), StartError> {
    Err(absent())
}

fn absent() -> StartError {
    StartError::Simulator {
        key: "payment.gateway",
        problem: "is the simulator, which this build does not contain".to_owned(),
        remedy: "use midtrans, or a build with the feature simulator",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_simulator_refuses_it_with_the_setting_and_the_remedy() {
        assert_eq!(
            absent().to_string(),
            "payment.gateway: is the simulator, which this build does not contain; use midtrans, or a build with the feature simulator"
        );
    }
}
