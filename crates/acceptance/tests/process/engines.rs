//! Database servers that are set against what the shop promises, one that turns read-only, and one that speaks German.

use crate::client::{bounded, clients, page, readiness};
use domain::error::ErrorCode;
use std::time::{Duration, Instant};
use testkit::binary::Process;
use testkit::client::{LoggedIn, PASSWORD, ada};
use testkit::database::{self, DatabaseKind};
use testkit::database_server::DatabaseServer;
use testkit::world::wait_until;

const TIME_LIMIT: Duration = Duration::from_secs(240);
const SOON: Duration = Duration::from_secs(60);

/// Against each promise that a session's settings can break.
const ADVERSE: [&str; 13] = [
    "--log-bin=binlog",
    "--server-id=1",
    "--binlog-format=STATEMENT",
    "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT",
    "--transaction-isolation=SERIALIZABLE",
    "--autocommit=0",
    "--completion-type=CHAIN",
    "--character-set-server=latin1",
    "--collation-server=latin1_german1_ci",
    "--default-time-zone=+07:00",
    "--lc-messages=de_DE",
    "--wait-timeout=2",
    "--innodb-default-row-format=compact",
];

fn mariadb(arguments: &[&str]) -> Result<DatabaseServer, String> {
    if !cfg!(feature = "mysql") {
        return Err("built without the feature for mariadb".to_owned());
    }
    DatabaseServer::start_with(DatabaseKind::Mariadb, arguments)
}

/// The URL for an account that may use its database and nothing else, as operators make them.
fn for_a_plain_account(server: &DatabaseServer) -> String {
    let grants = "CREATE USER 'shop'@'127.0.0.1'; GRANT ALL PRIVILEGES ON shop.* TO 'shop'@'127.0.0.1'; COMMIT";
    database::execute(DatabaseKind::Mariadb, &server.url(), grants);
    server.url().replace("root@", "shop@")
}

pub(crate) fn a_mariadb_server_that_is_set_against_every_promise_serves_all_the_same() -> Result<(), String> {
    let database = mariadb(&ADVERSE)?;
    // These are no options of the program.
    let more =
        "SET GLOBAL check_constraint_checks = 0; SET GLOBAL sql_safe_updates = 1; SET GLOBAL sql_select_limit = 0";
    database::execute(DatabaseKind::Mariadb, &database.url(), more);
    let mut process = Process::serve(&[("database.url", &*database.url()), ("database.migrate_on_start", "true")]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        readiness(addresses.ops, 200, SOON).await;
        for (at, client) in clients(addresses).into_iter().enumerate() {
            let form = ada().name("Ada 🫖 Žižek").email(format!("ada{at}@example.com"));
            client.register(&form).await.unwrap();
            let LoggedIn { id, token, .. } = client.login(&form.email, PASSWORD).await.unwrap();
            let profile = client.with_authorization(&format!("Bearer {token}")).profile(&id).await.unwrap();
            assert_eq!(profile.name, form.name);
        }
    })
}

