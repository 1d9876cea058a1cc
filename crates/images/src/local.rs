//! Images in a folder.

use super::fault::Fault;
use domain::error::BoxError;
use domain::product::{ImageFormat, ImageKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

/// The owner and the group, such as a web server's, may read an image.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// The folder, created if needed.
    pub folder: PathBuf,
    /// The folder's URL for clients, such as `https://shop.example/media`.
    pub public_url: String,
    pub timeout: Duration,
}

pub(super) struct Folder {
    files: LocalFileSystem,
}

impl Folder {
    /// Creates the folder. No part of it below the configured one may be a symbolic link.
    pub(super) fn open(folder: &std::path::Path) -> Result<Self, BoxError> {
        make(folder)?;
        let root = folder.canonicalize()?;
        let key = ImageKey::generate(ImageFormat::Jpeg);
        if let Some(below) = root.join(key.as_str()).parent() {
            make(below)?;
            if !below.symlink_metadata()?.is_dir() {
                return Err(format!("{} is no folder", below.display()).into());
            }
        }
        // Files are synced to disk, because the database is about to refer to them.
        Ok(Self { files: LocalFileSystem::new_with_prefix(root)?.with_fsync(true) })
    }

    pub(super) async fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), Fault> {
        // A complete file gets its name by a hard link, which never replaces another file.
        self.files.put_opts(path, PutPayload::from(bytes), PutMode::Create.into()).await.map_err(told)?;
        let file = self.files.path_to_filesystem(path).map_err(told)?;
        tokio::fs::set_permissions(file, Permissions::from_mode(FILE_MODE)).await.map_err(told_io)
    }

    pub(super) async fn read(&self, path: &Path) -> Result<Vec<u8>, Fault> {
        let file = self.files.path_to_filesystem(path).map_err(told)?;
        tokio::fs::read(file).await.map_err(told_io)
    }

    pub(super) async fn has(&self, path: &Path) -> Result<bool, Fault> {
        let file = self.files.path_to_filesystem(path).map_err(told)?;
        tokio::fs::try_exists(file).await.map_err(told_io)
    }

    pub(super) async fn remove(&self, path: &Path) -> Result<(), Fault> {
        let file = self.files.path_to_filesystem(path).map_err(told)?;
        // A crash may have left an unfinished file. Each key is stored once, so at most one such file exists.
        let mut unfinished = file.into_os_string();
        unfinished.push("#1");
        match tokio::fs::remove_file(unfinished).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(told_io(error)),
            _ => {}
        }
        match self.files.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(told(error)),
        }
    }
}

fn make(folder: &std::path::Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
}

fn told(error: Error) -> Fault {
    Fault::of(&error)
}

fn told_io(error: io::Error) -> Fault {
    told(Error::Generic { store: "LocalFileSystem", source: error.into() })
}
