//! Reloading of the settings on SIGHUP.

use crate::client::{Load, bounded, clients};
use domain::error::ErrorCode;
use std::path::Path;
use std::time::Duration;
use testkit::binary::Process;
use testkit::client::{LoggedIn, PASSWORD, ShopClient, ada};
use testkit::world::wait_until;

const TIME_LIMIT: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(10);

const OLD: (&str, &str) = ("old", "0123456789-an-old-secret-of-a-shop");
const NEW: (&str, &str) = ("new", "9876543210-a-new-secret-of-the-shop");

/// The settings of a server that signs with one key and accepts others.
fn write_settings(folder: &Path, (kid, secret): (&str, &str), accepted: &[(&str, &str)]) {
    let accepted = accepted.iter().map(|(kid, secret)| format!("{{ kid = \"{kid}\", secret = \"{secret}\" }}"));
    let accepted = accepted.collect::<Vec<_>>().join(", ");
    let settings = format!(
        "auth.bcrypt_cost = 4\nauth.jwt.kid = \"{kid}\"\nauth.jwt.secret = \"{secret}\"\n\
         auth.jwt.verification_keys = [{accepted}]\nrate_limit.enabled = false\nshutdown.drain_delay_seconds = 0\n\
         database.url = \"sqlite://shop.db\"\ndatabase.migrate_on_start = true\n\
         rest.port = 0\ngrpc.port = 0\nops.port = 0\n"
    );
    std::fs::write(folder.join("test.toml"), settings).unwrap();
}

fn serve(settings: &Path) -> Process {
    let settings = settings.to_str().unwrap();
    let arguments = ["serve", "--env", "test", "--config", settings, "--ready-file", "ready.json"];
    Process::spawn(&arguments, &[], &[])
}

/// Whether the server signs with this key.
async fn signs_with(client: &dyn ShopClient, key: (&str, &str)) -> bool {
    let LoggedIn { token, .. } = client.login("ada@example.com", PASSWORD).await.unwrap();
    jsonwebtoken::decode_header(token).unwrap().kid.as_deref() == Some(key.0)
}

pub(crate) fn token_keys_are_rotated_under_load_without_signing_anybody_out() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    write_settings(folder.path(), OLD, &[]);
    let mut process = serve(folder.path());
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let [client, _] = clients(addresses);
        client.register(&ada()).await.unwrap();
        let under_old = client.login("ada@example.com", PASSWORD).await.unwrap();
        let load = Load::begin(addresses, 2).await;

        write_settings(folder.path(), NEW, &[OLD]);
        process.signal("HUP");
        wait_until("tokens are signed with the new key", SOON, async || signs_with(&*client, NEW).await).await;
        let under_new = client.login("ada@example.com", PASSWORD).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let samples = load.end().await;
        assert!(samples.len() > 50, "{} requests are no load", samples.len());
        let refused: Vec<_> = samples.iter().filter(|sample| sample.outcome.is_err()).collect();
        assert!(refused.is_empty(), "{refused:?}");
        client.with_authorization(&under_old.token).profile(&under_old.id).await.unwrap();

        write_settings(folder.path(), NEW, &[]);
        process.signal("HUP");
        wait_until("tokens of the old key are refused", SOON, async || {
            let read = client.with_authorization(&under_old.token).profile(&under_old.id).await;
            read.is_err_and(|call_error| call_error.code == ErrorCode::TokenInvalid)
        })
        .await;
        client.with_authorization(&under_new.token).profile(&under_new.id).await.unwrap();
    })
}

pub(crate) fn settings_that_hold_mistakes_change_nothing() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    write_settings(folder.path(), OLD, &[]);
    let mut process = serve(folder.path());
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let [client, _] = clients(addresses);
        client.register(&ada()).await.unwrap();
        write_settings(folder.path(), ("new", "short"), &[]);
        process.signal("HUP");
        wait_until("the mistake is told", SOON, async || process.output().contains("settings not reloaded")).await;
        assert!(signs_with(&*client, OLD).await, "a broken file must not change the key");
    })
}
