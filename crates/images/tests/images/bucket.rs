//! Images in a bucket.

use crate::server::{BUCKET, SECRET, Server, store};
use app::clock::{Deadline, SystemClock};
use app::product::ImageStore;
use domain::error::{Error, ErrorCode, causes};
use domain::product::{Image, ImageFormat, ImageKey};
use images::{S3Options, Store};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn soon() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

pub(crate) fn image(bytes: &[u8]) -> Image {
    Image { format: ImageFormat::Png, bytes: bytes.to_vec() }
}

pub(crate) fn key() -> ImageKey {
    ImageKey::generate(ImageFormat::Png)
}

/// That it is the store's failure, and that no secret is told with it.
pub(crate) fn assert_failed(error: &Error) {
    assert_eq!(error.code(), ErrorCode::ImageStoreFailed, "{}", causes(error));
    assert!(!causes(error).is_empty());
    for secret in [SECRET, "Signature=", "Credential="] {
        assert!(!format!("{error:?} {}", causes(error)).contains(secret));
    }
}

async fn put_and_remove(server: &Server, options: S3Options, file: impl Fn(&ImageKey) -> String) {
    let (store, key) = (store(options), key());
    let file = server.folder.path().join(BUCKET).join(file(&key));
    store.put(&key, image(b"pixels"), soon()).await.unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"pixels");
    for _ in 0..2 {
        store.remove(&key, soon()).await.unwrap();
        assert!(!file.exists());
    }
}

#[tokio::test]
async fn an_image_is_put_and_removed_however_often() {
    let server = Server::start().await;
    put_and_remove(&server, server.options(), ToString::to_string).await;
}

#[tokio::test]
async fn what_stands_before_places_is_the_settings_choice() {
    let server = Server::start().await;
    for prefix in ["media", "/media/"] {
        let options = S3Options { prefix: Some(prefix.to_owned()), ..server.options() };
        put_and_remove(&server, options, |key| format!("media/{key}")).await;
    }
    let options = S3Options { prefix: Some("a/b".to_owned()), ..server.options() };
    put_and_remove(&server, options, |key| format!("a/b/{key}")).await;
}

#[tokio::test]
async fn the_buckets_name_may_stand_in_the_host() {
    let server = Server::start().await;
    let endpoint = Some(format!("http://localhost:{}", server.address.port()));
    let presigned = Some(Duration::from_secs(60));
    let key = key();
    store(server.options()).put(&key, image(b"pixels"), soon()).await.unwrap();
    let url = store(S3Options { endpoint, path_style: false, presigned, ..server.options() })
        .address(&key)
        .await
        .unwrap()
        .url;
    assert!(url.starts_with(&format!("http://shop.localhost:{}/{key}?", server.address.port())), "{url}");
    // Not every machine knows names below `localhost`.
    let client = reqwest::Client::builder().resolve("shop.localhost", server.address).build().unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().bytes().await.unwrap().as_ref(), b"pixels");
}

#[tokio::test]
async fn a_place_is_put_to_once_where_the_settings_ask_for_that() {
    let server = Server::start().await;
    let (store, key) = (store(S3Options { conditional_put: true, ..server.options() }), key());
    store.put(&key, image(b"first"), soon()).await.unwrap();
    assert_failed(&store.put(&key, image(b"second"), soon()).await.unwrap_err());
    assert_failed(&store.put(&key, image(b"fir"), soon()).await.unwrap_err());
    store.put(&key, image(b"first"), soon()).await.expect("the answer to our own first attempt may have been lost");
    assert_eq!(std::fs::read(server.folder.path().join(BUCKET).join(key.as_str())).unwrap(), b"first");
}

#[tokio::test]
async fn a_wrong_id_or_secret_is_a_failure_that_tells_no_secret() {
    let server = Server::start().await;
    let wrong = Some(("an-id".to_owned(), "another-secret".to_owned().into()));
    for options in [
        S3Options { credentials: wrong, ..server.options() },
        S3Options { credentials: Some(("nobody".to_owned(), SECRET.to_owned().into())), ..server.options() },
    ] {
        let store = store(options);
        let error = store.put(&key(), image(b"pixels"), soon()).await.unwrap_err();
        assert_failed(&error);
        assert!(causes(&error).contains("status 40"), "{}", causes(&error));
    }
}

