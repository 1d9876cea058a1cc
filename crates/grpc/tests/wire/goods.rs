//! Products as a seller's program sends them.

use crate::shop::Shop;
use grpc::proto::product::product_command_service_client::ProductCommandServiceClient;
use grpc::proto::product::product_query_service_client::ProductQueryServiceClient;
use grpc::proto::product::{CreateProductRequest, ProductResponse, UpdateProductRequest};
use test_doubles::{OTHER_SELLER, SELLER_TOKEN};
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt;

pub(crate) type Commands = ProductCommandServiceClient<Channel>;

/// The first bytes of PNG files, by which the fake ports detect them.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

pub(crate) async fn commands(shop: &Shop) -> Commands {
    Commands::new(shop.channel().await)
}

pub(crate) async fn queries(shop: &Shop) -> ProductQueryServiceClient<Channel> {
    ProductQueryServiceClient::new(shop.channel().await)
}

/// A message with this token in its metadata.
pub(crate) fn with_token<M>(token: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// A message from the seller.
pub(crate) fn by_seller<M>(message: M) -> Request<M> {
    with_token(SELLER_TOKEN, message)
}

/// Tea, without an image. That it names another seller and a file is to change nothing.
#[expect(deprecated, reason = "what is ignored may still be sent")]
pub(crate) fn tea() -> CreateProductRequest {
    CreateProductRequest {
        name: "Tea".to_owned(),
        user_id: OTHER_SELLER.to_owned(),
        description: "Green".to_owned(),
        price: "10.50".to_owned(),
        stock: 3,
        image_filename: "../../tea.exe".to_owned(),
        image_bytes: Vec::new().into(),
    }
}

/// Tea, with an image of so many bytes.
pub(crate) fn pictured_tea(bytes: usize) -> CreateProductRequest {
    CreateProductRequest { image_bytes: image(bytes).into(), ..tea() }
}

/// So many bytes that the fake ports accept as an image.
pub(crate) fn image(bytes: usize) -> Vec<u8> {
    let mut image = PNG.to_vec();
    image.resize(bytes, 0);
    image
}

pub(crate) fn change(id: &str) -> UpdateProductRequest {
    UpdateProductRequest { id: id.to_owned(), ..UpdateProductRequest::default() }
}

/// Offers a product.
pub(crate) async fn offered(commands: &mut Commands, message: CreateProductRequest) -> ProductResponse {
    commands.create_product(by_seller(message)).await.unwrap().into_inner()
}

/// The fields that a status names as wrong, and why.
pub(crate) fn named(status: &Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    violations.iter().map(|wrong| (wrong.field.clone(), wrong.reason.clone())).collect()
}

/// The same, for one field.
pub(crate) fn is_named(status: &Status, field: &str, reason: &str) -> bool {
    named(status) == [(field.to_owned(), reason.to_owned())]
}
