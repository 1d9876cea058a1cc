//! The limits of large messages: their size, and their permits.

use crate::client::{RawClient, eventually, frame};
use crate::errors::assert_error;
use crate::goods::{Commands, by_seller, change, commands, image, is_named, offered, pictured_tea, queries, tea};
use crate::messages::assert_too_large;
use crate::shop::Shop;
use domain::error::ErrorCode;
use domain::product::MAX_IMAGE_BYTES;
use grpc::Options;
use grpc::proto::product::{CreateProductRequest, DeleteProductRequest, GetProductByIdRequest, UpdateProductRequest};
use prost::Message;
use prost::bytes::Bytes;
use std::sync::Arc;
use test_doubles::{SELLER_TOKEN, TOKEN};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic_types::StatusExt;

const CREATE: &str = "/product.ProductCommandService/CreateProduct";
const MIB: usize = 1 << 20;

/// A shop with so many permits, and the permits.
fn shop_with_places(places: usize) -> (Shop, Arc<Semaphore>) {
    let uploads = Arc::new(Semaphore::new(places));
    let options = Options { uploads: Arc::clone(&uploads), ..Options::default() };
    (Shop::open_with(options), uploads)
}

/// Sends a large product and leaves it under way.
fn under_way(mut commands: Commands) -> tokio::task::JoinHandle<Result<(), tonic::Status>> {
    Handle::current()
        .spawn(async move { commands.create_product(by_seller(pictured_tea(MIB))).await.map(|_product| ()) })
}

#[tokio::test]
async fn an_image_may_have_ten_mebibytes_and_no_byte_more() {
    let shop = Shop::open();
    let mut commands = commands(&shop).await;
    let offered = offered(&mut commands, pictured_tea(MAX_IMAGE_BYTES)).await;
    let largest = UpdateProductRequest { image_bytes: image(MAX_IMAGE_BYTES).into(), ..change(&offered.id) };
    commands.update_product(by_seller(largest)).await.unwrap();

    let status = commands.create_product(by_seller(pictured_tea(MAX_IMAGE_BYTES + 1))).await.unwrap_err();
    assert_error(&status, ErrorCode::InvalidRequest);
    assert!(is_named(&status, "image_bytes", "file_too_large"), "{status:?}");
    assert_eq!(status.message(), "file size exceeds the maximum allowed size of 10MB");
}

#[tokio::test]
async fn a_message_over_twelve_mebibytes_is_refused_and_the_connection_lives() {
    let shop = Shop::open();
    let mut commands = commands(&shop).await;
    for _ in 0..2 {
        assert_too_large(&commands.create_product(by_seller(pictured_tea(13 * MIB))).await.unwrap_err());
        offered(&mut commands, tea()).await;
    }
}

#[tokio::test]
async fn messages_without_an_image_keep_their_own_limit() {
    let shop = Shop::open();
    let id = "x".repeat(300 * 1024);
    assert_too_large(&queries(&shop).await.get_product_by_id(GetProductByIdRequest { id }).await.unwrap_err());
}

#[tokio::test]
async fn a_compressed_image_counts_as_what_it_unpacks_to() {
    let (shop, uploads) = shop_with_places(1);
    let mut commands = commands(&shop).await.send_compressed(CompressionEncoding::Gzip);
    offered(&mut commands, pictured_tea(MAX_IMAGE_BYTES)).await;
    // Some thirteen kilobytes on the wire.
    assert_too_large(&commands.create_product(by_seller(pictured_tea(13 * MIB))).await.unwrap_err());
    offered(&mut commands, tea()).await;
    eventually(|| uploads.available_permits() == 1).await;
}

#[tokio::test]
async fn a_large_product_without_a_place_is_refused_at_once_and_others_are_served() {
    let (shop, uploads) = shop_with_places(1);
    let held = shop.ports.products.inspecting.lock().await;
    let mut commands = commands(&shop).await;
    let first = under_way(commands.clone());
    eventually(|| uploads.available_permits() == 0).await;

    let status = commands.create_product(by_seller(pictured_tea(MIB))).await.unwrap_err();
    assert_error(&status, ErrorCode::Overloaded);
    let details = status.get_error_details();
    assert!(details.retry_info().and_then(|info| info.retry_delay).is_some(), "{status:?}");
    offered(&mut commands, tea()).await;
    assert!(!first.is_finished());

    drop(held);
    first.await.unwrap().unwrap();
    eventually(|| uploads.available_permits() == 1).await;
    offered(&mut commands, pictured_tea(MIB)).await;
}

