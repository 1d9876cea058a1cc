//! The state after a crash.

use crate::client::bounded;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use testkit::binary::{Addresses, Process};
use testkit::client::{PASSWORD, ShopClient, ada, teapot};
use testkit::database::{DatabaseKind, TestDatabase};
use testkit::image_files;
use testkit::rest::RestClient;
use testkit::world::{files_in, wait_until};
use tokio::task::JoinSet;

const TIME_LIMIT: Duration = Duration::from_secs(120);

/// The number of sellers who continuously replace images.
const SELLERS: usize = 6;

/// The images in the store, of products and in notes.
struct Images {
    stored: BTreeSet<String>,
    shown: BTreeSet<String>,
    noted: BTreeSet<String>,
}

impl Images {
    fn look(folder: &Path, database: &TestDatabase) -> Self {
        let told = |sql: &str| database.texts(sql).into_iter().collect();
        // A partly written file has the final name and a number.
        let whole = |file: String| file.split_once('#').map_or(file.clone(), |(name, _)| name.to_owned());
        Self {
            stored: files_in(folder).into_iter().map(whole).collect(),
            shown: told("SELECT image_key AS value FROM products WHERE image_key IS NOT NULL"),
            noted: told("SELECT image_key AS value FROM image_notes"),
        }
    }

    fn assert_none_is_forgotten(&self) {
        let Self { stored, shown, noted } = self;
        let lost: Vec<_> = shown.difference(stored).collect();
        assert!(lost.is_empty(), "products show what is not in the store: {lost:?}");
        let forgotten: Vec<_> =
            stored.iter().filter(|image| !shown.contains(*image) && !noted.contains(*image)).collect();
        assert!(forgotten.is_empty(), "nobody knows of {forgotten:?}");
    }
}

/// Whenever a process dies during uploads, each stored image has a product or a note, and each product has its
/// image; the next process removes the images in the notes.
pub(crate) fn no_image_is_forgotten_when_a_process_dies_among_uploads() -> Result<(), String> {
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let storage = format!("file://{}", folder.path().display());
    let settings = [("database.url", database.url()), ("storage.url", &storage), ("rate_limit.enabled", "false")];
    bounded(TIME_LIMIT, async {
        for cycle in 0..4 {
            let mut process = Process::serve(&settings);
            let sellers = begin(process.addresses(), cycle).await;
            // Kills the process at another moment each time.
            tokio::time::sleep(Duration::from_millis(300 + cycle * 171)).await;
            process.signal("KILL");
            process.wait(Duration::from_secs(10));
            let uploads: usize = sellers.join_all().await.into_iter().sum();
            assert!(uploads > 0, "there was nothing to die among");
            Images::look(folder.path(), &database).assert_none_is_forgotten();
        }
        let mut process = Process::serve(&settings);
        process.addresses();
        let due = "SELECT image_key AS value FROM image_notes WHERE due_at < datetime('now')";
        wait_until("what is due is removed", Duration::from_secs(30), async || database.texts(due).is_empty()).await;
        process.signal("TERM");
        assert_eq!(process.exit_code(Duration::from_secs(36)), Some(0), "{}", process.output());
        // Not earlier: while images are being removed, folder and notes cannot be read at the same moment.
        Images::look(folder.path(), &database).assert_none_is_forgotten();
    })
}

/// Each seller replaces the image of one product until the process has died, and counts the changes.
async fn begin(addresses: Addresses, cycle: u64) -> JoinSet<usize> {
    let picture = image_files::png(400, 300);
    let rest = RestClient::new(addresses.rest);
    let mut sellers = JoinSet::new();
    for seller in 0..SELLERS {
        let email = format!("seller{seller}-{cycle}@example.com");
        rest.register(&ada().role("seller").email(&email)).await.unwrap();
        let token = rest.login(&email, PASSWORD).await.unwrap().token;
        let product = rest.with_authorization(&format!("Bearer {token}")).create(&teapot()).await.unwrap().id;
        let (rest, path, picture) = (rest.clone(), format!("/products/{product}"), picture.clone());
        sellers.spawn(async move {
            for uploads in 0.. {
                let image = Part::bytes(picture.clone()).file_name("teapot.png");
                let request = rest.request(Method::PUT, &path).bearer_auth(&token);
                let request = request.multipart(Form::new().part("image_url", image));
                match request.send().await {
                    Ok(answer) => assert_eq!(answer.status(), 200),
                    Err(_dead) => return uploads,
                }
            }
            unreachable!("sellers go on until their server dies")
        });
    }
    sellers
}
