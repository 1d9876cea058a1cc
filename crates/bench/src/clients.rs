//! Clients of each protocol.

use crate::http1::Connection;
use crate::requests::{OFFERED, Operation, PreparedRequest};
use crate::server::Server;
use grpc::proto::payment::CreatePaymentRequest;
use grpc::proto::payment::payment_command_service_client::PaymentCommandServiceClient;
use grpc::proto::product::product_command_service_client::ProductCommandServiceClient;
use grpc::proto::product::product_query_service_client::ProductQueryServiceClient;
use grpc::proto::product::{CreateProductRequest, EmptyRequest, GetProductByIdRequest};
use grpc::proto::user::user_command_service_client::UserCommandServiceClient;
use grpc::proto::user::user_query_service_client::UserQueryServiceClient;
use grpc::proto::user::{GetUserByIdRequest, UserLoginRequest};
use serde::Serialize;
use std::fmt;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Protocol {
    #[serde(rename = "REST")]
    Rest,
    #[serde(rename = "gRPC")]
    Grpc,
}

impl Protocol {
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

pub enum Client {
    Rest(Connection),
    Grpc(Channel),
}

/// A gRPC request with its token and idempotency key.
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
        Operation::Offer { picture, token } => {
            let [(_, name), (_, description), (_, price), _] = OFFERED.map(|(field, value)| (field, value.to_owned()));
            let image_bytes = picture.clone().into();
            let message =
                CreateProductRequest { name, description, price, image_bytes, ..CreateProductRequest::default() };
            ProductCommandServiceClient::new(channel).create_product(call(message, Some(token), None)).await.map(drop)
        }
        Operation::LogIn { email, password } => {
            let message = UserLoginRequest { email: email.clone(), password: password.clone() };
            UserCommandServiceClient::new(channel).login_user(message).await.map(drop)
        }
        Operation::Notification => Err(Status::unimplemented("the gateway speaks REST")),
    }
}

impl Client {
    /// A client of a protocol, which connects with its first request.
    #[must_use]
    pub fn new(protocol: Protocol, server: &Server) -> Self {
        match protocol {
            Protocol::Rest => Self::Rest(Connection::to(&server.rest)),
            Protocol::Grpc => Self::Grpc(channel(server)),
        }
    }

    #[must_use]
    pub fn several(protocol: Protocol, server: &Server, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::new(protocol, server)).collect()
    }

    /// Sends a request and reads the whole answer. `number` becomes the idempotency key of an order. Fails with
    /// the text of an error answer.
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

/// Pages to the middle of the list; returns the page token there and some of the products before it.
pub async fn page_to_the_middle(server: &Server, products: u64) -> (String, Vec<String>) {
    let mut client = ProductQueryServiceClient::new(channel(server));
    let (mut token, mut ids) = (String::new(), Vec::new());
    for _ in 0..products / 2 / 100 {
        let request = EmptyRequest { page_size: 100, page_token: token, ..EmptyRequest::default() };
        let page = client.get_all_products(request).await.unwrap().into_inner();
        // Some of each page, so that later reads are spread over the table.
        ids.extend(page.products.into_iter().step_by(10).map(|product| product.id));
        token = page.next_page_token;
    }
    (token, ids)
}
