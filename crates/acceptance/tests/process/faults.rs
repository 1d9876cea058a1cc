//! Databases that start late, crash or freeze.

use crate::client::{Load, Sample, bounded, clients, page, readiness};
use domain::error::ErrorCode;
use std::time::{Duration, Instant};
use testkit::binary::Process;
use testkit::client::{PASSWORD, ada};
use testkit::database::DatabaseKind;
use testkit::database_server::DatabaseServer;

const TIME_LIMIT: Duration = Duration::from_secs(180);

/// The time limit of a request while the database is down or frozen.
const LONGEST: Duration = Duration::from_secs(10);
/// The time within which a server must report a frozen database.
const NOTICED: Duration = Duration::from_secs(15);
/// The time within which service must resume after the database is back.
const RESUMED: Duration = Duration::from_secs(5);

fn server(kind: DatabaseKind) -> Result<DatabaseServer, String> {
    if matches!(kind, DatabaseKind::Mariadb | DatabaseKind::Mysql) && !cfg!(feature = "mysql") {
        return Err(format!("built without the feature for {kind}"));
    }
    DatabaseServer::start(kind)
}

/// Every error while the database is down is one of the contract's, within the time limit.
fn assert_only_unavailable(samples: &[Sample]) {
    for sample in samples {
        assert!(sample.elapsed <= LONGEST, "{sample:?}");
        if let Err(call_error) = &sample.outcome {
            let expected = [ErrorCode::Unavailable, ErrorCode::DeadlineExceeded];
            assert!(expected.contains(&call_error.code), "{sample:?}");
        }
    }
}

fn assert_lives_through_crash_and_freeze(kind: DatabaseKind) -> Result<(), String> {
    let mut database = server(kind)?;
    let settings = [("database.url", &*database.url()), ("database.migrate_on_start", "true")];
    let mut process = Process::serve(&settings);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        readiness(addresses.ops, 200, NOTICED).await;
        let load = Load::begin(addresses, 4).await;

        database.crash();
        let told = readiness(addresses.ops, 503, NOTICED).await;
        assert!(told.contains("database"), "{told}");
        assert_eq!(page(addresses.ops, "/livez").await.status, 200, "a restart would not bring the database back");
        database.resume();
        let back = Instant::now();
        readiness(addresses.ops, 200, RESUMED).await;
        println!("{kind}: ready {:.1?} after the database was back from a crash", back.elapsed());

        let after_crash = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let frozen = Instant::now();
        database.freeze();
        readiness(addresses.ops, 503, NOTICED).await;
        database.thaw();
        let back = Instant::now();
        readiness(addresses.ops, 200, RESUMED).await;
        println!("{kind}: ready {:.1?} after the database was back from a freeze", back.elapsed());
        let after_freeze = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;

        let samples = load.end().await;
        assert_only_unavailable(&samples);
        assert!(samples.iter().any(|sample| sample.outcome.is_err()), "the database was away");
        let between = samples.iter().filter(|sample| sample.at > after_crash && sample.at < frozen);
        assert_served(kind, "the crash", between);
        assert_served(kind, "the freeze", samples.iter().filter(|sample| sample.at > after_freeze));
    })
}

/// Requests succeed after the server has reported that it is ready.
fn assert_served<'a>(kind: DatabaseKind, event: &str, samples: impl Iterator<Item = &'a Sample>) {
    let (served, refused): (Vec<_>, Vec<_>) = samples.partition(|sample| sample.outcome.is_ok());
    println!("{kind}: after {event} {} requests served, {} refused", served.len(), refused.len());
    assert!(served.len() > 10 * refused.len(), "{refused:?}");
}

pub(crate) fn a_postgresql_server_that_freezes_and_crashes_is_waited_for() -> Result<(), String> {
    assert_lives_through_crash_and_freeze(DatabaseKind::Postgres)
}

pub(crate) fn a_mariadb_server_that_freezes_and_crashes_is_waited_for() -> Result<(), String> {
    assert_lives_through_crash_and_freeze(DatabaseKind::Mariadb)
}

pub(crate) fn a_mysql_server_that_freezes_and_crashes_is_waited_for() -> Result<(), String> {
    assert_lives_through_crash_and_freeze(DatabaseKind::Mysql)
}

pub(crate) fn a_server_whose_database_is_away_starts_and_waits_for_it() -> Result<(), String> {
    let mut database = server(DatabaseKind::Postgres)?;
    database.crash();
    let settings = [("database.url", &*database.url()), ("database.migrate_on_start", "true")];
    let mut process = Process::serve(&settings);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let told = readiness(addresses.ops, 503, NOTICED).await;
        assert!(told.contains("away"), "{told}");
        for client in clients(addresses) {
            let begun = Instant::now();
            let call_error = client.login("ada@example.com", PASSWORD).await.unwrap_err();
            assert_eq!(call_error.code, ErrorCode::Unavailable, "{call_error:?}");
            assert!(begun.elapsed() <= LONGEST && call_error.retry_after.is_some(), "{call_error:?}");
        }
        database.resume();
        readiness(addresses.ops, 200, RESUMED).await;
        for (at, client) in clients(addresses).into_iter().enumerate() {
            client.register(&ada().email(format!("ada{at}@example.com"))).await.unwrap();
        }
    })
}
