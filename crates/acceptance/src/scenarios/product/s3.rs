//! Images in an S3 bucket.

use crate::scenarios::user::assert_refused;
use app::clock::Clock;
use domain::error::ErrorCode;
use reqwest::Method;
use testkit::client::{Query, change, teapot};
use testkit::image_files::{jpeg, png};
use testkit::member::seller;
use testkit::raw::Answer;
use testkit::s3::{ACCESS_KEY, BUCKET, S3Server, SECRET_KEY};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

/// A second world that stores images in a bucket.
async fn with_bucket(world: &World, service: &S3Server, others: &[(&str, &str)]) -> World {
    let (bucket, endpoint) = (format!("s3://{BUCKET}"), service.endpoint());
    let settings = [
        ("storage.url", bucket.as_str()),
        ("storage.s3.endpoint", &endpoint),
        ("storage.s3.region", "eu-central-1"),
        ("storage.s3.path_style", "true"),
        ("storage.s3.access_key_id", ACCESS_KEY),
        ("storage.s3.secret_access_key", SECRET_KEY),
    ];
    world.second_world(&[&settings[..], others].concat()).await
}

pub async fn an_image_is_kept_in_a_bucket_shown_replaced_and_removed(world: &World) {
    let service = S3Server::start().await;
    let public_url = service.public_url();
    let world = with_bucket(world, &service, &[("storage.public_url", &public_url)]).await;
    let seller = seller(&world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    let key = made.image_url.strip_prefix(&format!("{public_url}/")).unwrap();
    assert_eq!(service.objects(), [key]);
    let download = world.rest().download(&made.image_url).await;
    assert_eq!((download.status, download.bytes), (200, png(8, 8)));
    for client in [world.client(), world.other_client()] {
        assert_eq!(client.product(&made.id).await.unwrap(), made);
        assert_eq!(client.products(&Query::default()).await.unwrap().items, [made.listed()]);
    }
    assert!(world.stored_images().is_empty(), "nothing is kept here: {:?}", world.stored_images());
    assert_eq!(world.rest().download(&format!("/media/{key}")).await.status, 404, "nor served");

    let changed = seller.client.update(&made.id, &change().image(jpeg(8, 8))).await.unwrap();
    world.wait_until("the first image is gone", async || service.objects().len() == 1).await;
    assert_eq!(world.rest().download(&changed.image_url).await.status, 200);
    seller.client.delete(&made.id).await.unwrap();
    world.wait_until("the second image is gone", async || service.objects().is_empty()).await;
    assert!(world.close().await);
}

/// Nobody reads a private bucket without a signature: the shop returns signed URLs with an expiry.
pub async fn a_private_buckets_images_are_shown_by_signed_addresses(world: &World) {
    let service = S3Server::start().await;
    let world = with_bucket(world, &service, &[("storage.presigned_seconds", "60")]).await;
    let seller = seller(&world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    for client in [world.client(), world.other_client()] {
        let shown = client.product(&made.id).await.unwrap();
        let download = world.rest().download(&shown.image_url).await;
        assert_eq!((download.status, download.bytes), (200, png(8, 8)), "{}", shown.image_url);
        let (bare, _) = shown.image_url.split_once('?').unwrap();
        assert_eq!(world.rest().download(bare).await.status, 403, "{bare}");
    }
    let listed = world.client().products(&Query::default()).await.unwrap();
    assert_eq!(world.rest().download(&listed.items[0].image_url).await.status, 200);
    assert!(world.close().await);
}

/// A client that revalidates a product never keeps an expired URL, and can change the product with the tag of any
/// answer.
pub async fn a_signed_address_and_the_tag_that_is_kept_for_it_end_together(world: &World) {
    let service = S3Server::start().await;
    let world = with_bucket(world, &service, &[("storage.presigned_seconds", "60")]).await;
    let seller = seller(&world).await;
    // Moves to the beginning of a period of 30 s.
    world.clock.advance(30 - world.clock.now().timestamp() % 30);
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    let path = format!("/products/{}", made.id);
    let ask = |tag: &str| Answer::of(world.rest().request(Method::GET, &path).header("if-none-match", tag.to_owned()));
    let address = |answer: &Answer| answer.json()["results"]["image_url"].as_str().unwrap().to_owned();

    let first = ask("\"0\"").await;
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!((first.status, address(&first)), (200, made.image_url.clone()), "the same address on every answer");
    for known in [tag.clone(), format!("W/{tag}")] {
        let known = ask(&known).await;
        assert_eq!((known.status, known.header("etag"), known.body.as_str()), (304, Some(tag.as_str()), ""));
    }

    world.clock.advance(30);
    let second = ask(&tag).await;
    assert_eq!(second.status, 200, "the address is half way to its end: {second:?}");
    assert_ne!((address(&second), second.header("etag").unwrap()), (address(&first), tag.as_str()));
    for address in [address(&first), address(&second)] {
        assert_eq!(world.rest().download(&address).await.status, 200, "{address}");
    }
    for client in [world.client(), world.other_client()] {
        assert_eq!(client.product(&made.id).await.unwrap().image_url, address(&second));
    }
    let list = Answer::of(world.rest().request(Method::GET, "/products")).await;
    assert_eq!((list.header("etag"), list.header("cache-control")), (None, Some("no-store")));

    let changed = seller.client.with_if_match(&tag).update(&made.id, &change().stock(9)).await.unwrap();
    let stale = seller.client.with_if_match(&tag).update(&made.id, &change().stock(8)).await;
    assert_refused(stale, ErrorCode::ProductChanged);
    seller.client.with_if_match(&changed.etag).delete(&made.id).await.unwrap();
    assert!(world.close().await);
}

pub async fn a_bucket_that_refuses_the_shop_fails_images_alone(world: &World) {
    let service = S3Server::start().await;
    let world = with_bucket(world, &service, &[("storage.s3.secret_access_key", "wrong")]).await;
    let seller = seller(&world).await;
    let refused = assert_refused(seller.client.create(&teapot().image(png(8, 8))).await, ErrorCode::ImageStoreFailed);
    for word in [ACCESS_KEY, SECRET_KEY, "Signature", BUCKET] {
        assert!(!refused.received.contains(word), "{word:?} leaks: {}", refused.received);
    }
    seller.client.create(&teapot()).await.unwrap();
    assert!(service.objects().is_empty());
    assert!(world.close().await);
}
