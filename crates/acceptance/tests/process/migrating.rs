//! Schemas that differ from the binary's.

use crate::client::{bounded, clients, readiness};
use domain::error::ErrorCode;
use std::time::{Duration, Instant};
use testkit::binary::Process;
use testkit::client::{PASSWORD, ShopClient, ada};
use testkit::database::{DatabaseKind, TestDatabase};

const TIME_LIMIT: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_secs(10);

const VERSIONS: &str = "SELECT version AS value FROM __diesel_schema_migrations";

/// Calls fail with an error of the server.
async fn assert_our_fault(client: &dyn ShopClient) {
    let call_error = client.login("ada@example.com", PASSWORD).await.unwrap_err();
    assert_eq!(call_error.code, ErrorCode::Unavailable, "{call_error:?}");
}

pub(crate) fn an_older_schema_is_refused_with_a_reason_until_it_is_migrated() -> Result<(), String> {
    let database = TestDatabase::empty(DatabaseKind::Sqlite);
    let url = ("database.url", database.url());
    let mut process = Process::serve(&[url, ("database.migrate_on_start", "false")]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let told = readiness(addresses.ops, 503, SOON).await;
        assert!(told.contains("older") && told.contains("go-commerce migrate"), "{told}");
        for client in clients(addresses) {
            assert_our_fault(&*client).await;
        }
        let mut migration = Process::spawn(&["migrate", "--env", "test"], &[url], &[]);
        assert_eq!(migration.exit_code(TIME_LIMIT), Some(0), "{}", migration.output());
        readiness(addresses.ops, 200, SOON).await;
        for (at, client) in clients(addresses).into_iter().enumerate() {
            client.register(&ada().email(format!("ada{at}@example.com"))).await.unwrap();
        }
    })
}

pub(crate) fn a_newer_schema_is_refused_with_a_reason() -> Result<(), String> {
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    let mut process = Process::serve(&[("database.url", database.url())]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let told = readiness(addresses.ops, 503, SOON).await;
        assert!(told.contains("newer") && told.contains("29990101000000"), "{told}");
    })
}

fn eight_at_once(kind: DatabaseKind) -> Result<(), String> {
    kind.available()?;
    let database = TestDatabase::empty(kind);
    let url = ("database.url", database.url());
    let mut servers: Vec<_> = (0..4).map(|_| Process::serve(&[url, ("database.migrate_on_start", "true")])).collect();
    let mut migrations: Vec<_> = (0..4).map(|_| Process::spawn(&["migrate", "--env", "test"], &[url], &[])).collect();
    for migration in &mut migrations {
        assert_eq!(migration.exit_code(TIME_LIMIT), Some(0), "{}", migration.output());
    }
    let addresses: Vec<_> = servers.iter_mut().map(Process::addresses).collect();
    bounded(TIME_LIMIT, async {
        for (at, addresses) in addresses.iter().enumerate() {
            readiness(addresses.ops, 200, SOON).await;
            clients(*addresses)[at % 2].register(&ada().email(format!("ada{at}@example.com"))).await.unwrap();
        }
        let mut applied = database.texts(VERSIONS);
        let count = applied.len();
        applied.sort();
        applied.dedup();
        assert!(count > 0 && applied.len() == count, "each migration once: {applied:?}");
    })
}

pub(crate) fn eight_processes_start_at_once_on_an_empty_sqlite_database() -> Result<(), String> {
    eight_at_once(DatabaseKind::Sqlite)
}

pub(crate) fn eight_processes_start_at_once_on_an_empty_postgresql_database() -> Result<(), String> {
    eight_at_once(DatabaseKind::Postgres)
}

pub(crate) fn eight_processes_start_at_once_on_an_empty_mariadb_database() -> Result<(), String> {
    eight_at_once(DatabaseKind::Mariadb)
}

pub(crate) fn eight_processes_start_at_once_on_an_empty_mysql_database() -> Result<(), String> {
    eight_at_once(DatabaseKind::Mysql)
}

/// The holder of the turn to migrate, if it has begun.
const TURN: &str = "SELECT holder AS value FROM __migration_turn WHERE id = 1";

fn killed(kind: DatabaseKind) -> Result<(), String> {
    kind.available()?;
    let database = TestDatabase::migrated(kind);
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261127000016'");
    database.execute("ALTER TABLE mails DROP COLUMN leased_until");
    let url = ("database.url", database.url());
    let before = database.texts(TURN);
    // A transaction that uses the table keeps the step waiting.
    let user = database.hold("BEGIN; SELECT id FROM mails");
    let mut migration = Process::spawn(&["migrate", "--env", "test"], &[url], &[]);
    let begun = Instant::now();
    while database.texts(TURN) == before {
        assert!(begun.elapsed() < TIME_LIMIT, "{}", migration.output());
        std::thread::sleep(Duration::from_millis(20));
    }
    migration.signal("KILL");
    migration.wait(TIME_LIMIT);
    drop(user);
    let mut next = Process::spawn(&["migrate", "--env", "test"], &[url], &[]);
    assert_eq!(next.exit_code(TIME_LIMIT), Some(0), "{}", next.output());
    let applied = database.texts(VERSIONS).into_iter().filter(|version| version == "20261127000016").count();
    assert_eq!(applied, 1, "{kind}");
    Ok(())
}

pub(crate) fn a_migration_that_is_killed_leaves_its_turn_to_the_next_on_mariadb() -> Result<(), String> {
    killed(DatabaseKind::Mariadb)
}

pub(crate) fn a_migration_that_is_killed_leaves_its_turn_to_the_next_on_postgresql() -> Result<(), String> {
    killed(DatabaseKind::Postgres)
}