#[tokio::test]
async fn only_what_is_large_or_compressed_needs_a_place() {
    let (shop, _uploads) = shop_with_places(0);
    let mut commands = commands(&shop).await;
    let small = offered(&mut commands, pictured_tea(200 * 1024)).await;
    let withdrawal = DeleteProductRequest { id: small.id, ..DeleteProductRequest::default() };
    commands.delete_product(by_seller(withdrawal)).await.unwrap();

    let status = commands.create_product(by_seller(pictured_tea(300 * 1024))).await.unwrap_err();
    assert_error(&status, ErrorCode::Overloaded);
    let mut compressed = commands.send_compressed(CompressionEncoding::Gzip);
    assert_error(&compressed.create_product(by_seller(tea())).await.unwrap_err(), ErrorCode::Overloaded);
}

#[tokio::test]
async fn a_large_message_without_an_image_gives_its_place_back() {
    let (shop, uploads) = shop_with_places(1);
    let mut commands = commands(&shop).await;
    let wordy = CreateProductRequest { description: "x".repeat(MIB), ..tea() };
    let status = commands.create_product(by_seller(wordy)).await.unwrap_err();
    assert!(is_named(&status, "description", "too_long"), "{status:?}");
    eventually(|| uploads.available_permits() == 1).await;
}

#[tokio::test]
async fn a_place_is_kept_while_a_command_goes_on_whose_caller_has_gone() {
    let (shop, uploads) = shop_with_places(1);
    let held = shop.ports.products.inspecting.lock().await;
    let mut commands = commands(&shop).await;
    let offered = offered(&mut commands, tea()).await;
    let pictured = UpdateProductRequest { image_bytes: image(MIB).into(), ..change(&offered.id) };
    let mut caller = commands.clone();
    let call = Handle::current().spawn(async move { caller.update_product(by_seller(pictured)).await });
    // It asks for the product once the whole message is there.
    shop.asked(2).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());

    let status = commands.create_product(by_seller(pictured_tea(MIB))).await.unwrap_err();
    assert_error(&status, ErrorCode::Overloaded);
    drop(held);
    eventually(|| uploads.available_permits() == 1).await;
    assert_eq!(shop.ports.products.images.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn strangers_and_buyers_are_turned_away_before_their_message_is_read() {
    let (shop, uploads) = shop_with_places(1);
    let half = frame(0, &pictured_tea(MIB).encode_to_vec()).slice(..MIB / 2);
    for (headers, status) in [
        (&[][..], Code::Unauthenticated),
        (&[("authorization", "forged")], Code::Unauthenticated),
        (&[("authorization", TOKEN)], Code::PermissionDenied),
    ] {
        let mut client = shop.raw().await;
        let (answer, mut stream) = client.open(CREATE, headers).await.unwrap();
        // That the stream is closed already is as good.
        let _ = stream.send_data(half.clone(), false);
        let head = answer.await.unwrap();
        assert_eq!(head.headers()["grpc-status"], (status as i32).to_string().as_str());
        assert_eq!(uploads.available_permits(), 1);
    }
}

#[tokio::test]
async fn a_slow_upload_ends_at_its_deadline_and_gives_its_place_up() {
    let (shop, uploads) = shop_with_places(1);
    let mut client: RawClient = shop.raw().await;
    let headers = [("authorization", SELLER_TOKEN), ("grpc-timeout", "3S")];
    let (answer, mut stream) = client.open(CREATE, &headers).await.unwrap();
    let message: Bytes = frame(0, &pictured_tea(MIB).encode_to_vec());
    stream.send_data(message.slice(..MIB / 2), false).unwrap();
    eventually(|| uploads.available_permits() == 0).await;
    let head = answer.await.unwrap();
    assert_eq!(head.headers()["grpc-status"], (Code::DeadlineExceeded as i32).to_string().as_str());
    eventually(|| uploads.available_permits() == 1).await;
}
