//! Where images are kept: what each environment takes, and what it doubts.

use crate::{BUCKET, GOOD_SECRET, load, mistakes, owned, production, variables};
use secrecy::ExposeSecret;
use settings::{Checksum, Location, Settings, Sources, Storage};
use std::path::Path;
use std::time::Duration;

fn storage(more: &[(&str, &str)]) -> Storage {
    load(&variables("development", more)).storage
}

fn folder(url: &str) -> Storage {
    storage(&[("COMMERCE__STORAGE__URL", url)])
}

/// Settings of an environment without a mistake but for those that are given.
fn deployed(environment: &str, more: &[(&str, &str)]) -> Settings {
    load(&variables(environment, &[&[("COMMERCE__AUTH__JWT__SECRET", GOOD_SECRET)], more].concat()))
}

#[test]
fn a_folder_is_taken_as_it_is_written() {
    for (url, path) in [
        ("file://data/images", "data/images"),
        ("file:///var/lib/images", "/var/lib/images"),
        ("file://my images/50%20", "my images/50%20"),
    ] {
        assert!(matches!(folder(url).location, Location::Folder(folder) if folder == Path::new(path)), "{url}");
    }
    let default = load(&variables("development", &[]));
    assert!(matches!(&default.storage.location, Location::Folder(folder) if folder == Path::new("data/images")));
    assert_eq!((default.storage.max_uploads, default.storage.timeout), (8, Duration::from_secs(8)));
    assert!(default.warnings().is_empty(), "{:?}", default.warnings());
}

#[test]
fn a_bucket_has_a_name_and_perhaps_a_prefix() {
    for (url, name, prefix) in [
        ("s3://shop", "shop", ""),
        ("s3://shop/", "shop", ""),
        ("s3://shop.example/products/2026/", "shop.example", "products/2026"),
    ] {
        let Location::Bucket(bucket) = folder(url).location else { panic!("{url}") };
        assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), (name, prefix), "{url}");
        assert!(bucket.credentials.is_none() && bucket.presigned.is_none() && bucket.endpoint.is_none());
    }
}

#[test]
fn a_private_bucket_of_another_service_can_be_named() {
    let storage = storage(&[
        ("COMMERCE__STORAGE__URL", "s3://shop"),
        ("COMMERCE__STORAGE__PRESIGNED_SECONDS", "900"),
        ("COMMERCE__STORAGE__S3__ENDPOINT", "http://127.0.0.1:9000/"),
        ("COMMERCE__STORAGE__S3__REGION", "garage"),
        ("COMMERCE__STORAGE__S3__PATH_STYLE", "true"),
        ("COMMERCE__STORAGE__S3__ACCESS_KEY_ID", "key"),
        ("COMMERCE__STORAGE__S3__SECRET_ACCESS_KEY", "secret"),
    ]);
    let Location::Bucket(bucket) = storage.location else { panic!("a bucket") };
    assert_eq!((bucket.endpoint.as_deref(), bucket.region.as_str()), (Some("http://127.0.0.1:9000"), "garage"));
    assert_eq!((bucket.presigned, bucket.path_style), (Some(Duration::from_secs(900)), true));
    let credentials = bucket.credentials.unwrap();
    assert_eq!((credentials.access_key_id.as_str(), credentials.secret_access_key.expose_secret()), ("key", "secret"));
}

#[test]
fn services_that_are_not_amazons_are_named_as_they_name_themselves() {
    for (endpoint, region) in [
        ("https://id.supabase.co/storage/v1/s3", "ap-southeast-1"),
        ("https://rgw.example/swift_1/~s3/", "RegionOne"),
        ("https://account.r2.cloudflarestorage.com", "auto"),
        ("https://objects.example", "NL"),
    ] {
        let storage = storage(&[
            BUCKET,
            ("COMMERCE__STORAGE__S3__ENDPOINT", endpoint),
            ("COMMERCE__STORAGE__S3__REGION", region),
        ]);
        let Location::Bucket(bucket) = storage.location else { panic!("a bucket") };
        assert_eq!(
            (bucket.endpoint.as_deref(), bucket.region.as_str()),
            (endpoint.strip_suffix('/').or(Some(endpoint)), region)
        );
        assert!(!bucket.conditional_put && bucket.checksum == Checksum::None, "what every service knows");
    }
}

#[test]
fn a_bucket_that_cannot_be_part_of_a_hosts_name_belongs_into_the_path() {
    let with = |more: &[(&str, &str)]| variables("development", more);
    let told = |more: &[(&str, &str)]| mistakes(&with(more)).to_string();
    let address = ("COMMERCE__STORAGE__S3__ENDPOINT", "http://127.0.0.1:9000");
    assert!(told(&[BUCKET, address]).contains("storage.s3.path_style: is false"));
    assert!(Settings::load(&with(&[BUCKET, address, ("COMMERCE__STORAGE__S3__PATH_STYLE", "true")])).is_ok());
    assert!(told(&[BUCKET, ("COMMERCE__STORAGE__S3__REGION", "RegionOne")]).contains("is none of Amazon's"));
    for name in ["s3://shop.example", "s3://Shop", "s3://my_shop"] {
        let url = ("COMMERCE__STORAGE__URL", name);
        let doubts = load(&with(&[url])).warnings().join("\n");
        assert!(doubts.contains("storage.s3.path_style"), "{name}: {doubts}");
        assert!(load(&with(&[url, ("COMMERCE__STORAGE__S3__PATH_STYLE", "true")])).warnings().is_empty(), "{name}");
    }
}

