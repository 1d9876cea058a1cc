//! Products: each rpc, and each reason for which it is refused.

use crate::client::frame;
use crate::errors::assert_error;
use crate::goods::{
    by_seller, change, commands, image, is_named, named, offered, pictured_tea, queries, tea, with_token,
};
use crate::shop::Shop;
use domain::error::ErrorCode;
use grpc::proto::product::{
    CreateProductRequest, DeleteProductRequest, GetProductByIdRequest, ProductResponse, UpdateProductRequest,
};
use prost::Message;
use std::sync::atomic::Ordering;
use test_doubles::{OTHER_SELLER_TOKEN, PANIC_TOKEN, SELLER, SELLER_TOKEN, StorageBehavior, TOKEN};
use tonic::{Code, Status};

const CREATE: &str = "/product.ProductCommandService/CreateProduct";

async fn read(shop: &Shop, id: &str) -> Result<ProductResponse, Status> {
    let request = GetProductByIdRequest { id: id.to_owned() };
    Ok(queries(shop).await.get_product_by_id(request).await?.into_inner())
}

fn withdrawal(id: &str) -> DeleteProductRequest {
    DeleteProductRequest { id: id.to_owned(), ..DeleteProductRequest::default() }
}

#[tokio::test]
async fn what_a_seller_offers_changes_and_withdraws_anybody_sees() {
    let shop = Shop::open();
    let mut commands = commands(&shop).await;
    let offered = offered(&mut commands, tea()).await;
    let told = (offered.name.as_str(), offered.description.as_str(), offered.price.as_str(), offered.stock);
    assert_eq!(told, ("Tea", "Green", "10.5", 3));
    assert_eq!((offered.user_id.as_str(), offered.image_url.as_str(), offered.etag.as_str()), (SELLER, "", "\"1\""));
    assert_eq!(offered.created_at, offered.updated_at);
    assert!(offered.created_at.is_some_and(|time| time.seconds > 1_700_000_000 && time.nanos < 1_000_000_000));
    assert_eq!(read(&shop, &offered.id).await.unwrap(), offered);

    let dearer = UpdateProductRequest { price: Some("12".to_owned()), ..change(&offered.id) };
    let changed = commands.update_product(by_seller(dearer)).await.unwrap().into_inner();
    let expected = ProductResponse {
        price: "12".to_owned(),
        etag: "\"2\"".to_owned(),
        updated_at: changed.updated_at,
        ..offered.clone()
    };
    assert_eq!(changed, expected);
    assert_eq!(read(&shop, &offered.id).await.unwrap(), changed);

    let withdrawn = commands.delete_product(by_seller(withdrawal(&offered.id))).await.unwrap().into_inner();
    assert_eq!(withdrawn.message, format!("product with id {} deleted successfully", offered.id));
    assert_error(&read(&shop, &offered.id).await.unwrap_err(), ErrorCode::ProductNotFound);
}

#[tokio::test]
async fn what_a_change_leaves_out_or_empty_stays() {
    let shop = Shop::open();
    let mut commands = commands(&shop).await;
    let offered = offered(&mut commands, pictured_tea(100)).await;
    let empty = || Some(String::new());
    let blank = UpdateProductRequest { name: empty(), description: empty(), price: empty(), ..change(&offered.id) };
    for nothing in [change(&offered.id), blank] {
        assert_eq!(commands.update_product(by_seller(nothing)).await.unwrap().into_inner(), offered);
    }
    let sold_out = UpdateProductRequest { stock: Some(0), ..change(&offered.id) };
    let changed = commands.update_product(by_seller(sold_out)).await.unwrap().into_inner();
    let expected = ProductResponse { stock: 0, etag: changed.etag.clone(), updated_at: changed.updated_at, ..offered };
    assert_eq!(changed, expected);
}

#[tokio::test]
async fn a_change_of_another_version_is_aborted() {
    let shop = Shop::open();
    let mut commands = commands(&shop).await;
    let offered = offered(&mut commands, tea()).await;
    let renamed = |name: &str, etag: &str| {
        let (name, etag) = (Some(name.to_owned()), etag.to_owned());
        by_seller(UpdateProductRequest { name, etag, ..change(&offered.id) })
    };
    commands.update_product(renamed("Coffee", &offered.etag)).await.unwrap();
    let outdated = commands.update_product(renamed("Milk", &offered.etag)).await.unwrap_err();
    assert_error(&outdated, ErrorCode::ProductChanged);
    assert_eq!((outdated.code(), read(&shop, &offered.id).await.unwrap().name.as_str()), (Code::Aborted, "Coffee"));
    commands.update_product(renamed("Milk", "*")).await.unwrap();

    let withdrawal = |etag: &str| by_seller(DeleteProductRequest { etag: etag.to_owned(), ..withdrawal(&offered.id) });
    for outdated in [offered.etag.as_str(), "nonsense"] {
        let outdated = commands.delete_product(withdrawal(outdated)).await.unwrap_err();
        assert_error(&outdated, ErrorCode::ProductChanged);
    }
    commands.delete_product(withdrawal("\"3\"")).await.unwrap();
}

