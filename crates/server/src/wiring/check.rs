//! What would keep the settings from being put to use: `config check` builds what the server would, and makes nothing.

use super::{payments, simulator, storage};
use crate::serve::StartError;
use app::clock::SystemClock;
use domain::product::{ImageFormat, ImageKey};
use images::Store;
use mail::{MailSetupError, Mailer};
use midtrans::Midtrans;
use rustix::fs::{Access, access};
use secrecy::ExposeSecret;
use settings::Fault;
use settings::{GatewayChoice, Location, MailTransport, Settings};
use std::io::{self, ErrorKind};
use std::path::{Path, absolute};
use std::sync::Arc;

/// Everything that is wrong with the settings and is found only when they are used. Call it on a runtime, as the server does.
#[must_use]
pub fn check(settings: &Settings) -> Vec<Fault> {
    let found = [
        database(settings).err(),
        super::keys(settings).err(),
        store(settings).err(),
        gateway(settings).err(),
        mailer(settings).err(),
    ];
    found.into_iter().flatten().filter_map(|error| error.fault()).collect()
}

/// Whether the file of an embedded database is one, or can be made.
pub(crate) fn database(settings: &Settings) -> Result<(), StartError> {
    let Some(file) = persistence::embedded_file(settings.database.url.expose_secret()) else { return Ok(()) };
    can_be_file(&file).map_err(|error| StartError::DatabaseFile(file, error))
}

fn store(settings: &Settings) -> Result<(), StartError> {
    match &settings.storage.location {
        Location::Folder(folder) => {
            // Where the first image will be.
            let below = folder.join(ImageKey::generate(ImageFormat::Jpeg).as_str());
            let made = below.parent().map_or(Ok(()), can_be_folder);
            made.map_err(|error| storage::unusable(settings, error.into()))
        }
        Location::Bucket(bucket) => match Store::s3(storage::s3(settings, bucket), Arc::new(SystemClock)) {
            Ok(_) => Ok(()),
            Err(error) => Err(storage::unusable(settings, error)),
        },
    }
}

fn gateway(settings: &Settings) -> Result<(), StartError> {
    match &settings.payment.gateway {
        GatewayChoice::Midtrans(choice) => {
            Midtrans::new(payments::midtrans_options(choice)).map(drop).map_err(StartError::Midtrans)
        }
        GatewayChoice::Simulator(choice) => simulator::check(choice, can_be_file),
    }
}

fn mailer(settings: &Settings) -> Result<(), StartError> {
    Mailer::check(payments::mail_options(settings)).map_err(StartError::Mail)?;
    match &settings.mail.transport {
        MailTransport::Folder(folder) => can_be_folder(folder)
            .map_err(|error| StartError::Mail(MailSetupError::Folder(folder.clone(), error.into()))),
        MailTransport::Log | MailTransport::Smtp(_) => Ok(()),
    }
}

/// Whether there is a folder here, or one can be made.
fn can_be_folder(folder: &Path) -> io::Result<()> {
    for place in absolute(folder)?.ancestors() {
        match place.metadata() {
            Ok(found) if !found.is_dir() => {
                let problem = format!("{} is no folder", place.display());
                return Err(io::Error::new(ErrorKind::NotADirectory, problem));
            }
            Ok(_) if place == absolute(folder)? => return Ok(()),
            Ok(_) => return Ok(access(place, Access::WRITE_OK | Access::EXEC_OK)?),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether there is a file here that can be written, or one can be made.
fn can_be_file(file: &Path) -> io::Result<()> {
    match file.metadata() {
        Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(access(file, Access::READ_OK | Access::WRITE_OK)?),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let Some(folder) = absolute(file)?.parent().map(Path::to_owned) else { return Ok(()) };
            can_be_folder(&folder)?;
            if folder.is_dir() { Ok(access(&folder, Access::WRITE_OK | Access::EXEC_OK)?) } else { Ok(()) }
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use settings::Sources;
    use std::fs;

    /// What is found wrong with settings of development.
    async fn found(overrides: &[(&str, String)]) -> Vec<Fault> {
        let overrides = overrides.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let settings = Settings::load(&Sources { overrides, ..Sources::default() }).unwrap();
        check(&settings)
    }

    #[tokio::test]
    async fn what_would_stop_a_start_is_found_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("file"), "").unwrap();
        fs::create_dir_all(at("templates/buyer")).unwrap();
        fs::write(at("templates/buyer/success.txt"), "{{ nonsense").unwrap();
        let fine = [
            ("storage.url", format!("file://{}", at("new/images"))),
            ("payment.simulator.journal", at("new/simulator.jsonl")),
            ("mail.transport", "file".to_owned()),
            ("mail.folder", at("new/mails")),
        ];
        assert_eq!(found(&fine).await, []);
        assert!(!folder.path().join("new").exists());

        for (key, overrides) in [
            ("storage.url", vec![("storage.url", format!("file://{}", at("file/images")))]),
            ("payment.simulator.journal", vec![("payment.simulator.journal", at("file/simulator.jsonl"))]),
            ("payment.simulator.journal", vec![("payment.simulator.journal", at("templates"))]),
            ("mail.folder", vec![("mail.transport", "file".to_owned()), ("mail.folder", at("file"))]),
            ("mail.templates", vec![("mail.templates", at("nowhere"))]),
            ("mail.templates", vec![("mail.templates", at("templates"))]),
        ] {
            let found = found(&overrides).await;
            let keys: Vec<_> = found.iter().map(|fault| fault.key).collect();
            assert_eq!(keys, [key], "{overrides:?}: {found:?}");
        }
    }

    #[tokio::test]
    async fn money_that_moves_goes_to_midtrans_alone() {
        let key = tempfile::NamedTempFile::new().unwrap();
        fs::write(key.path(), "Mid-server-Qw7Zp5Bn8Yc4Hd6F").unwrap();
        let found = found(&[
            ("payment.gateway", "midtrans".to_owned()),
            ("midtrans.environment", "production".to_owned()),
            ("midtrans.server_key_file", key.path().display().to_string()),
            ("midtrans.api_url", "https://midtrans.example".to_owned()),
        ])
        .await;
        assert_eq!(found.iter().map(|fault| fault.key).collect::<Vec<_>>(), ["midtrans.api_url"], "{found:?}");
    }
}
