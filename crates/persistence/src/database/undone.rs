//! Transactions that a real database undoes, and a database that takes no writes.

use super::Database;
use crate::connection::AnyConnection;
use crate::dialect::write_transaction;
use crate::support::{Kind, TestDatabase, kinds, servers, soon, user};
use crate::{Options, SchemaStatus};
use app::user::{UserQueries, Users};
use diesel::connection::SimpleConnection;
use diesel::{QueryResult, RunQueryDsl};
use domain::error::ErrorCode;
use domain::user::UserId;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const ROWS: &str = "INSERT INTO leases (name, holder, ends_at) VALUES \
                    ('a', '', '2026-01-01 00:00:00'), ('b', '', '2026-01-01 00:00:00')";

fn with_rows(kind: Kind) -> TestDatabase {
    let test = TestDatabase::migrated(kind);
    test.raw().execute(ROWS);
    test
}

const fn kind_of(connection: &AnyConnection) -> Kind {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Kind::Sqlite,
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => Kind::Postgres,
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => Kind::Mysql,
    }
}

/// Adds a letter to a row, so that it is seen how often that was done.
fn mark(connection: &mut AnyConnection, row: &str) -> QueryResult<()> {
    let column = if kind_of(connection) == Kind::Mysql { "CONCAT(holder, 'x')" } else { "holder || 'x'" };
    connection.batch_execute(&format!("UPDATE leases SET holder = {column} WHERE name = '{row}'"))
}

fn marks(test: &TestDatabase) -> Vec<String> {
    test.raw().values("SELECT holder AS value FROM leases WHERE name IN ('a', 'b') ORDER BY name")
}

/// Has the server speak German. PostgreSQL may lack the locale.
fn speak_german(connection: &mut AnyConnection) -> QueryResult<()> {
    match kind_of(connection) {
        Kind::Sqlite => Ok(()),
        Kind::Postgres => {
            let _ = connection.batch_execute("SET lc_messages = 'de_DE.UTF-8'");
            Ok(())
        }
        Kind::Mariadb | Kind::Mysql => connection.batch_execute("SET SESSION lc_messages = 'de_DE'"),
    }
}

fn retried(database: &Database) -> u64 {
    database.retries().into_iter().find(|(outcome, _)| *outcome == "retried").unwrap().1
}

