//! Those who ask, over each protocol.

use crate::server::Server;
use grpc::proto::product::product_query_service_client::ProductQueryServiceClient;
use grpc::proto::product::{EmptyRequest, GetProductByIdRequest};
use tonic::transport::{Channel, Endpoint};

/// Something to ask.
#[derive(Clone, Debug)]
pub enum Question {
    /// One product, by its identifier.
    Product(String),
    /// A piece of the list.
    List {
        /// How many products.
        limit: u32,
        /// Where it begins; empty for the first.
        cursor: String,
        /// What names are to hold; empty for whatever.
        q: String,
    },
}

/// One client, with a connection of its own.
#[derive(Clone)]
pub enum Client {
    /// One that speaks REST.
    Rest {
        /// Its connection.
        http: reqwest::Client,
        /// Where it asks.
        base: String,
    },
    /// One that speaks gRPC.
    Grpc(ProductQueryServiceClient<Channel>),
}

impl Client {
    /// One that speaks REST.
    ///
    /// # Panics
    /// Where the library cannot be set up.
    #[must_use]
    pub fn rest(server: &Server) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self::Rest { http, base: server.rest.clone() }
    }

    /// One that speaks gRPC.
    ///
    /// # Panics
    /// Where the server's address is none.
    #[must_use]
    pub fn grpc(server: &Server) -> Self {
        let channel = Endpoint::from_shared(server.grpc.clone()).unwrap().connect_lazy();
        Self::Grpc(ProductQueryServiceClient::new(channel))
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Panics
    /// Where the server refuses.
    pub async fn ask(&mut self, question: &Question) {
        match self {
            Self::Rest { http, base } => {
                let answer = http.get(format!("{base}{}", path(question))).send().await.unwrap();
                assert!(answer.status().is_success(), "{question:?}: {answer:?}");
                answer.bytes().await.unwrap();
            }
            Self::Grpc(client) => match question {
                Question::Product(id) => {
                    client.get_product_by_id(GetProductByIdRequest { id: id.clone() }).await.unwrap();
                }
                Question::List { limit, cursor, q } => {
                    let page_size = i32::try_from(*limit).unwrap();
                    let (page_token, q) = (cursor.clone(), q.clone());
                    let request = EmptyRequest { page_size, page_token, q, ..EmptyRequest::default() };
                    client.get_all_products(request).await.unwrap();
                }
            },
        }
    }
}

fn path(question: &Question) -> String {
    match question {
        Question::Product(id) => format!("/products/{id}"),
        Question::List { limit, cursor, q } => {
            let mut path = format!("/products?limit={limit}");
            for (name, value) in [("q", q), ("cursor", cursor)] {
                if !value.is_empty() {
                    path = format!("{path}&{name}={value}");
                }
            }
            path
        }
    }
}

/// Walks through the list to its middle by the tokens that the server gives, and tells the token there and the products met.
///
/// # Panics
/// Where the server refuses.
pub async fn walk_to_the_middle(server: &Server, products: u64) -> (String, Vec<String>) {
    let Client::Grpc(mut client) = Client::grpc(server) else { panic!("not the client that was made") };
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
