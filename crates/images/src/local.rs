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

/// Who may read an image: we, and our group, such as a web server's.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// The folder; made where there is none.
    pub folder: PathBuf,
    /// Where clients find the folder, such as `https://shop.example/media`.
    pub public_url: String,
    pub timeout: Duration,
}

pub(super) struct Folder {
    files: LocalFileSystem,
}

impl Folder {
    /// Makes the folder ready. No part of it below the configured one is a symbolic link.
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
        // What is told to be stored is then on the disk: the database is about to rely on it.
        Ok(Self { files: LocalFileSystem::new_with_prefix(root)?.with_fsync(true) })
    }

    pub(super) async fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), Fault> {
        // The file gets its name once it is whole, by a hard link, which never replaces anything.
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
        // What a crash left of putting it: a place is put to once, so there is one such file at most.
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
