//! Images of products: what is accepted, and what is stored of it.

use super::image_field;
use crate::scenarios::user::{assert_fields, assert_refused};
use domain::error::ErrorCode;
use domain::product::MAX_IMAGE_BYTES;
use image::{GenericImageView, ImageFormat};
use testkit::client::{Product, Query, ShopClient, change, teapot};
use testkit::image_files::{
    SECRET_LOCATION, decoded, decompression_bomb, flat_jpeg, holds, jpeg, jpeg_with_secrets, png, png_of,
    png_with_secrets, rotated_jpeg, with_stray_bytes,
};
use testkit::member::seller;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

const INVALID: &str = "invalid image file format. supported formats: .jpg, .jpeg, .png";
const TOO_LARGE: &str = "file size exceeds the maximum allowed size of 10MB";

/// The answer that a browser gets from a product's image URL.
async fn shown(world: &World, product: &Product, format: ImageFormat) -> Vec<u8> {
    let download = world.rest().download(&product.image_url).await;
    assert_eq!(download.status, 200, "{}", product.image_url);
    assert_eq!(download.header("content-type"), Some(format.to_mime_type()));
    assert_eq!(download.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(download.header("cache-control"), Some("public, max-age=31536000, immutable"));
    download.bytes
}

/// Files that are not images, or have a format that is not accepted.
fn others() -> Vec<(&'static str, Vec<u8>)> {
    let (png, jpeg) = (png(20, 20), jpeg(20, 20));
    vec![
        ("photo.png", b"not an image at all".to_vec()),
        ("photo.jpg", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec()),
        ("photo.png", b"<!DOCTYPE html><script>alert(1)</script>".to_vec()),
        (
            "photo.png",
            b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
                .to_vec(),
        ),
        ("photo.png", b"\x89PNG\r\n\x1a\n".to_vec()),
        ("photo.jpg", b"\xff\xd8\xff\xe0".to_vec()),
        ("photo.png", png[..png.len() / 2].to_vec()),
        ("photo.jpg", jpeg[..jpeg.len() / 2].to_vec()),
        ("photo.png", [b" ", png.as_slice()].concat()),
    ]
}

pub async fn a_png_and_a_jpeg_are_kept_and_shown(world: &World) {
    let seller = seller(world).await;
    let with_png = seller.client.create(&teapot().image(png(31, 17))).await.unwrap();
    let with_jpeg = seller.client.create(&teapot().image_named("photo.jpeg", jpeg(31, 17))).await.unwrap();
    assert!(with_png.image_url.ends_with(".png") && with_jpeg.image_url.ends_with(".jpg"), "by their content");

    assert_eq!(shown(world, &with_png, ImageFormat::Png).await, png(31, 17), "there was nothing to take out");
    let kept = shown(world, &with_jpeg, ImageFormat::Jpeg).await;
    assert_eq!(decoded(&kept, ImageFormat::Jpeg), decoded(&jpeg(31, 17), ImageFormat::Jpeg));

    for product in [&with_png, &with_jpeg] {
        for client in [world.client(), world.other_client()] {
            assert_eq!(client.product(&product.id).await.unwrap(), *product, "the address lasts");
        }
    }
    assert_eq!(world.stored_images().len(), 2);
    assert!(world.stored_images().iter().all(|place| place.starts_with("products/")));
}

/// The sender's names and declared types may be wrong or forged.
pub async fn what_a_file_is_its_content_tells(world: &World) {
    let seller = seller(world).await;
    for name in ["photo.txt", "photo", "photo.jpg", "../../etc/passwd", "写真.png", "a b%2F.php"] {
        let made = seller.client.create(&teapot().image_named(name, png(8, 8))).await.unwrap();
        assert!(made.image_url.ends_with(".png"), "{name}: {}", made.image_url);
        assert!(!made.image_url.contains("photo") && !made.image_url.contains("passwd"), "{}", made.image_url);
        shown(world, &made, ImageFormat::Png).await;
    }
    let made = seller.client.create(&teapot().image_named("photo.png", jpeg(8, 8))).await.unwrap();
    shown(world, &made, ImageFormat::Jpeg).await;
}

pub async fn what_is_no_whole_image_is_refused_and_not_kept(world: &World) {
    let seller = seller(world).await;
    for (name, bytes) in others() {
        let outcome = seller.client.create(&teapot().image_named(name, bytes.clone())).await;
        let call_error = assert_fields(outcome, &[(image_field(world), INVALID)]);
        assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::InvalidRequest, INVALID), "{bytes:?}");
    }
    assert!(world.client().products(&Query::default()).await.unwrap().items.is_empty());
    assert!(world.stored_images().is_empty(), "{:?}", world.stored_images());
}

