//! Builds the image store and the image inspector.

use crate::serve::StartError;
use app::clock::Clock;
use domain::error::BoxError;
use images::{self, Inspector, InspectorOptions, LocalOptions, S3Options, Store};
use settings::{Bucket, Checksum, Environment, Location, Settings};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The path at which REST serves images in a folder.
const MEDIA: &str = "/media";

pub(super) fn inspector() -> Result<Inspector, StartError> {
    Inspector::start(InspectorOptions::default()).map_err(StartError::Inspecting)
}

/// Opens the store. `rest` is the address of REST.
pub(crate) fn store(settings: &Settings, rest: SocketAddr, clock: Arc<dyn Clock>) -> Result<Store, StartError> {
    let storage = &settings.storage;
    let opened = match &storage.location {
        Location::Folder(folder) => {
            let options = LocalOptions {
                folder: folder.clone(),
                public_url: storage.public_url.clone().unwrap_or_else(|| media_at(settings, rest)),
                timeout: storage.timeout,
            };
            Store::local(options, clock)
        }
        Location::Bucket(bucket) => Store::s3(s3(settings, bucket), clock),
    };
    opened.map_err(|source| unusable(settings, source))
}

pub(super) fn unusable(settings: &Settings, source: BoxError) -> StartError {
    let location = &settings.storage.location;
    let remedy = match location {
        Location::Folder(_) => "let this process write there, or name another folder",
        Location::Bucket(_) => "put the settings in storage.s3 right",
    };
    StartError::Storage { place: location.to_string(), source, remedy }
}

/// The prefix of the addresses of images that REST serves. If REST listens on every interface, its public name is unknown, so the
/// prefix is only a path.
fn media_at(settings: &Settings, rest: SocketAddr) -> String {
    match &settings.rest.public_url {
        Some(known_by) => format!("{known_by}{MEDIA}"),
        None if rest.ip().is_unspecified() => MEDIA.to_owned(),
        None => format!("http://{rest}{MEDIA}"),
    }
}

/// Whether the addresses of images are only paths, because no public address is set.
pub(super) fn are_paths(settings: &Settings) -> bool {
    let is_said = settings.storage.public_url.is_some() || settings.rest.public_url.is_some();
    media(settings).is_some() && !is_said && settings.rest.host.is_unspecified()
}

pub(super) fn s3(settings: &Settings, bucket: &Bucket) -> S3Options {
    let storage = &settings.storage;
    let credentials = bucket.credentials.as_ref();
    S3Options {
        bucket: bucket.name.clone(),
        prefix: Some(bucket.prefix.clone()).filter(|prefix| !prefix.is_empty()),
        endpoint: bucket.endpoint.clone(),
        region: bucket.region.clone(),
        path_style: bucket.path_style,
        conditional_put: bucket.conditional_put,
        checksum: match bucket.checksum {
            Checksum::None => images::Checksum::None,
            Checksum::Sha256 => images::Checksum::Sha256,
        },
        credentials: credentials.map(|key| (key.access_key_id.clone(), key.secret_access_key.clone())),
        allow_http: settings.environment != Environment::Production,
        public_url: storage.public_url.clone(),
        presigned: bucket.presigned,
        timeout: storage.timeout,
    }
}

/// The folder of images, if they are in a folder.
pub(super) fn media(settings: &Settings) -> Option<PathBuf> {
    match &settings.storage.location {
        Location::Folder(folder) => Some(folder.clone()),
        Location::Bucket(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::clock::SystemClock;
    use settings::Sources;

    #[test]
    fn a_folder_that_cannot_be_is_told_with_what_to_do() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = file.path().join("images");
        let overrides = vec![("storage.url".to_owned(), format!("file://{}", folder.display()))];
        let sources = Sources { environment: Some("test".to_owned()), overrides, ..Sources::default() };
        let settings = Settings::load(&sources).unwrap();
        let error = store(&settings, "127.0.0.1:80".parse().unwrap(), Arc::new(SystemClock)).err().unwrap().to_string();
        let told = format!("storage.url: images cannot be kept in the folder {}: ", folder.display());
        assert!(error.starts_with(&told) && error.ends_with("or name another folder"), "{error}");
    }

    fn settings(more: &[(&str, &str)]) -> Settings {
        let overrides = more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::load(&Sources { environment: Some("test".to_owned()), overrides, ..Sources::default() }).unwrap()
    }

    #[test]
    fn images_in_a_folder_are_found_at_rest_itself() {
        for (listens, found) in [
            ("127.0.0.1:8081", "http://127.0.0.1:8081/media"),
            ("[::1]:8081", "http://[::1]:8081/media"),
            ("0.0.0.0:8081", "/media"),
            ("[::]:8081", "/media"),
        ] {
            let listens = listens.parse().unwrap();
            assert_eq!(media_at(&settings(&[]), listens), found);
            let known = settings(&[("rest.public_url", "https://shop.example/api/")]);
            assert_eq!(media_at(&known, listens), "https://shop.example/api/media");
        }
    }

    #[test]
    fn images_have_paths_where_nobody_says_how_rest_is_known() {
        let everywhere = ("rest.host", "0.0.0.0");
        assert!(are_paths(&settings(&[everywhere])));
        for said in [
            ("rest.host", "127.0.0.1"),
            ("rest.public_url", "https://shop.example"),
            ("storage.public_url", "/media"),
            ("storage.url", "s3://shop"),
        ] {
            assert!(!are_paths(&settings(&[everywhere, said])), "{said:?}");
        }
    }
}
