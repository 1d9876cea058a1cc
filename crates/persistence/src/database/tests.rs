//! Guarantees of the executor, tested on SQLite, and of sessions, tested on the servers at hand.

use super::*;
use crate::options::QUEUE_TIMEOUT;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use domain::error::{Error, ErrorCode};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::JoinSet;

struct Fixture {
    database: Arc<Database>,
    _folder: tempfile::TempDir,
}

/// One reader, one writer, and a queue of two jobs.
fn small() -> Fixture {
    sized(1, 2)
}

fn sized(pool_size: usize, queue: usize) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("shop.db").display());
    let options = Options { pool_size, queue, ..Options::new(url) };
    Fixture { database: Database::open(options).unwrap(), _folder: folder }
}

fn soon() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

fn one(connection: &mut AnyConnection) -> QueryResult<i32> {
    diesel::select(sql::<Integer>("1")).get_result(connection)
}

fn sleep_a_second(_: &mut AnyConnection) -> QueryResult<()> {
    std::thread::sleep(Duration::from_secs(1));
    Ok(())
}

fn code<T>(answer: Result<T, Failure>) -> Option<ErrorCode> {
    answer.err().map(|failure| Error::from(failure).code())
}

#[tokio::test]
async fn a_panic_in_a_job_is_answered_and_leaves_the_thread_at_work_and_nothing_half_done() {
    let fixture = small();
    let database = &fixture.database;
    let create = |connection: &mut AnyConnection| diesel::sql_query("CREATE TABLE t (x)").execute(connection);
    database.write(soon(), create).await.unwrap();
    for _ in 0..3 {
        let panicking = database.write(soon(), |connection| {
            crate::dialect::write_transaction(connection, |connection| {
                diesel::sql_query("INSERT INTO t VALUES (1)").execute(connection)?;
                panic!("on purpose");
                #[expect(unreachable_code, reason = "gives the closure its type")]
                Ok(())
            })
        });
        assert_eq!(code(panicking.await), Some(ErrorCode::Internal));
    }
    let count = |connection: &mut AnyConnection| {
        diesel::select(sql::<Integer>("(SELECT COUNT(*) FROM t)")).get_result::<i32>(connection)
    };
    assert_eq!(database.write(soon(), count).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_jobs_than_may_wait_are_refused_at_once() {
    let fixture = small();
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let database = Arc::clone(&fixture.database);
        calls.spawn(async move { code(database.read(soon(), sleep_a_second).await) });
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let gauges = fixture.database.gauges();
    let read = ("read", ExecutorGauges { threads: 1, in_use: 1, waiting: 2 });
    assert!(gauges.contains(&read), "{gauges:?}");
    let outcomes = calls.join_all().await;
    let refused = outcomes.iter().filter(|code| **code == Some(ErrorCode::Unavailable)).count();
    assert_eq!(refused, 5, "one was at work and two waited: {outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_may_take_long_hold_half_of_the_threads_and_the_others_serve_short_ones() {
    let fixture = sized(4, 64);
    let database = &fixture.database;
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begun, released) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(released)));
    let mut long = JoinSet::new();
    for _ in 0..8 {
        let (database, begun, released) = (Arc::clone(database), Arc::clone(&begun), Arc::clone(&released));
        long.spawn(async move {
            let job = move |_: &mut AnyConnection| {
                begun.fetch_add(1, Ordering::SeqCst);
                // Ends when the other end is dropped.
                let _ = released.lock().unwrap().recv();
                Ok(())
            };
            database.read_as(JobKind::LongRead, Deadline::within(Duration::from_secs(60)), job).await.is_ok()
        });
    }
    let patience = soon();
    let read = |in_use, waiting| ("read", ExecutorGauges { threads: 4, in_use, waiting });
    while !database.gauges().contains(&read(2, 6)) {
        assert!(!patience.has_passed(), "{:?}", database.gauges());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..16 {
        assert_eq!(database.read(soon(), one).await.unwrap(), 1, "two threads are left");
    }
    assert_eq!(begun.load(Ordering::SeqCst), 2);
    drop(release);
    assert!(long.join_all().await.iter().all(|is_done| *is_done));
    assert_eq!(begun.load(Ordering::SeqCst), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_deadline_has_passed_is_not_begun() {
    let fixture = small();
    let database = &fixture.database;
    let begun = Arc::new(AtomicU32::new(0));
    let passed = Deadline::within(Duration::ZERO);
    assert_eq!(code(database.read(passed, one).await), Some(ErrorCode::DeadlineExceeded));
    let mut busy = JoinSet::new();
    let holder = Arc::clone(database);
    busy.spawn(async move { holder.write(soon(), sleep_a_second).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let counting = Arc::clone(&begun);
    let late = database.write(Deadline::within(Duration::from_millis(200)), move |connection| {
        counting.fetch_add(1, Ordering::SeqCst);
        one(connection)
    });
    assert_eq!(code(late.await), Some(ErrorCode::DeadlineExceeded));
    assert!(busy.join_all().await.iter().all(Result::is_ok));
    assert_eq!(database.write(soon(), one).await.unwrap(), 1);
    assert_eq!(begun.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_nobody_waits_for_is_dropped_and_a_write_is_done() {
    let fixture = small();
    let database = &fixture.database;
    let done = Arc::new(AtomicU32::new(0));
    let count = |by: u32| {
        let done = Arc::clone(&done);
        move |connection: &mut AnyConnection| {
            done.fetch_add(by, Ordering::SeqCst);
            one(connection)
        }
    };
    for doors in ["read", "write"] {
        let mut callers = JoinSet::new();
        let (holder, caller) = (Arc::clone(database), Arc::clone(database));
        let (read, write) = (count(1), count(100));
        if doors == "read" {
            callers.spawn(async move { holder.read(soon(), sleep_a_second).await.is_ok() });
            tokio::time::sleep(Duration::from_millis(200)).await;
            callers.spawn(async move { caller.read(soon(), read).await.is_ok() });
        } else {
            callers.spawn(async move { holder.write(soon(), sleep_a_second).await.is_ok() });
            tokio::time::sleep(Duration::from_millis(200)).await;
            callers.spawn(async move { caller.write(soon(), write).await.is_ok() });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        callers.shutdown().await;
    }
    assert!(database.close(Duration::from_secs(5)).await);
    assert_eq!(done.load(Ordering::SeqCst), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_does_what_waits_and_takes_no_more() {
    let fixture = small();
    let database = &fixture.database;
    let mut calls = JoinSet::new();
    for _ in 0..2 {
        let database = Arc::clone(database);
        calls.spawn(async move { database.write(soon(), sleep_a_second).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!database.close(Duration::from_millis(10)).await);
    assert_eq!(code(database.write(soon(), one).await), Some(ErrorCode::Unavailable));
    assert!(database.close(Duration::from_secs(5)).await);
    assert!(calls.join_all().await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn an_unusable_file_is_away_and_used_once_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let obstacle = folder.path().join("data");
    std::fs::write(&obstacle, "not a folder").unwrap();
    let options = Options::new(format!("sqlite://{}", obstacle.join("shop.db").display()));
    let database = Database::open(options).unwrap();
    let begun = Instant::now();
    assert_eq!(code(database.read(soon(), one).await), Some(ErrorCode::Unavailable));
    assert!(begun.elapsed() < QUEUE_TIMEOUT);
    std::fs::remove_file(&obstacle).unwrap();
    while database.read(soon(), one).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(5), "not back in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The servers at hand, each with a statement that takes half a minute.
fn servers() -> Vec<(String, &'static str)> {
    let known = [
        ("TEST_POSTGRES_URL", cfg!(feature = "postgres"), "SELECT pg_sleep(30)"),
        ("TEST_MARIADB_URL", cfg!(feature = "mysql"), "SELECT SLEEP(30)"),
        // MySQL cuts a sleep short without an error, and ends the statement at the next row.
        ("TEST_MYSQL_URL", cfg!(feature = "mysql"), "SELECT SLEEP(30) FROM (SELECT 1 UNION SELECT 2) AS two_rows"),
    ];
    let at_hand = known.into_iter().filter(|(_, is_compiled_in, _)| *is_compiled_in);
    at_hand.filter_map(|(variable, _, sleep)| Some((std::env::var(variable).ok()?, sleep))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_ended_and_its_connection_used_again() {
    for (url, sleep) in servers() {
        let kind = sleep.to_owned();
        let options = Options { pool_size: 1, statement_timeout: Duration::from_secs(1), ..Options::new(url) };
        let database = Database::open(options).unwrap();
        let begun = Instant::now();
        let slept = database.write(soon(), move |connection| diesel::sql_query(sleep).execute(connection));
        assert_eq!(code(slept.await), Some(ErrorCode::Unavailable), "{kind}");
        assert!(begun.elapsed() < Duration::from_millis(2_500), "{kind}: {:?}", begun.elapsed());
        assert_eq!(database.read(soon(), one).await.unwrap(), 1, "{kind}");
    }
}

#[tokio::test]
async fn sessions_have_the_settings_that_the_code_relies_on() {
    for (url, sleep) in servers() {
        let is_postgres = url.starts_with("postgres");
        // Each of both has dropped or not yet got the other's name.
        let isolation = if sleep.ends_with("two_rows") { "@@transaction_isolation" } else { "@@tx_isolation" };
        let settings = if is_postgres {
            "concat_ws(' ', current_setting('TimeZone'), current_setting('statement_timeout'),
                 current_setting('lock_timeout'), current_setting('transaction_isolation'))"
        } else {
            "CONCAT_WS(' ', @@time_zone, @@innodb_lock_wait_timeout, ISOLATION,
                 FIND_IN_SET('STRICT_TRANS_TABLES', @@sql_mode) > 0, @@character_set_connection)"
        };
        let settings = settings.replace("ISOLATION", isolation);
        let database = Database::open(Options::new(url)).unwrap();
        let query = move |connection: &mut AnyConnection| {
            diesel::select(sql::<Text>(&settings)).get_result::<String>(connection)
        };
        let expected = if is_postgres { "UTC 5s 2s read committed" } else { "+00:00 2 READ-COMMITTED 1 utf8mb4" };
        assert_eq!(database.read(soon(), query).await.unwrap(), expected);
    }
}

/// A pooler in transaction mode does not support a statement that one transaction names and another one uses.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn without_prepared_statements_nothing_is_named_on_the_server() {
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        return;
    };
    for (prepared_statements, expected) in [(true, true), (false, false)] {
        let options = Options { pool_size: 1, prepared_statements, ..Options::new(url.clone()) };
        let database = Database::open(options).unwrap();
        let count = |connection: &mut AnyConnection| {
            let names = sql::<diesel::sql_types::BigInt>("(SELECT COUNT(*) FROM pg_prepared_statements)");
            diesel::select(names).get_result::<i64>(connection)
        };
        let mut named = 0;
        for _ in 0..3 {
            database
                .read(soon(), |connection| diesel::select(1.into_sql::<Integer>()).get_result::<i32>(connection))
                .await
                .unwrap();
            named = database.read(soon(), count).await.unwrap();
        }
        assert_eq!(named > 0, expected, "prepared_statements: {prepared_statements}, {named} named");
    }
}

/// Two transactions lock the same two rows in opposite order: the database ends one, and the thread runs it again.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_a_deadlock_is_tried_again() {
    for (url, _) in servers() {
        let database = Database::open(Options::new(url)).unwrap();
        let table = format!("deadlock_{}", uuid::Uuid::now_v7().simple());
        let create = format!("CREATE TABLE {table} (id INT PRIMARY KEY, n INT)");
        let fill = format!("INSERT INTO {table} VALUES (1, 0), (2, 0)");
        let drop = format!("DROP TABLE {table}");
        for statement in [create, fill] {
            let statement = move |connection: &mut AnyConnection| diesel::sql_query(&statement).execute(connection);
            database.write(soon(), statement).await.unwrap();
        }
        for round in 0..2 {
            let mut rivals = JoinSet::new();
            for order in [[1, 2], [2, 1]] {
                let updates = order.map(|id| format!("UPDATE {table} SET n = n + 1 WHERE id = {id}"));
                let database = Arc::clone(&database);
                rivals.spawn(async move {
                    let both = move |connection: &mut AnyConnection| {
                        crate::dialect::write_transaction(connection, |connection| {
                            for update in &updates {
                                diesel::sql_query(update).execute(connection)?;
                                std::thread::sleep(Duration::from_millis(300));
                            }
                            Ok(())
                        })
                    };
                    database.write(soon(), both).await
                });
            }
            for outcome in rivals.join_all().await {
                outcome.unwrap_or_else(|failure| panic!("round {round}: {failure}"));
            }
        }
        let counted = format!("UPDATE {table} SET n = 0 WHERE n = 4");
        let counted = move |connection: &mut AnyConnection| diesel::sql_query(&counted).execute(connection);
        assert_eq!(database.write(soon(), counted).await.unwrap(), 2, "each row was counted up by each, once a round");
        let statement = move |connection: &mut AnyConnection| diesel::sql_query(&drop).execute(connection);
        database.write(soon(), statement).await.unwrap();
    }
}