#[tokio::test]
async fn a_presigned_address_opens_its_image_and_nothing_else() {
    let server = Server::start().await;
    let store = store(S3Options { presigned: Some(Duration::from_secs(60)), ..server.options() });
    let (key, other) = (key(), key());
    for key in [&key, &other] {
        store.put(key, image(b"pixels"), soon()).await.unwrap();
    }
    let url = store.address(&key).await.unwrap().url;
    assert!(!url.contains(SECRET));

    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.status(), 200);
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-disposition", "inline; filename=\"product.png\""),
        ("cache-control", "public, max-age=31536000, immutable"),
    ] {
        assert_eq!(answer.headers()[name], value);
    }
    assert_eq!(answer.bytes().await.unwrap().as_ref(), b"pixels");

    let unsigned = url.split('?').next().unwrap().to_owned();
    for forged in [
        unsigned,
        url.replace(key.as_str(), other.as_str()),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        url.replace("X-Amz-Signature=", "X-Amz-Signature=0"),
    ] {
        assert_ne!(forged, url);
        assert!(reqwest::get(&forged).await.unwrap().status().is_client_error(), "{forged}");
    }
    assert!(reqwest::Client::new().put(&url).body("x").send().await.unwrap().status().is_client_error());
}

#[tokio::test]
async fn a_presigned_address_ends() {
    let server = Server::start().await;
    let store = store(S3Options { presigned: Some(Duration::from_secs(1)), ..server.options() });
    let key = key();
    store.put(&key, image(b"pixels"), soon()).await.unwrap();
    let url = store.address(&key).await.unwrap().url;
    let patience = Deadline::within(Duration::from_secs(30));
    while reqwest::get(&url).await.unwrap().status() == 200 {
        assert!(!patience.has_passed(), "it never ended");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[test]
fn addresses_are_made_on_runtimes_other_than_the_stores() {
    let main = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, store) = main.block_on(async {
        let server = Server::start().await;
        let options = S3Options { presigned: Some(Duration::from_secs(60)), ..server.options() };
        (server, store(options))
    });
    let key = key();
    for _ in 0..2 {
        let worker = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = worker.block_on(store.address(&key)).unwrap().url;
        assert!(url.starts_with(&format!("http://{}/{BUCKET}/{key}?", server.address)));
        // Its connections belong to the main runtime, and outlive the one that asked for them.
        worker.block_on(store.put(&self::key(), image(b"pixels"), soon())).unwrap();
    }
}

#[tokio::test]
async fn an_address_is_where_the_settings_say() {
    let key = key();
    let base = S3Options { endpoint: None, region: "ap-southeast-3".to_owned(), path_style: false, ..nowhere() };
    let with = |change: fn(&mut S3Options)| {
        let mut options = base.clone();
        change(&mut options);
        store(options)
    };
    for (store, start) in [
        (with(|_| ()), "https://shop.s3.ap-southeast-3.amazonaws.com"),
        (with(|options| options.path_style = true), "https://s3.ap-southeast-3.amazonaws.com/shop"),
        (with(|options| options.prefix = Some("a/b".to_owned())), "https://shop.s3.ap-southeast-3.amazonaws.com/a/b"),
        (
            with(|options| options.endpoint = Some("https://s3.example:9000/".to_owned())),
            "https://shop.s3.example:9000",
        ),
        (with(|options| options.public_url = Some("https://cdn.example/x/".to_owned())), "https://cdn.example/x"),
    ] {
        assert_eq!(store.address(&key).await.unwrap().url, format!("{start}/{key}"));
    }
}

fn nowhere() -> S3Options {
    crate::server::options(std::net::SocketAddr::from(([127, 0, 0, 1], 1)))
}

#[tokio::test]
async fn an_endpoint_without_tls_is_taken_only_where_the_settings_say_so() {
    assert!(Store::s3(S3Options { allow_http: false, ..nowhere() }, Arc::new(SystemClock)).is_err());
    let odd = S3Options { endpoint: Some("ftp://example.com".to_owned()), ..nowhere() };
    assert!(Store::s3(odd, Arc::new(SystemClock)).is_err());
}
