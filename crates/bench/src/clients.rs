//! Those who ask, over each protocol.

use crate::http1::Connection;
use crate::requests::{Operation, PreparedRequest};
use crate::server::Server;
use grpc::proto::payment::CreatePaymentRequest;
use grpc::proto::payment::payment_command_service_client::PaymentCommandServiceClient;
use grpc::proto::product::product_query_service_client::ProductQueryServiceClient;
use grpc::proto::product::{EmptyRequest, GetProductByIdRequest};
use grpc::proto::user::user_command_service_client::UserCommandServiceClient;
use grpc::proto::user::user_query_service_client::UserQueryServiceClient;
use grpc::proto::user::{GetUserByIdRequest, UserLoginRequest};
use serde::Serialize;
use std::fmt;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// How something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Protocol {
    /// Over HTTP/1.1.
    #[serde(rename = "REST")]
    Rest,
    /// Over HTTP/2.
    #[serde(rename = "gRPC")]
    Grpc,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Rest, Self::Grpc];
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rest => "REST",
            Self::Grpc => "gRPC",
        })
    }
}

/// One client, with a connection of its own.
pub enum Client {
    /// One that speaks REST.
    Rest(Connection),
    /// One that speaks gRPC.
    Grpc(Channel),
}

/// A call with the token and the key that belong to it.
fn call<T>(message: T, token: Option<&MetadataValue<Ascii>>, key: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.clone());
    }
    if let Some(key) = key {
        request.metadata_mut().insert("idempotency-key", key.parse().expect("digits"));
    }
    request
}

async fn call_grpc(channel: &Channel, operation: &Operation, key: &str) -> Result<(), Status> {
    let channel = channel.clone();
    match operation {
        Operation::Profile { id, token } => {
            let message = GetUserByIdRequest { id: id.clone() };
            UserQueryServiceClient::new(channel).get_user_by_id(call(message, Some(token), None)).await.map(drop)
        }
        Operation::Product(id) => {
            let message = GetProductByIdRequest { id: id.clone() };
            ProductQueryServiceClient::new(channel).get_product_by_id(message).await.map(drop)
        }
        Operation::List { limit, cursor, q } => {
            let (page_token, q) = (cursor.clone(), q.clone());
            let message = EmptyRequest { page_size: *limit, page_token, q, ..EmptyRequest::default() };
            ProductQueryServiceClient::new(channel).get_all_products(message).await.map(drop)
        }
        Operation::Order { product, token } => {
            let message = CreatePaymentRequest { product_id: product.clone(), quantity: 1 };
            let message = call(message, Some(token), Some(key));
            PaymentCommandServiceClient::new(channel).create_payment(message).await.map(drop)
        }
        Operation::LogIn { email, password } => {
            let message = UserLoginRequest { email: email.clone(), password: password.clone() };
            UserCommandServiceClient::new(channel).login_user(message).await.map(drop)
        }
        Operation::Notification => Err(Status::unimplemented("the gateway speaks REST")),
    }
}

impl Client {
    /// One that speaks a protocol, and connects with its first question.
    ///
    /// # Panics
    /// Where the server's address is none.
    #[must_use]
    pub fn new(protocol: Protocol, server: &Server) -> Self {
        match protocol {
            Protocol::Rest => Self::Rest(Connection::to(&server.rest)),
            Protocol::Grpc => Self::Grpc(channel(server)),
        }
    }

    /// Several.
    #[must_use]
    pub fn several(protocol: Protocol, server: &Server, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::new(protocol, server)).collect()
    }

    /// Asks, and reads the whole answer. The number makes it an order of its own.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn ask(&mut self, request: &PreparedRequest, number: u64) -> Result<(), String> {
        match self {
            Self::Rest(connection) => match connection.send(&request.rest(number)).await {
                Ok(200..=299) => Ok(()),
                Ok(status) => Err(format!("{status}: {}", connection.body())),
                Err(error) => Err(error.to_string()),
            },
            Self::Grpc(channel) => call_grpc(channel, &request.operation, &PreparedRequest::key(number))
                .await
                .map_err(|status| status.to_string()),
        }
    }
}

fn channel(server: &Server) -> Channel {
    Endpoint::from_shared(format!("http://{}", server.grpc)).expect("an address").connect_lazy()
}

/// Walks through the list to its middle by the tokens that the server gives, and tells the token there and the products met.
///
/// # Panics
/// Where the server refuses.
pub async fn page_to_the_middle(server: &Server, products: u64) -> (String, Vec<String>) {
    let mut client = ProductQueryServiceClient::new(channel(server));
    let (mut token, mut ids) = (String::new(), Vec::new());
    for _ in 0..products / 2 / 100 {
        let request = EmptyRequest { page_size: 100, page_token: token, ..EmptyRequest::default() };
        let page = client.get_all_products(request).await.unwrap().into_inner();
        // Some of each, so that those that are asked for later lie all over the shop.
        ids.extend(page.products.into_iter().step_by(10).map(|product| product.id));
        token = page.next_page_token;
    }
    (token, ids)
}
