//! Writes mails as files, for development.

use super::MailSetupError;
use super::compose::ComposedMail;
use app::payment::MailError;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// Only the owner may read mails.
const FOLDER_MODE: u32 = 0o700;

pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn open(path: PathBuf) -> Result<Self, MailSetupError> {
        match DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&path) {
            Ok(()) => Ok(Self { path }),
            Err(error) => Err(MailSetupError::Folder(path, error.into())),
        }
    }

    /// Writes a mail atomically. An existing file of the same mail is replaced.
    pub(super) async fn put(&self, mail: &ComposedMail) -> Result<(), MailError> {
        let file = self.path.join(format!("{}.eml", mail.message_id));
        let unfinished = self.path.join(format!(".{}.{}", mail.message_id, uuid::Uuid::now_v7()));
        let outcome = write(&unfinished, &file, &mail.bytes).await;
        if outcome.is_err() {
            // The first error is returned; a second one would not help.
            let _ = tokio::fs::remove_file(&unfinished).await;
        }
        outcome.map_err(|error| MailError::Away(format!("{}: {error}", file.display()).into()))
    }
}

async fn write(unfinished: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut written = tokio::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished).await?;
    written.write_all(bytes).await?;
    written.sync_all().await?;
    tokio::fs::rename(unfinished, file).await
}