pub async fn a_photo_of_48_megapixels_and_a_panorama_are_taken(world: &World) {
    let seller = seller(world).await;
    for (width, height) in [(8_064, 6_048), (12_000, 2_000)] {
        let photo = flat_jpeg(width, height);
        let made = seller.client.create(&teapot().image(photo.clone())).await.unwrap();
        assert_eq!(shown(world, &made, ImageFormat::Jpeg).await, photo);
    }
}

pub async fn an_image_of_too_many_pixels_is_refused_with_its_size_and_the_limit(world: &World) {
    let seller = seller(world).await;
    for (image, told) in [
        (flat_jpeg(12_000, 9_000), "image has 108 megapixels (12000 × 9000); at most 65 are taken"),
        (flat_jpeg(20_000, 16), "image is 20000 × 16 pixels; at most 16384 on a side are taken"),
        (decompression_bomb(), "image has 900 megapixels (30000 × 30000); at most 65 are taken"),
        (png(20_000, 1), "image is 20000 × 1 pixels; at most 16384 on a side are taken"),
    ] {
        let call_error =
            assert_fields(seller.client.create(&teapot().image(image)).await, &[(image_field(world), told)]);
        assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::InvalidRequest, told));
    }
    assert!(world.stored_images().is_empty(), "{:?}", world.stored_images());
}

pub async fn stray_bytes_in_a_jpeg_are_not_kept(world: &World) {
    let seller = seller(world).await;
    let clean = flat_jpeg(60, 40);
    let made = seller.client.create(&teapot().image(with_stray_bytes(&clean))).await.unwrap();
    assert_eq!(shown(world, &made, ImageFormat::Jpeg).await, clean);
}

pub async fn a_bad_image_is_told_beside_the_other_mistakes(world: &World) {
    let seller = seller(world).await;
    let field = image_field(world);
    let wrong = teapot().name("").stock(-1).image(b"no image".to_vec());
    let mistakes = [("name", "name is empty"), ("stock", "product stock cannot be negative"), (field, INVALID)];
    assert_eq!(assert_fields(seller.client.create(&wrong).await, &mistakes).message, "name is empty");

    let fields = teapot().name("").image(png(8, 8));
    assert_fields(seller.client.create(&fields).await, &[("name", "name is empty")]);
    assert!(world.stored_images().is_empty(), "nothing is kept before all of it is found right");
}

pub async fn an_image_of_ten_mebibytes_is_the_largest(world: &World) {
    let seller = seller(world).await;
    let largest = png_of(MAX_IMAGE_BYTES);
    let made = seller.client.create(&teapot().image(largest.clone())).await.unwrap();
    assert_eq!(world.stored_images().len(), 1);
    assert!(shown(world, &made, ImageFormat::Png).await.len() > MAX_IMAGE_BYTES * 9 / 10);

    let over = [largest, vec![0]].concat();
    for form in [teapot().image(over.clone()), teapot().image(over).stock(-1)] {
        let call_error = seller.client.create(&form).await.unwrap_err();
        let told = call_error.fields.last().cloned();
        assert_eq!(told, Some((image_field(world).to_owned(), TOO_LARGE.to_owned())), "{call_error:?}");
        assert_eq!(call_error.code, ErrorCode::InvalidRequest);
    }
    assert_eq!(world.stored_images().len(), 1);
    assert_eq!(world.client().products(&Query::default()).await.unwrap().items, [made.listed()]);
}

