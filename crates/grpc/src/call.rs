//! One call as a handler sees it: its admission and the run of its use case.

use crate::connection::Peer;
use crate::{deadline, error};
use app::client::{ClientAddress, TrustedProxies};
use app::clock::Deadline;
use app::context::RequestId;
use app::observe::Protocol;
use app::pipeline::{Admitted, Caller, Handler, UseCase};
use http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tonic::{Request, Status};

/// The metadata with the call's id, in requests and answers.
pub(crate) const X_REQUEST_ID: &str = "x-request-id";

const X_FORWARDED_FOR: &str = "x-forwarded-for";
const AUTHORIZATION: &str = "authorization";

/// A call before its message is read. The request's extensions carry it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) request_id: RequestId,
    pub(crate) client: ClientAddress,
    pub(crate) deadline: Deadline,
}

impl Call {
    pub(crate) fn of<B>(request: &http::Request<B>, proxies: &TrustedProxies, longest: Duration) -> Self {
        let headers = request.headers();
        let peer = request.extensions().get::<Peer>();
        // Every connection has a peer. Calls of one without would share a rate limit.
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(address)| *address);
        Self {
            request_id: RequestId::accept(headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok())),
            client: proxies.client(peer, forwarded_for(headers)),
            deadline: deadline::of(headers, longest),
        }
    }
}

/// The values of `x-forwarded-for`. A value that is not ASCII becomes an empty one, which is not an address and so ends the
/// search for the client: without it, the values before it would count, which the client may have written.
fn forwarded_for(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    headers.get_all(X_FORWARDED_FOR).into_iter().map(|value| value.to_str().unwrap_or_default())
}

/// Admits a call to a use case, unless [`admit_early`] has done so before its message was read.
///
/// # Errors
/// The status of the refused call.
pub(crate) fn admit<U: UseCase, M>(request: &Request<M>, handler: &Handler<U>) -> Result<Admitted<U>, Status> {
    match request.extensions().get::<Admitted<U>>() {
        Some(admitted) => Ok(admitted.clone()),
        None => {
            let authorization = request.metadata().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            admit_call(request.extensions().get::<Call>(), authorization, handler)
        }
    }
}

/// Admits a call before its message is read, so that no large message of an unknown caller is read.
///
/// # Errors
/// Those of [`admit`].
pub(crate) fn admit_early<U: UseCase, B>(request: &mut http::Request<B>, handler: &Handler<U>) -> Result<(), Status> {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let admitted = admit_call(request.extensions().get::<Call>(), authorization, handler)?;
    request.extensions_mut().insert(admitted);
    Ok(())
}

fn admit_call<U: UseCase>(
    call: Option<&Call>,
    authorization: Option<&str>,
    handler: &Handler<U>,
) -> Result<Admitted<U>, Status> {
    let call = call.ok_or_else(|| Status::internal("the call's layer is missing"))?;
    let admission = handler.admit(Caller {
        protocol: Protocol::Grpc,
        authorization,
        client: call.client,
        request_id: call.request_id.clone(),
        deadline: call.deadline,
    });
    admission.outcome.map_err(|error| error::status(&error, &call.request_id))
}

/// Runs a use case.
///
/// # Errors
/// The status of the failed call.
pub(crate) async fn run<U: UseCase>(admitted: Admitted<U>, input: U::Input) -> Result<U::Output, Status> {
    let request_id = admitted.request_id().clone();
    admitted.run(input).await.map_err(|error| error::status(&error, &request_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn client(values: &[&[u8]]) -> String {
        let mut request = http::Request::new(());
        request.extensions_mut().insert(Peer("10.0.0.1".parse().unwrap()));
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().append(X_FORWARDED_FOR, value);
        }
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        Call::of(&request, &proxies, Duration::from_secs(1)).client.to_string()
    }

    #[test]
    fn the_last_hop_before_a_trusted_proxy_is_the_client() {
        assert_eq!(client(&[b"6.6.6.6, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(&[b"6.6.6.6", b"203.0.113.9", b"10.2.2.2"]), "203.0.113.9");
    }

    #[test]
    fn a_value_that_is_not_ascii_uncovers_none_before_it() {
        assert_eq!(client(&[b"6.6.6.6", b"\xff, 203.0.113.9"]), "10.0.0.1");
    }
}
