//! A client that sends frames which no gRPC library sends.

use grpc::proto::user::GetUserByIdRequest;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use prost::Message;
use prost::bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;
use test_doubles::{OWNER, TOKEN};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tonic::{Code, Status};

pub(crate) const GET_USER: &str = "/user.UserQueryService/GetUserByID";
pub(crate) const LOGIN: &str = "/user.UserCommandService/LoginUser";

/// An HTTP/2 connection.
pub(crate) struct RawClient {
    streams: SendRequest<Bytes>,
    /// Ends with the connection.
    pub(crate) connection: JoinHandle<Result<(), h2::Error>>,
}

impl RawClient {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (streams, connection) = h2::client::handshake(stream).await.unwrap();
        Self { streams, connection: Handle::current().spawn(connection) }
    }

    /// Opens a stream and leaves it open.
    pub(crate) async fn open(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let mut request = Request::post(format!("http://shop{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.streams = self.streams.clone().ready().await?;
        self.streams.send_request(request.body(()).unwrap(), false)
    }

    /// Makes a call with these bytes as its message's frame. Returns the status as a gRPC library reads it.
    pub(crate) async fn call(&mut self, path: &str, headers: &[(&str, &str)], body: Bytes) -> Status {
        let (response, mut stream) = self.open(path, headers).await.unwrap();
        // A server that answers early need not read on.
        let _ = stream.send_data(body, true);
        let (head, body) = response.await.unwrap().into_parts();
        let trailers = trailers(body).await;
        status(&head.headers).or_else(|| status(&trailers)).unwrap_or_else(|| panic!("no status: {head:?}"))
    }

    /// Asks for the owner's account, with a deadline.
    pub(crate) async fn profile(&mut self, timeout: &str) -> Status {
        let message = GetUserByIdRequest { id: OWNER.to_owned() };
        let headers = [("authorization", TOKEN), ("grpc-timeout", timeout)];
        self.call(GET_USER, &headers, frame(0, &message.encode_to_vec())).await
    }
}

/// A message's frame (gRPC over HTTP/2, "Length-Prefixed-Message").
pub(crate) fn frame(flag: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap();
    [&[flag], &length.to_be_bytes()[..], message].concat().into()
}

async fn trailers(mut body: RecvStream) -> HeaderMap {
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    body.trailers().await.unwrap().unwrap_or_default()
}

fn status(headers: &HeaderMap) -> Option<Status> {
    let status = Status::from_header_map(headers)?;
    assert_ne!(status.code(), Code::Unknown, "{status:?}");
    Some(status)
}

/// Waits until a condition holds.
pub(crate) async fn eventually(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::shop::PATIENCE, wait).await.unwrap();
}
