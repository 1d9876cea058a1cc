//! File systems without room, under each database.

use crate::client::{bounded, clients, page, readiness};
use domain::error::ErrorCode;
use std::time::{Duration, Instant};
use testkit::binary::{Addresses, Process};
use testkit::client::{LoggedIn, PASSWORD, ada};
use testkit::database::DatabaseKind;
use testkit::database_server::DatabaseServer;
use testkit::small_disk::SmallDisk;

const TIME_LIMIT: Duration = Duration::from_secs(240);
const SOON: Duration = Duration::from_secs(60);
/// For how long readiness has to stay false, which is several checks.
const STAYS: Duration = Duration::from_secs(4);

pub(crate) fn a_sqlite_file_without_room_is_told_lets_reads_go_on_and_is_over_by_itself() -> Result<(), String> {
    let disk = SmallDisk::mount("16m")?;
    let url = format!("sqlite://{}", disk.path().join("shop.db").display());
    let mut process = Process::serve_on(&disk, &[("database.url", &url), ("database.migrate_on_start", "true")]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, fill_and_make_room(addresses, &disk))
}

pub(crate) fn a_postgresql_server_without_room_is_told_lets_reads_go_on_and_is_over_by_itself() -> Result<(), String> {
    on_a_server(DatabaseKind::Postgres, "64m")
}

pub(crate) fn a_mariadb_server_without_room_is_told_lets_reads_go_on_and_is_over_by_itself() -> Result<(), String> {
    if !cfg!(feature = "mysql") {
        return Err("built without the feature for mariadb".to_owned());
    }
    on_a_server(DatabaseKind::Mariadb, "256m")
}

fn on_a_server(kind: DatabaseKind, size: &str) -> Result<(), String> {
    let database = DatabaseServer::start_on(kind, SmallDisk::mount(size)?)?;
    let settings = [("database.url", &*database.url()), ("database.migrate_on_start", "true")];
    let mut process = Process::serve(&settings);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, fill_and_make_room(addresses, database.disk()))
}

async fn fill_and_make_room(addresses: Addresses, disk: &SmallDisk) {
    readiness(addresses.ops, 200, SOON).await;
    let form = ada();
    let both = clients(addresses);
    both[0].register(&form).await.unwrap();
    let LoggedIn { id, token, .. } = both[0].login(&form.email, PASSWORD).await.unwrap();
    disk.fill();
    let mut acknowledged = Vec::new();
    for (at, client) in both.iter().enumerate() {
        // Some fit into what the files hold already.
        let refused = loop {
            let email = format!("{at}-{}@example.com", acknowledged.len());
            match client.register(&ada().email(&email)).await {
                Ok(_) => acknowledged.push(email),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.code, ErrorCode::Unavailable, "{refused:?}");
        assert!(refused.retry_after.is_some(), "{refused:?}");
    }
    let told = readiness(addresses.ops, 503, SOON).await;
    assert!(told.contains("takes no writes"), "{told}");
    let begun = Instant::now();
    while begun.elapsed() < STAYS {
        let answer = page(addresses.ops, "/readyz").await;
        assert_eq!(answer.status, 503, "{}", answer.body);
        for client in &both {
            client.with_authorization(&format!("Bearer {token}")).profile(&id).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    disk.make_room();
    readiness(addresses.ops, 200, SOON).await;
    for client in &both {
        for email in &acknowledged {
            client.login(email, PASSWORD).await.unwrap();
        }
    }
    both[1].register(&ada().email("later@example.com")).await.unwrap();
}