#[tokio::test]
async fn a_product_is_made_by_sellers_and_changed_by_its_own() {
    let shop = Shop::open();
    let mut commands = commands(&shop).await;
    let offered = offered(&mut commands, tea()).await;
    let known = offered.id.as_str();
    for (token, id, refusal) in [
        ("", known, ErrorCode::TokenMissing),
        ("forged", known, ErrorCode::TokenInvalid),
        (TOKEN, known, ErrorCode::RoleNotAllowed),
        (OTHER_SELLER_TOKEN, known, ErrorCode::Forbidden),
        (SELLER_TOKEN, SELLER, ErrorCode::ProductNotFound),
        (SELLER_TOKEN, "nonsense", ErrorCode::ProductNotFound),
        (SELLER_TOKEN, "", ErrorCode::InvalidRequest),
    ] {
        // That its fields are wrong as well is not told to whom they do not concern.
        let wrong = UpdateProductRequest { price: Some("-1".to_owned()), ..change(id) };
        assert_error(&commands.update_product(with_token(token, wrong)).await.unwrap_err(), refusal);
        assert_error(&commands.delete_product(with_token(token, withdrawal(id))).await.unwrap_err(), refusal);
    }
    for (token, refusal) in [("forged", ErrorCode::TokenInvalid), (TOKEN, ErrorCode::RoleNotAllowed)] {
        let empty = with_token(token, CreateProductRequest::default());
        assert_error(&commands.create_product(empty).await.unwrap_err(), refusal);
    }
    let missing = commands.create_product(CreateProductRequest::default()).await.unwrap_err();
    assert_error(&missing, ErrorCode::TokenMissing);
    assert_eq!(read(&shop, known).await.unwrap(), offered);
}

#[tokio::test]
async fn every_wrong_field_of_a_product_is_named() {
    let shop = Shop::open();
    let mut commands = commands(&shop).await;
    let wrong = CreateProductRequest { stock: -1, price: "1e3".to_owned(), ..CreateProductRequest::default() };
    let status = commands.create_product(by_seller(wrong)).await.unwrap_err();
    assert_error(&status, ErrorCode::InvalidRequest);
    assert_eq!(status.message(), "name is empty");
    let expected = [("name", "empty"), ("description", "empty"), ("price", "invalid_number"), ("stock", "negative")];
    assert_eq!(named(&status), expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));

    let offered = offered(&mut commands, CreateProductRequest { stock: 0, ..tea() }).await;
    assert_eq!(offered.stock, 0, "nothing in stock is a stock");
    let wrong = UpdateProductRequest { price: Some("0".to_owned()), ..change(&offered.id) };
    let status = commands.update_product(by_seller(wrong)).await.unwrap_err();
    assert!(is_named(&status, "price", "not_positive"), "{status:?}");
    assert_eq!(status.message(), "price is empty or invalid");
}

#[tokio::test]
async fn an_image_is_kept_if_its_content_is_one() {
    let shop = Shop::open();
    let mut commands = commands(&shop).await;
    let offered = offered(&mut commands, pictured_tea(100)).await;
    let key = offered.image_url.strip_prefix("https://images.example/").unwrap();
    assert_eq!(shop.ports.products.images.lock().unwrap().get(key), Some(&100));

    let pictured = UpdateProductRequest { image_bytes: image(200).into(), ..change(&offered.id) };
    let changed = commands.update_product(by_seller(pictured)).await.unwrap().into_inner();
    assert_ne!(changed.image_url, offered.image_url);

    let text = UpdateProductRequest { image_bytes: b"no image".to_vec().into(), ..change(&offered.id) };
    let status = commands.update_product(by_seller(text)).await.unwrap_err();
    assert_error(&status, ErrorCode::InvalidRequest);
    assert!(is_named(&status, "image_bytes", "invalid_image"), "{status:?}");
    assert_eq!(status.message(), "invalid image file format. supported formats: .jpg, .jpeg, .png");

    shop.set_storage_behavior(StorageBehavior::Fail(ErrorCode::ImageStoreFailed));
    let status = commands.create_product(by_seller(pictured_tea(100))).await.unwrap_err();
    assert_error(&status, ErrorCode::ImageStoreFailed);
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "failed to upload image"));
}

#[tokio::test]
async fn fields_of_a_newer_product_are_ignored() {
    let shop = Shop::open();
    let newer = [tea().encode_to_vec().as_slice(), &[0xa2, 0x06, 0x01, b'x']].concat();
    let status = shop.raw().await.call(CREATE, &[("authorization", SELLER_TOKEN)], frame(0, &newer)).await;
    assert_eq!(status.code(), Code::Ok, "{status:?}");
    assert_eq!(shop.ports.products.products.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_command_is_counted_once_and_its_panic_caught() {
    let shop = Shop::open();
    let mut commands = commands(&shop).await;
    offered(&mut commands, tea()).await;
    assert_eq!(shop.ports.rate_limit_keys.lock().unwrap().len(), 1);

    let status = commands.create_product(with_token(PANIC_TOKEN, tea())).await.unwrap_err();
    assert_error(&status, ErrorCode::Internal);
    assert_eq!(shop.ports.panics.load(Ordering::SeqCst), 1);
    offered(&mut commands, tea()).await;
}