pub async fn what_a_camera_notes_beside_a_photo_is_not_kept(world: &World) {
    let seller = seller(world).await;
    for (sent, format) in [(jpeg_with_secrets(), ImageFormat::Jpeg), (png_with_secrets(), ImageFormat::Png)] {
        let made = seller.client.create(&teapot().image(sent.clone())).await.unwrap();
        let kept = shown(world, &made, format).await;
        assert!(!holds(&kept, SECRET_LOCATION) && !holds(&kept, "Exif"), "{format:?}");
        assert_eq!(decoded(&kept, format), decoded(&sent, format), "the pixels are those that were sent");
    }
    for place in world.stored_images() {
        assert!(!holds(&std::fs::read(world.image_folder().join(place)).unwrap(), SECRET_LOCATION));
    }
}

pub async fn a_photo_is_shown_the_right_way_up(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().image(rotated_jpeg())).await.unwrap();
    let kept = shown(world, &made, ImageFormat::Jpeg).await;
    assert!(!holds(&kept, "Exif"));
    let (upright, sent) = (decoded(&kept, ImageFormat::Jpeg), decoded(&rotated_jpeg(), ImageFormat::Jpeg));
    assert_eq!(upright.dimensions(), (20, 40));
    let turned = sent.rotate90();
    for (x, y) in [(2, 2), (17, 2), (2, 37), (17, 37)] {
        let (is, was) = (upright.get_pixel(x, y), turned.get_pixel(x, y));
        let close = is.0.iter().zip(was.0).all(|(is, was)| is.abs_diff(was) < 24);
        assert!(close, "at {x}, {y}: {is:?} instead of {was:?}");
    }
}

pub async fn only_a_sellers_image_is_kept(world: &World) {
    let stranger = testkit::member::member(world, "buyer", "bob@example.com").await;
    assert_refused(stranger.client.create(&teapot().image(png(8, 8))).await, ErrorCode::RoleNotAllowed);
    assert_refused(world.client().create(&teapot().image(png(8, 8))).await, ErrorCode::TokenMissing);
    let made = seller(world).await.client.create(&teapot()).await.unwrap();
    let other = testkit::member::member(world, "seller", "grace@example.com").await;
    assert_refused(other.client.update(&made.id, &change().image(png(8, 8))).await, ErrorCode::Forbidden);
    assert!(world.stored_images().is_empty(), "{:?}", world.stored_images());
}

/// A path that is not an image key is not found, in whatever spelling.
pub async fn nothing_but_images_is_served_from_the_store(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    std::fs::write(world.image_folder().join("secret.txt"), "secret").unwrap();
    std::fs::write(world.image_folder().join("products/secret.png"), "secret").unwrap();
    let name = made.image_url.rsplit('/').next().unwrap();
    for path in [
        "/media/",
        "/media/products",
        "/media/products/",
        "/media/secret.txt",
        "/media/products/secret.png",
        "/media/products/../secret.txt",
        "/media/products/..%2fsecret.txt",
        "/media/..%2f..%2f..%2fetc%2fpasswd",
        "/media/%2e%2e/secret.txt",
        "/media//etc/passwd",
        "/media/products%2f",
        &format!("/media/products/{}", name.to_uppercase()),
        &format!("/media/products/{name}/"),
        &format!("/media/products/{name}%00"),
    ] {
        let download = world.rest().download(path).await;
        assert!(!holds(&download.bytes, "secret") && !holds(&download.bytes, "root:"), "{path}");
        let is_the_image = path.ends_with(&format!("{name}/")) && download.status == 200;
        assert!(download.status == 404 || is_the_image, "{path}: {}", download.status);
    }
    std::fs::remove_file(world.image_folder().join("secret.txt")).unwrap();
    std::fs::remove_file(world.image_folder().join("products/secret.png")).unwrap();
}

/// Both protocols share one pool of upload slots, which has one for each sender here.
pub async fn eight_images_at_once_are_all_kept(world: &World) {
    let seller = seller(world).await;
    let mut uploads = tokio::task::JoinSet::new();
    for at in 0..8 {
        let client = if at % 2 == 0 { world.client() } else { world.other_client() };
        let client: Box<dyn ShopClient> = client.with_authorization(&seller.token);
        uploads.spawn(async move { client.create(&teapot().image(png(60 + at, 60))).await.unwrap().id });
    }
    assert_eq!(uploads.join_all().await.len(), 8);
    assert_eq!(world.stored_images().len(), 8);
}
