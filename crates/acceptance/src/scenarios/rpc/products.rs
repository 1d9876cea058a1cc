//! Products over gRPC: messages and answers.

use domain::error::ErrorCode;
use grpc::proto::product::product_command_service_client::ProductCommandServiceClient;
use grpc::proto::product::product_query_service_client::ProductQueryServiceClient;
use grpc::proto::product::{
    CreateProductRequest, DeleteProductRequest, DeleteProductResponse, EmptyRequest, ListProductResponse,
    ProductResponse, UpdateProductRequest,
};
use testkit::client::{Product, Query, change, teapot};
use testkit::grpc::call_error;
use testkit::grpc::product::{checked, create_message, update_message};
use testkit::image_files::png;
use testkit::member::{Member, member, seller};
use testkit::world::World;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

pub const SETTINGS: &[(&str, &str)] = &[];

/// The largest accepted message with an image, in bytes.
const MAX_MESSAGE: usize = 12 << 20;

/// `UpdateProductRequest` of the Go system's clients: without field presence and entity tag.
#[derive(Clone, PartialEq, prost::Message)]
struct OldUpdate {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    user_id: String,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    description: String,
    #[prost(string, tag = "5")]
    price: String,
    #[prost(int32, tag = "6")]
    stock: i32,
    #[prost(string, tag = "7")]
    image_filename: String,
    #[prost(bytes = "vec", tag = "8")]
    image_bytes: Vec<u8>,
}

/// A message without fields, as the Go system's clients send it.
#[derive(Clone, PartialEq, prost::Message)]
struct Nothing {}

fn signed<T>(member: &Member, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {}", member.token).parse().unwrap());
    request
}

