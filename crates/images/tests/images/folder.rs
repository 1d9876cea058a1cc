//! Images in a folder.

use crate::bucket::{assert_failed, image, key, soon};
use app::clock::SystemClock;
use app::product::ImageStore;
use domain::product::ImageKey;
use images::{LocalOptions, Store};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn store(folder: &Path) -> Store {
    let public_url = "https://shop.example/media/".to_owned();
    let options = LocalOptions { folder: folder.to_owned(), public_url, timeout: Duration::from_secs(8) };
    Store::local(options, Arc::new(SystemClock)).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn an_image_is_put_and_removed_however_often() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data/images");
    let (store, key) = (store(&folder), key());
    store.put(&key, image(b"pixels"), soon()).await.unwrap();
    let file = folder.join(key.as_str());
    assert_eq!(fs::read(&file).unwrap(), b"pixels");
    assert_eq!((mode(&file), mode(&folder)), (0o640, 0o750));
    assert_eq!(store.address(&key).await.unwrap().url, format!("https://shop.example/media/{key}"));
    for _ in 0..2 {
        store.remove(&key, soon()).await.unwrap();
        assert_eq!(fs::read_dir(folder.join("products")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_place_is_put_to_once() {
    let home = tempfile::tempdir().unwrap();
    let (store, key) = (store(home.path()), key());
    store.put(&key, image(b"first"), soon()).await.unwrap();
    assert_failed(&store.put(&key, image(b"second"), soon()).await.unwrap_err());
    let files: Vec<_> = fs::read_dir(home.path().join("products")).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing unfinished stays");
    assert_eq!(fs::read(home.path().join(key.as_str())).unwrap(), b"first");
}

#[tokio::test]
async fn what_a_crash_left_unfinished_goes_with_its_place() {
    let home = tempfile::tempdir().unwrap();
    let (store, key) = (store(home.path()), key());
    let unfinished = home.path().join(format!("{key}#1"));
    fs::write(&unfinished, b"pix").unwrap();
    store.remove(&key, soon()).await.unwrap();
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn a_folder_that_takes_nothing_is_a_failure() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    // Root may write everywhere, but not below a file.
    fs::remove_dir(home.path().join("products")).unwrap();
    fs::write(home.path().join("products"), b"in the way").unwrap();
    assert_failed(&store.put(&key(), image(b"pixels"), soon()).await.unwrap_err());
    assert_failed(&store.remove(&key(), soon()).await.unwrap_err());
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_to_is_a_failure() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let folder = home.path().join("products");
    fs::set_permissions(&folder, Permissions::from_mode(0o550)).unwrap();
    let is_root = fs::write(folder.join("probe"), b"").is_ok();
    if !is_root {
        assert_failed(&store.put(&key(), image(b"pixels"), soon()).await.unwrap_err());
    }
    fs::set_permissions(&folder, Permissions::from_mode(0o750)).unwrap();
}

#[tokio::test]
async fn links_lead_nowhere() {
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path(), home.path().join("products")).unwrap();
    let options =
        LocalOptions { folder: home.path().to_owned(), public_url: String::new(), timeout: Duration::from_secs(8) };
    assert!(Store::local(options, Arc::new(SystemClock)).is_err());

    let home = tempfile::tempdir().unwrap();
    let (store, key) = (store(home.path()), key());
    let target = elsewhere.path().join("target");
    fs::write(&target, b"theirs").unwrap();
    symlink(&target, home.path().join(key.as_str())).unwrap();
    assert_failed(&store.put(&key, image(b"ours"), soon()).await.unwrap_err());
    store.remove(&key, soon()).await.unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"theirs");
}

#[test]
fn no_text_that_leads_out_is_a_place() {
    for text in
        ["../../etc/passwd", "products/../../etc/passwd", "products/%2e%2e/x.png", "/etc/passwd", "products/a\0b.png"]
    {
        assert_eq!(ImageKey::parse(text), None);
    }
}
