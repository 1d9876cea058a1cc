//! Services that speak S3 in a way of their own.

use crate::bucket::{assert_failed, image, key, soon};
use crate::peculiar::{Peculiar, Peculiarity};
use crate::server::{BUCKET, store};
use app::product::ImageStore;
use images::{Checksum, S3Options};
use std::time::Duration;

#[tokio::test]
async fn a_service_that_knows_no_conditions_is_sent_none() {
    for status in [501, 400] {
        let service = Peculiar::start(Peculiarity::NoConditions(status)).await;
        let (store, key) = (store(service.options()), key());
        store.put(&key, image(b"pixels"), soon()).await.unwrap();
        assert_eq!(service.objects(), [format!("/{BUCKET}/{key}")]);
        store.remove(&key, soon()).await.unwrap();
        assert!(service.objects().is_empty());
        let asked = crate::server::store(S3Options { conditional_put: true, ..service.options() });
        assert_failed(&asked.put(&key, image(b"pixels"), soon()).await.unwrap_err());
    }
}

#[tokio::test]
async fn no_header_is_sent_that_a_service_may_not_know() {
    let service = Peculiar::start(Peculiarity::NoStrangeHeaders).await;
    let (store, key) = (store(service.options()), key());
    store.put(&key, image(b"pixels"), soon()).await.unwrap();
    store.remove(&key, soon()).await.unwrap();
    let put = &service.requests()[0];
    assert!(!put.headers.contains_key("transfer-encoding") && !put.headers.contains_key("trailer"), "{put:?}");
    assert_eq!(put.headers["x-amz-content-sha256"].len(), 64, "the image is signed as a whole: {put:?}");
    let asked = crate::server::store(S3Options { checksum: Checksum::Sha256, ..service.options() });
    assert_failed(&asked.put(&key, image(b"pixels"), soon()).await.unwrap_err());
}

#[tokio::test]
async fn a_checksum_is_sent_to_a_service_that_demands_one() {
    let service = Peculiar::start(Peculiarity::Checksums).await;
    assert_failed(&store(service.options()).put(&key(), image(b"pixels"), soon()).await.unwrap_err());
    let store = store(S3Options { checksum: Checksum::Sha256, ..service.options() });
    store.put(&key(), image(b"pixels"), soon()).await.unwrap();
    let requests = service.requests();
    let sum = &requests.last().unwrap().headers["x-amz-checksum-sha256"];
    assert_eq!(sum, "bsnCsOsUAQdGyLzok5MDs4I0SyliBmEuuKkHo3srLzc=", "SHA-256 in base 64");
}

#[tokio::test]
async fn what_a_lost_answer_was_about_is_not_held_against_its_repetition() {
    for (status, conditional_put) in [(412, true), (412, false), (409, true), (409, false), (304, true)] {
        let service = Peculiar::start(Peculiarity::LosesAnswers(status)).await;
        let (store, key) = (store(S3Options { conditional_put, ..service.options() }), key());
        let outcome = store.put(&key, image(b"pixels"), soon()).await;
        // What is put on a condition is not sent anew by itself when an answer is lost: the next attempt finds it.
        if outcome.is_err() {
            assert!(conditional_put, "{status}");
            store.put(&key, image(b"pixels"), soon()).await.unwrap();
        }
        assert_failed(&store.put(&key, image(b"others"), soon()).await.unwrap_err());
        assert_failed(&store.put(&key, image(b"pixel"), soon()).await.unwrap_err());
        assert_eq!(service.objects().len(), 1);
    }
}

#[tokio::test]
async fn a_service_may_be_below_a_path() {
    let service = Peculiar::start(Peculiarity::Below("/storage/v1/s3/")).await;
    let endpoint = service.options().endpoint.unwrap();
    for slash in ["", "/"] {
        let options = S3Options { endpoint: Some(format!("{endpoint}/storage/v1/s3{slash}")), ..service.options() };
        let (unsigned, key) = (store(options.clone()), key());
        unsigned.put(&key, image(b"pixels"), soon()).await.unwrap();
        let place = format!("/storage/v1/s3/{BUCKET}/{key}");
        assert_eq!(service.objects(), [place.as_str()]);
        assert_eq!(unsigned.address(&key).await.unwrap().url, format!("{endpoint}{place}"));
        let signing = store(S3Options { presigned: Some(Duration::from_secs(60)), ..options });
        let signed = signing.address(&key).await.unwrap();
        assert!(signed.ends && signed.url.starts_with(&format!("{endpoint}{place}?")), "{signed:?}");
        assert_eq!(reqwest::get(&signed.url).await.unwrap().bytes().await.unwrap().as_ref(), b"pixels");
        unsigned.remove(&key, soon()).await.unwrap();
        assert!(service.objects().is_empty());
    }
}

#[tokio::test]
async fn a_region_may_have_any_name() {
    for region in ["RegionOne", "NL", "auto", "us-west-004", "default"] {
        let service = Peculiar::start(Peculiarity::Region(region)).await;
        let presigned = Some(Duration::from_secs(60));
        let (store, key) = (store(S3Options { region: region.to_owned(), presigned, ..service.options() }), key());
        store.put(&key, image(b"pixels"), soon()).await.unwrap();
        let url = store.address(&key).await.unwrap().url;
        assert_eq!(reqwest::get(&url).await.unwrap().bytes().await.unwrap().as_ref(), b"pixels");
    }
}
