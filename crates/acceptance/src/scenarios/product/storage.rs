//! Failures of the image store.

use super::image_field;
use crate::scenarios::user::{assert_fields, assert_refused};
use domain::error::ErrorCode;
use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use testkit::client::{Query, change, teapot};
use testkit::image_files::png;
use testkit::member::seller;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

/// Checks that only images fail in a world whose store cannot be written to.
async fn assert_only_images_suffer(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let offered = seller.client.create(&teapot().image(png(8, 8))).await;
    assert_refused(offered, ErrorCode::ImageStoreFailed);
    let changed = seller.client.update(&made.id, &change().price("1").image(png(8, 8))).await;
    let call_error = assert_refused(changed, ErrorCode::ImageStoreFailed);
    for word in ["127.0.0.1", "products/", "s3", "object_store", "No such", "os error", ".rs"] {
        assert!(!call_error.received.contains(word), "{word:?} leaks: {}", call_error.received);
    }
    let wrong = seller.client.create(&teapot().image(b"no image".to_vec())).await;
    let invalid = "invalid image file format. supported formats: .jpg, .jpeg, .png";
    assert_fields(wrong, &[(image_field(world), invalid)]);

    let listed = world.client().products(&Query::default()).await.unwrap().items;
    assert_eq!(listed, [made.listed()], "nothing is half done");
    assert_eq!(world.client().product(&made.id).await.unwrap(), made);
    seller.client.update(&made.id, &change().price("2")).await.unwrap();
    seller.client.delete(&made.id).await.unwrap();
}

/// Simulates a full or missing disk: nothing can be written below the folder.
pub async fn a_folder_that_takes_nothing_fails_images_alone(world: &World) {
    let (folder, aside) = (world.image_folder(), world.image_folder().with_extension("aside"));
    let seller = testkit::member::member(world, "seller", "grace@example.com").await;
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "no folder").unwrap();
    assert_only_images_suffer(world).await;
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();

    assert!(world.stored_images().is_empty(), "{:?}", world.stored_images());
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    assert_eq!(world.rest().download(&made.image_url).await.status, 200, "it is back without a restart");
}

/// The settings of an S3 service.
fn s3(endpoint: &str) -> [(&'static str, &str); 6] {
    [
        ("storage.url", "s3://shop"),
        ("storage.s3.endpoint", endpoint),
        ("storage.s3.path_style", "true"),
        ("storage.s3.access_key_id", "key"),
        ("storage.s3.secret_access_key", "secret"),
        ("storage.timeout_seconds", "1"),
    ]
}

pub async fn an_s3_service_that_is_away_fails_images_alone(world: &World) {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = world.second_world(&s3(&format!("http://{nobody}"))).await;
    assert_only_images_suffer(&away).await;
    assert!(away.close().await);
}

pub async fn an_s3_service_that_does_not_answer_fails_images_alone_in_bounded_time(world: &World) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = world.second_world(&s3(&format!("http://{}", silent.local_addr().unwrap()))).await;
    let begun = Instant::now();
    assert_only_images_suffer(&away).await;
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(away.close().await);
}