pub(crate) fn a_mariadb_server_that_refuses_each_write_is_refused_by_name_until_it_is_set_right() -> Result<(), String>
{
    let database = mariadb(&ADVERSE[..3])?;
    let url = for_a_plain_account(&database);
    let mut migration = Process::spawn(&["migrate", "--env", "test"], &[("database.url", &url)], &[]);
    assert_eq!(migration.exit_code(SOON), Some(4), "{}", migration.output());
    assert!(migration.output().contains("SET GLOBAL binlog_format = 'ROW'"), "{}", migration.output());
    let mut process = Process::serve(&[("database.url", &*url), ("database.migrate_on_start", "true")]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let told = readiness(addresses.ops, 503, SOON).await;
        assert!(told.contains("binlog_format is STATEMENT"), "{told}");
        for client in clients(addresses) {
            let refused = client.register(&ada()).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Unavailable, "{refused:?}");
        }
        database::execute(DatabaseKind::Mariadb, &database.url(), "SET GLOBAL binlog_format = 'ROW'");
        readiness(addresses.ops, 200, SOON).await;
        let begun = Instant::now();
        // A session that was opened before may refuse once more, and is replaced then.
        while let Err(refused) = clients(addresses)[0].register(&ada()).await {
            assert!(refused.code == ErrorCode::Unavailable && begun.elapsed() < SOON, "{refused:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
}

pub(crate) fn a_mariadb_server_that_turns_read_only_is_told_and_lets_reads_go_on() -> Result<(), String> {
    let database = mariadb(&[])?;
    let url = for_a_plain_account(&database);
    let mut process = Process::serve(&[("database.url", &*url), ("database.migrate_on_start", "true")]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        readiness(addresses.ops, 200, SOON).await;
        let form = ada();
        let [rest, _] = clients(addresses);
        rest.register(&form).await.unwrap();
        let LoggedIn { id, token, .. } = rest.login(&form.email, PASSWORD).await.unwrap();
        database::execute(DatabaseKind::Mariadb, &database.url(), "SET GLOBAL read_only = 1");
        let told = readiness(addresses.ops, 503, SOON).await;
        assert!(told.contains("takes no writes"), "{told}");
        for client in clients(addresses) {
            let refused = client.register(&ada().email("eve@example.com")).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Unavailable, "{refused:?}");
            assert!(refused.retry_after.is_some(), "{refused:?}");
            client.with_authorization(&format!("Bearer {token}")).profile(&id).await.unwrap();
        }
        database::execute(DatabaseKind::Mariadb, &database.url(), "SET GLOBAL read_only = 0");
        readiness(addresses.ops, 200, SOON).await;
        rest.register(&ada().email("eve@example.com")).await.unwrap();
    })
}

pub(crate) fn a_postgresql_server_that_speaks_german_is_understood() -> Result<(), String> {
    let database = DatabaseServer::start_in_german()?;
    let url = database.url();
    let run = |arguments: &[&str], url: &str| {
        let mut process = Process::spawn(&[arguments, &["--env", "test"]].concat(), &[("database.url", url)], &[]);
        (process.exit_code(SOON), process.output())
    };
    let (server, _) = url.rsplit_once('/').unwrap();
    let (code, said) = run(&["outbox", "list"], &format!("{server}/no_such_shop"));
    assert!(code == Some(1) && said.contains("make it on the server"), "{code:?}: {said}");
    if !said.contains("existiert nicht") {
        return Err(format!("PostgreSQL has no German messages on this machine: {said}"));
    }
    let (code, said) = run(&["outbox", "list"], &url.replace("postgres@", "nobody@"));
    assert!(code == Some(4) && !said.contains("make it on the server"), "{code:?}: {said}");

    let plain = "CREATE ROLE plain LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC";
    database::execute(DatabaseKind::Postgres, &url, plain);
    let (code, said) = run(&["migrate"], &url.replace("postgres@", "plain@"));
    assert!(code != Some(0) && said.contains("GRANT CREATE ON SCHEMA public TO plain"), "{code:?}: {said}");

    let setting = ("database.url", &*url);
    let mut migrations: Vec<_> =
        (0..8).map(|_| Process::spawn(&["migrate", "--env", "test"], &[setting], &[])).collect();
    for migration in &mut migrations {
        assert_eq!(migration.exit_code(SOON), Some(0), "{}", migration.output());
    }
    let mut process = Process::serve(&[setting]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        readiness(addresses.ops, 200, SOON).await;
        let [rest, grpc] = clients(addresses);
        let lock = database::hold(DatabaseKind::Postgres, &url, "BEGIN; LOCK TABLE users IN EXCLUSIVE MODE");
        let (one, other) = (ada(), ada().email("eve@example.com"));
        let release_when_retried = async {
            wait_until("a lock wait is retried", SOON, async || {
                let metrics = page(addresses.ops, "/metrics").await.body;
                let mut lines = metrics.lines();
                let retried = "gocommerce_database_undone_total{outcome=\"retried\"} ";
                lines.any(|line| line.strip_prefix(retried).is_some_and(|count| count != "0"))
            })
            .await;
            drop(lock);
        };
        let (one, other, ()) = tokio::join!(rest.register(&one), grpc.register(&other), release_when_retried);
        one.unwrap();
        other.unwrap();
    })
}
