//! Where images are kept, and by what they are looked at.

use crate::serve::StartError;
use crate::settings::{Bucket, Checksum, Environment, Place, Settings};
use domain::clock::Clock;
use outbound::images::{self, Inspector, InspectorOptions, LocalOptions, S3Options, Store};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Where REST serves the images of a folder.
const MEDIA: &str = "/media";

/// The threads that look at images.
pub(super) fn inspector() -> Result<Inspector, StartError> {
    Inspector::start(InspectorOptions::default()).map_err(StartError::Inspecting)
}

/// The store that the settings name. `rest` is where REST listens.
pub(crate) fn store(settings: &Settings, rest: SocketAddr, clock: Arc<dyn Clock>) -> Result<Store, StartError> {
    let storage = &settings.storage;
    let (opened, remedy) = match &storage.place {
        Place::Folder(folder) => {
            let options = LocalOptions {
                folder: folder.clone(),
                public_url: storage.public_url.clone().unwrap_or_else(|| media_at(rest)),
                timeout: storage.timeout,
            };
            (Store::local(options, clock), "let this process write there, or name another folder")
        }
        Place::Bucket(bucket) => (Store::s3(s3(settings, bucket), clock), "put the settings in storage.s3 right"),
    };
    opened.map_err(|source| StartError::Storage { place: storage.place.to_string(), source, remedy })
}

/// Where clients find the images of a folder that REST serves at this address. Where it listens on every interface nobody
/// can tell by which name clients know it: then the path alone, which is right for those that know REST itself.
fn media_at(rest: SocketAddr) -> String {
    if rest.ip().is_unspecified() { MEDIA.to_owned() } else { format!("http://{rest}{MEDIA}") }
}

fn s3(settings: &Settings, bucket: &Bucket) -> S3Options {
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

/// The folder that REST serves images from, where they are kept in one.
pub(super) fn media(settings: &Settings) -> Option<PathBuf> {
    match &settings.storage.place {
        Place::Folder(folder) => Some(folder.clone()),
        Place::Bucket(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Sources;
    use domain::clock::SystemClock;

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

    #[test]
    fn images_in_a_folder_are_found_at_rest_itself() {
        for (listens, found) in [
            ("127.0.0.1:8081", "http://127.0.0.1:8081/media"),
            ("[::1]:8081", "http://[::1]:8081/media"),
            ("0.0.0.0:8081", "/media"),
            ("[::]:8081", "/media"),
        ] {
            assert_eq!(media_at(listens.parse().unwrap()), found);
        }
    }
}