async fn call<A, B>(world: &World, path: &'static str, request: Request<A>) -> Result<B, Status>
where
    A: prost::Message + Default + 'static,
    B: prost::Message + Default + 'static,
{
    let mut client = tonic::client::Grpc::new(world.grpc().channel());
    client.ready().await.unwrap();
    let codec: ProstCodec<A, B> = ProstCodec::default();
    client.unary(request, path.parse().unwrap(), codec).await.map(tonic::Response::into_inner)
}

async fn create(world: &World, seller: &Member, message: CreateProductRequest) -> Result<Product, Status> {
    let mut client = ProductCommandServiceClient::new(world.grpc().channel());
    client.create_product(signed(seller, message)).await.map(|response| checked(response.into_inner()))
}

async fn update(world: &World, seller: &Member, message: UpdateProductRequest) -> Result<Product, Status> {
    let mut client = ProductCommandServiceClient::new(world.grpc().channel());
    client.update_product(signed(seller, message)).await.map(|response| checked(response.into_inner()))
}

#[expect(deprecated, reason = "what is ignored may still be sent")]
pub async fn whose_a_product_is_the_token_tells_and_no_field(world: &World) {
    let (ada, grace) = (seller(world).await, member(world, "seller", "grace@example.com").await);
    let message = CreateProductRequest { user_id: grace.id.clone(), ..create_message(&teapot()) };
    let made = create(world, &ada, message).await.unwrap();
    assert_eq!(made.user_id, ada.id);

    let theft = UpdateProductRequest { user_id: ada.id.clone(), ..update_message(&made.id, &change().price("1"), "") };
    assert_eq!(call_error(&update(world, &grace, theft).await.unwrap_err()).code, ErrorCode::Forbidden);
    let gift = UpdateProductRequest { user_id: grace.id.clone(), ..update_message(&made.id, &change().price("1"), "") };
    assert_eq!(update(world, &ada, gift).await.unwrap().user_id, ada.id);

    let mut client = ProductCommandServiceClient::new(world.grpc().channel());
    let theft = DeleteProductRequest { id: made.id.clone(), user_id: ada.id.clone(), etag: String::new() };
    let refused = client.delete_product(signed(&grace, theft)).await.unwrap_err();
    assert_eq!(call_error(&refused).code, ErrorCode::Forbidden);
}

pub async fn a_field_that_is_absent_is_told_from_one_that_is_zero(world: &World) {
    let seller = seller(world).await;
    let made = create(world, &seller, create_message(&teapot())).await.unwrap();
    let absent = update(world, &seller, update_message(&made.id, &change().price("1"), "")).await.unwrap();
    assert_eq!(absent.stock, made.stock);
    let zero = update(world, &seller, update_message(&made.id, &change().stock(0), "")).await.unwrap();
    assert_eq!((zero.stock, zero.price.as_str()), (0, "1"));
    let blank = change().name("").description("").price("");
    assert_eq!(update(world, &seller, update_message(&made.id, &blank, "")).await.unwrap(), zero);
}

/// Programs that use the Go system's .proto files continue to work.
pub async fn messages_of_the_old_system_are_understood(world: &World) {
    let seller = seller(world).await;
    let made = create(world, &seller, create_message(&teapot())).await.unwrap();
    let old = OldUpdate { id: made.id.clone(), price: "2".to_owned(), ..OldUpdate::default() };
    let path = "/product.ProductCommandService/UpdateProduct";
    let changed: ProductResponse = call(world, path, signed(&seller, old)).await.unwrap();
    let changed = checked(changed);
    assert_eq!((changed.price.as_str(), changed.stock, &changed.name), ("2", made.stock, &made.name));

    let path = "/product.ProductQueryService/GetAllProducts";
    let listed: ListProductResponse = call(world, path, Request::new(Nothing {})).await.unwrap();
    assert_eq!((listed.products.len(), listed.next_page_token.as_str()), (1, ""));
    let path = "/product.ProductCommandService/DeleteProduct";
    let old = OldUpdate { id: made.id.clone(), user_id: seller.id.clone(), ..OldUpdate::default() };
    let deleted: DeleteProductResponse = call(world, path, signed(&seller, old)).await.unwrap();
    assert_eq!(deleted.message, format!("product with id {} deleted successfully", made.id));
}

pub async fn a_piece_of_size_zero_is_one_of_the_usual_size(world: &World) {
    let seller = seller(world).await;
    for _ in 0..3 {
        create(world, &seller, create_message(&teapot())).await.unwrap();
    }
    let mut client = ProductQueryServiceClient::new(world.grpc().channel());
    let listed = client.get_all_products(EmptyRequest::default()).await.unwrap().into_inner();
    assert_eq!((listed.products.len(), listed.next_page_token.as_str()), (3, ""));
    assert_eq!(world.client().products(&Query::default().limit(2)).await.unwrap().items.len(), 2);
}

#[expect(deprecated, reason = "what is ignored may still be sent")]
pub async fn an_empty_image_is_none_and_its_file_name_means_nothing(world: &World) {
    let seller = seller(world).await;
    let named = CreateProductRequest { image_filename: "photo.png".to_owned(), ..create_message(&teapot()) };
    assert_eq!(create(world, &seller, named).await.unwrap().image_url, "");
    let form = teapot().image_named("../../etc/passwd\0\n", png(8, 8));
    assert!(create(world, &seller, create_message(&form)).await.unwrap().image_url.ends_with(".png"));
}

pub async fn an_image_may_come_compressed(world: &World) {
    let seller = seller(world).await;
    let client = ProductCommandServiceClient::new(world.grpc().channel());
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    let message = create_message(&teapot().image(png(64, 64)));
    let made = client.create_product(signed(&seller, message)).await.unwrap().into_inner();
    assert_eq!(world.rest().download(&made.image_url).await.bytes, png(64, 64));
}

pub async fn a_message_over_twelve_mebibytes_is_refused_and_the_connection_lives(world: &World) {
    let seller = seller(world).await;
    let form = |length: usize| teapot().image(vec![b'x'; length]);
    let large = create(world, &seller, create_message(&form(MAX_MESSAGE - 4096))).await.unwrap_err();
    assert_eq!(call_error(&large).code, ErrorCode::InvalidRequest, "read, and found wanting");
    let over = create(world, &seller, create_message(&form(MAX_MESSAGE + 1))).await.unwrap_err();
    assert!(matches!(over.code(), Code::OutOfRange | Code::ResourceExhausted), "{over:?}");
    create(world, &seller, create_message(&teapot())).await.unwrap();
    assert!(world.stored_images().is_empty());
}

pub async fn a_reader_may_not_send_much(world: &World) {
    let mut client = ProductQueryServiceClient::new(world.grpc().channel());
    let message = EmptyRequest { q: "x".repeat(300 * 1024), ..EmptyRequest::default() };
    let refused = client.get_all_products(message).await.unwrap_err();
    assert!(matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted), "{refused:?}");
}