/// A job that marks two rows. In its first attempt it waits between them until the other job has marked its first.
fn crossing(
    rows: [&'static str; 2],
    reached: Sender<()>,
    other: Receiver<()>,
) -> impl FnMut(&mut AnyConnection) -> QueryResult<()> + Send {
    let mut is_first = true;
    move |connection| {
        speak_german(connection)?;
        write_transaction(connection, |connection| {
            mark(connection, rows[0])?;
            if std::mem::take(&mut is_first) {
                reached.send(()).unwrap();
                other.recv_timeout(Duration::from_secs(30)).unwrap();
            }
            mark(connection, rows[1])
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_wait_for_each_other_both_are_done_once() {
    for kind in servers() {
        let test = with_rows(kind);
        let database = test.open();
        let ((here, there), (reached_here, reached_there)) = (channel(), channel());
        let one = database.write(soon(), crossing(["a", "b"], here, reached_there));
        let other = database.write(soon(), crossing(["b", "a"], reached_here, there));
        let (one, other) = tokio::join!(one, other);
        one.and(other).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(marks(&test), ["xx", "xx"], "{kind:?}");
        assert!(retried(&database) >= 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_locked_for_longer_than_a_statement_waits_is_waited_for() {
    for kind in kinds() {
        let test = with_rows(kind);
        // On SQLite this is how long a statement waits for another's write.
        let options = Options { statement_timeout: Duration::from_millis(500), ..test.options() };
        let options = if kind == Kind::Sqlite { options } else { test.options() };
        let database = Database::open(options).unwrap();
        database.read(soon(), |connection| connection.batch_execute("SELECT 1")).await.unwrap();
        let mut other = test.raw();
        other.execute(if kind == Kind::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" });
        other.execute("UPDATE leases SET holder = 'o' WHERE name = 'a'");
        let writing = database.write(soon(), |connection| {
            speak_german(connection)?;
            mark(connection, "a")
        });
        let releasing = async {
            while retried(&database) == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other.execute("COMMIT");
        };
        let released = tokio::time::timeout(Duration::from_secs(60), releasing);
        let (written, released) = tokio::join!(writing, released);
        released.unwrap_or_else(|_| panic!("{kind:?}: nothing was run again: {written:?}"));
        written.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(marks(&test), ["ox", ""], "{kind:?}");
    }
}

/// MySQL has a number of its own for a lock that is not waited for, 3572; MariaDB and PostgreSQL tell it as they tell others.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_waited_for_is_tried_again() {
    for kind in servers().into_iter().filter(|kind| *kind == Kind::Mysql) {
        let test = with_rows(kind);
        let database = test.open();
        let mut other = test.raw();
        other.execute("BEGIN; UPDATE leases SET holder = 'o' WHERE name = 'a'");
        let mut is_first = true;
        let written = database.write(soon(), move |connection| {
            speak_german(connection)?;
            if !std::mem::take(&mut is_first) {
                // The first attempt was refused.
                other.execute("COMMIT");
            }
            connection.batch_execute("SELECT name FROM leases WHERE name = 'a' FOR UPDATE NOWAIT")?;
            mark(connection, "a")
        });
        written.await.unwrap();
        assert_eq!((marks(&test), retried(&database)), (vec!["ox".to_owned(), String::new()], 1), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_serialized_is_run_again() {
    for kind in servers().into_iter().filter(|kind| *kind == Kind::Postgres) {
        let test = with_rows(kind);
        let database = test.open();
        let mut other = test.raw();
        let mut is_first = true;
        let written = database.write(soon(), move |connection| {
            write_transaction(connection, |connection| {
                connection.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT * FROM leases")?;
                if std::mem::take(&mut is_first) {
                    other.execute("UPDATE leases SET holder = 'o' WHERE name = 'a'");
                }
                mark(connection, "a")
            })
        });
        written.await.unwrap();
        assert_eq!((marks(&test), retried(&database)), (vec!["ox".to_owned(), String::new()], 1), "{kind:?}");
    }
}

/// As a node of a Galera cluster does, where the command that it tells has no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_server_has_undone_without_a_word_is_run_again_as_a_whole() {
    for kind in servers().into_iter().filter(|kind| matches!(kind, Kind::Mariadb | Kind::Mysql)) {
        let test = with_rows(kind);
        let database = test.open();
        let mut is_first = true;
        let written = database.write(soon(), move |connection| {
            write_transaction(connection, |connection| {
                mark(connection, "a")?;
                if std::mem::take(&mut is_first) {
                    connection.batch_execute("ROLLBACK")?;
                }
                mark(connection, "b")
            })
        });
        written.await.unwrap();
        assert_eq!((marks(&test), retried(&database)), (vec!["x".to_owned(), "x".to_owned()], 1), "{kind:?}");
        let autocommit = database.read(soon(), |connection| {
            diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("CAST(@@autocommit AS SIGNED)"))
                .get_result::<i64>(connection)
        });
        assert_eq!(autocommit.await.unwrap(), 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_wrong_is_run_once_and_one_that_takes_too_long_is_our_fault() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let options = Options { statement_timeout: Duration::from_millis(700), ..test.options() };
        let database = Database::open(options).unwrap();
        let wrong = database.write(soon(), |connection| connection.batch_execute("SELECT nothing FROM nowhere")).await;
        assert_eq!(domain::error::Error::from(wrong.unwrap_err()).code(), ErrorCode::Internal, "{kind:?}");
        assert_eq!(retried(&database), 0, "{kind:?}");
        let long = match kind {
            Kind::Sqlite => continue,
            Kind::Postgres => "SELECT pg_sleep(30)",
            Kind::Mariadb | Kind::Mysql => "SELECT SLEEP(30) FROM (SELECT 1 UNION SELECT 2) AS rows_to_sleep_for",
        };
        let long = database.write(soon(), move |connection| {
            speak_german(connection)?;
            diesel::sql_query(long).execute(connection)
        });
        if let Err(failure) = long.await {
            assert_eq!(domain::error::Error::from(failure).code(), ErrorCode::Unavailable, "{kind:?}");
        } else {
            assert!(matches!(kind, Kind::Mariadb | Kind::Mysql), "SLEEP is cut short and tells no error");
        }
    }
}

/// The disk is full to SQLite when the file has as many pages as it may.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_full_disk_is_told_lets_reads_go_on_and_is_over_when_there_is_room() {
    let test = TestDatabase::migrated(Kind::Sqlite);
    let database = test.open();
    assert_eq!(database.status().await, SchemaStatus::Ready);
    let pages = |many: &'static str| {
        let limit = format!("PRAGMA max_page_count = {many}");
        database.write(soon(), move |connection| connection.batch_execute(&limit))
    };
    pages("1").await.unwrap();
    let long = "x".repeat(100_000);
    let insert = format!("INSERT INTO leases (name, holder, ends_at) VALUES ('long', '{long}', '2026-01-01 00:00:00')");
    let full = database
        .write(soon(), move |connection| write_transaction(connection, |connection| connection.batch_execute(&insert)));
    let error = domain::error::Error::from(full.await.unwrap_err());
    assert_eq!(error.code(), ErrorCode::Unavailable, "{error:?}");
    assert!(error.retry_after().is_some());
    assert!(matches!(database.status().await, SchemaStatus::ReadOnly { .. }));
    assert!(database.profile(UserId::generate(), soon()).await.unwrap().is_none(), "reads go on");
    pages("1000000").await.unwrap();
    database.add(&user("ada@example.com"), soon()).await.unwrap();
    assert_eq!(database.status().await, SchemaStatus::Ready);
}

/// A server that turns read-only, as after a failover to a standby. It is noticed without a write.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_server_is_told_lets_reads_go_on_and_is_left_for_one_that_writes() {
    for kind in servers().into_iter().filter(|kind| *kind == Kind::Postgres) {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        assert_eq!(database.status().await, SchemaStatus::Ready);
        let name = test.url.rsplit_once('/').unwrap().1.to_owned();
        let mut admin = admin(kind);
        admin.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
        admin.execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
        until(&database, |status| matches!(status, SchemaStatus::ReadOnly { .. })).await;
        let error = database.add(&user("ada@example.com"), soon()).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable, "{error:?}");
        assert!(database.profile(UserId::generate(), soon()).await.unwrap().is_none(), "reads go on");
        admin.execute(&format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
        until(&database, |status| *status == SchemaStatus::Ready).await;
        // Sessions that are too young to be left keep what they were opened with.
        let begun = Instant::now();
        while let Err(error) = database.add(&user("ada@example.com"), soon()).await {
            assert!(begun.elapsed() < Duration::from_secs(60), "{error:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn admin(kind: Kind) -> crate::support::Raw {
    crate::support::Raw::open(kind, &kind.server().unwrap())
}

async fn until(database: &Arc<Database>, is_expected: impl Fn(&SchemaStatus) -> bool) {
    let mut last = database.status().await;
    for _ in 0..600 {
        if is_expected(&last) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        last = database.status().await;
    }
    panic!("{last:?}");
}