#[test]
fn signed_addresses_are_valid_for_a_while() {
    for (seconds, is_taken) in [("0", true), ("1", false), ("59", false), ("60", true), ("900", true)] {
        let sources = variables("development", &[BUCKET, ("COMMERCE__STORAGE__PRESIGNED_SECONDS", seconds)]);
        assert_eq!(Settings::load(&sources).is_ok(), is_taken, "{seconds}");
    }
    let sources = variables("development", &[BUCKET, ("COMMERCE__STORAGE__PRESIGNED_SECONDS", "59")]);
    assert!(mistakes(&sources).to_string().contains("59 is neither 0 nor a number of seconds from 60 to 900"));
}

#[test]
fn addresses_of_images_begin_as_is_said() {
    for (text, begins) in [
        ("", None),
        ("/media", Some("/media")),
        ("/", Some("")),
        ("https://cdn.example/shop/", Some("https://cdn.example/shop")),
        ("http://[::1]:8081/media", Some("http://[::1]:8081/media")),
    ] {
        let storage = storage(&[("COMMERCE__STORAGE__PUBLIC_URL", text)]);
        assert_eq!(storage.public_url.as_deref(), begins, "{text}");
    }
}

#[test]
fn production_sends_no_images_unencrypted() {
    let endpoint = [("COMMERCE__STORAGE__S3__ENDPOINT", "http://minio.example:9000"), BUCKET];
    let text = mistakes(&production(&endpoint[..1])).to_string();
    assert!(text.contains("storage.s3.endpoint: is not encrypted on its way; use https://"), "{text}");
    assert!(deployed("staging", &endpoint).warnings().is_empty());
    deployed("production", &[("COMMERCE__STORAGE__S3__ENDPOINT", "https://minio.example:9000"), BUCKET]);
}

#[test]
fn a_folder_in_production_is_doubted() {
    let settings = deployed("production", &[]);
    let told: Vec<_> = settings.warnings().iter().map(|warning| warning.split_once(": ").unwrap().1).collect();
    assert_eq!(
        told,
        [
            "storage.url: a folder is for one machine: processes on others do not find the images in it",
            "storage.public_url: is not given, so that images have the address /media/…, without a host; give that which \
             clients use",
        ]
    );
    let named = [("COMMERCE__STORAGE__PUBLIC_URL", "https://shop.example/media")];
    assert_eq!(deployed("production", &named).warnings().len(), 1);
    let known = deployed("production", &[("COMMERCE__REST__PUBLIC_URL", "https://shop.example/api/")]);
    assert_eq!((known.warnings().len(), known.rest.public_url.as_deref()), (1, Some("https://shop.example/api")));
    assert_eq!(deployed("production", &[("COMMERCE__REST__HOST", "10.0.0.1")]).warnings().len(), 1);
    assert_eq!(deployed("staging", &[]).warnings().len(), 1, "only that of the address");
    assert!(load(&variables("development", &[("COMMERCE__REST__HOST", "0.0.0.0")])).warnings().is_empty());
}

#[test]
fn what_has_no_effect_is_doubted() {
    let endpoint = ("COMMERCE__STORAGE__S3__ENDPOINT", "https://minio.example");
    let warned = load(&variables("development", &[endpoint]));
    assert_eq!(
        warned.warnings(),
        ["COMMERCE__STORAGE__S3__ENDPOINT: storage.s3.endpoint: has no effect, because storage.url names a folder"]
    );
    // As in a file that names every setting.
    let same = load(&variables("development", &[("COMMERCE__STORAGE__S3__PATH_STYLE", "false")]));
    assert!(same.warnings().is_empty(), "{:?}", same.warnings());

    let signed = [
        BUCKET,
        ("COMMERCE__STORAGE__PRESIGNED_SECONDS", "60"),
        ("COMMERCE__STORAGE__PUBLIC_URL", "https://cdn.example"),
    ];
    let warned = load(&variables("development", &signed));
    assert!(warned.warnings()[0].contains("storage.public_url: has no effect"), "{:?}", warned.warnings());
}

#[test]
fn one_half_of_a_key_is_a_mistake_and_so_is_a_secret_on_the_command_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "secret\n").unwrap();
    let file = file.path().to_str().unwrap();
    let halves = [("COMMERCE__STORAGE__S3__SECRET_ACCESS_KEY_FILE", file), BUCKET];
    let text = mistakes(&variables("development", &halves)).to_string();
    assert!(text.contains("storage.s3.secret_access_key_file: is given without storage.s3.access_key_id"), "{text}");
    let overrides = owned(&[("storage.s3.access_key_id", "key"), ("storage.s3.secret_access_key", "secret")]);
    let exposed = Sources { overrides, ..variables("development", &[BUCKET]) };
    assert!(mistakes(&exposed).to_string().contains("everybody on the machine can read a command line"));
}
