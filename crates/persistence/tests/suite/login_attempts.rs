//! The counters of the log-in throttle.

use crate::support::{TestDatabase, email, kinds, soon};
use app::client::ClientAddress;
use app::user::LoginAttempts;
use chrono::{DateTime, TimeDelta, Utc};
use domain::error::{Error, ErrorCode};
use domain::user::{Email, LoginOutcome};
use persistence::Database;
use std::sync::Arc;
use tokio::task::JoinSet;

fn at(seconds: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
    noon + TimeDelta::seconds(seconds)
}

fn client(last: u8) -> ClientAddress {
    ClientAddress::new([192, 0, 2, last].into())
}

async fn attempt(
    database: &Database,
    account: &Email,
    from: ClientAddress,
    end: LoginOutcome,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    database.admit(account, from, now, soon()).await?;
    database.record_attempt(account, from, end, now, soon()).await
}

#[tokio::test]
async fn failures_slow_an_account_down_from_wherever_they_come_and_success_forgets_them() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let (database, ada) = (test.open(), email("ada@example.com"));
        for number in 0..6 {
            attempt(&database, &ada, client(number), LoginOutcome::Failed, at(0)).await.unwrap();
            if number == 4 {
                let refused = database.admit(&email("ADA@example.com"), client(9), at(0), soon()).await.unwrap_err();
                assert_eq!(refused.code(), ErrorCode::LoginThrottled, "{kind:?}");
                assert_eq!(refused.retry_after().unwrap().as_secs(), 1, "{kind:?}");
                break;
            }
        }
        let other = email("grace@example.com");
        attempt(&database, &other, client(1), LoginOutcome::Failed, at(0)).await.unwrap();
        attempt(&database, &ada, client(1), LoginOutcome::Succeeded, at(1)).await.unwrap();
        attempt(&database, &ada, client(2), LoginOutcome::Failed, at(1)).await.unwrap();
        assert!(database.admit(&ada, client(3), at(1), soon()).await.is_ok(), "{kind:?}");
    }
}

/// Includes the race between two servers for an account's first row.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_at_once_are_counted_exactly() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let servers = [test.open(), test.open()];
        let ada = email("ada@example.com");
        let admitted = at_once(&servers, 150, |database, number| {
            let ada = ada.clone();
            async move { database.admit(&ada, client(number), at(0), soon()).await }
        });
        let (admitted, refused): (Vec<_>, Vec<_>) = admitted.await.into_iter().partition(Result::is_ok);
        assert_eq!((admitted.len(), refused.len()), (100, 50), "{kind:?}");
        for error in refused.into_iter().filter_map(Result::err) {
            assert_eq!(error.code(), ErrorCode::LoginThrottled, "{kind:?}: {:?}", error);
        }
        let settled = at_once(&servers, 100, |database, number| {
            let ada = ada.clone();
            async move { database.record_attempt(&ada, client(number), LoginOutcome::Failed, at(0), soon()).await }
        });
        assert!(settled.await.iter().all(Result::is_ok), "{kind:?}");
        let text = if test.kind.folder() == "mysql" { "CHAR" } else { "TEXT" };
        let counts = format!("SELECT CAST(failures * 1000 + pending AS {text}) AS value FROM login_attempts");
        assert_eq!(test.raw().values(&counts), ["100000"], "{kind:?}");
    }
}

async fn at_once<F>(
    servers: &[Arc<Database>; 2],
    times: u8,
    work: impl Fn(Arc<Database>, u8) -> F,
) -> Vec<Result<(), Error>>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut all = JoinSet::new();
    for number in 0..times {
        all.spawn(work(Arc::clone(&servers[usize::from(number % 2)]), number));
    }
    all.join_all().await
}

#[tokio::test]
async fn a_stranger_cannot_lock_out_an_owner_at_a_known_address() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let (database, ada) = (test.open(), email("ada@example.com"));
        let (home, stranger, new) = (client(1), client(2), client(3));
        attempt(&database, &ada, home, LoginOutcome::Succeeded, at(0)).await.unwrap();
        for number in 0..5 {
            attempt(&database, &ada, stranger, LoginOutcome::Failed, at(number)).await.unwrap();
        }
        for locked_out in [stranger, new] {
            let refused = database.admit(&ada, locked_out, at(4), soon()).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::LoginThrottled, "{kind:?}");
        }
        for number in 0..5 {
            attempt(&database, &ada, home, LoginOutcome::Failed, at(4 + number)).await.unwrap();
        }
        let guessing = database.admit(&ada, home, at(8), soon()).await.unwrap_err();
        assert_eq!(
            guessing.code(),
            ErrorCode::LoginThrottled,
            "{kind:?}: a known address is throttled by its own failures"
        );
        attempt(&database, &ada, home, LoginOutcome::Succeeded, at(20)).await.unwrap();
        let a_month_later = at(20) + TimeDelta::days(30);
        for number in 0..5 {
            let now = a_month_later + TimeDelta::seconds(number);
            attempt(&database, &ada, stranger, LoginOutcome::Failed, now).await.unwrap();
        }
        let now = a_month_later + TimeDelta::seconds(4);
        assert!(database.admit(&ada, home, now, soon()).await.is_err(), "{kind:?}: trust ends");
    }
}

#[tokio::test]
async fn an_operator_unlocks_an_account() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let (database, ada) = (test.open(), email("ada@example.com"));
        assert!(!database.unlock(&ada, at(0), soon()).await.unwrap(), "{kind:?}");
        for number in 0..5 {
            attempt(&database, &ada, client(1), LoginOutcome::Failed, at(number)).await.unwrap();
        }
        assert!(database.admit(&ada, client(1), at(4), soon()).await.is_err(), "{kind:?}");
        assert!(database.unlock(&ada, at(0), soon()).await.unwrap(), "{kind:?}");
        assert!(database.admit(&ada, client(1), at(4), soon()).await.is_ok(), "{kind:?}");
    }
}

#[tokio::test]
async fn only_what_is_forgotten_is_purged() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let now = at(0) + TimeDelta::days(2);
        for number in 0..250_u32 {
            let stranger = email(&format!("stranger{number}@example.com"));
            attempt(&database, &stranger, client(1), LoginOutcome::Failed, at(0)).await.unwrap();
        }
        let (recent, owner) = (email("recent@example.com"), email("owner@example.com"));
        attempt(&database, &recent, client(1), LoginOutcome::Failed, now).await.unwrap();
        // Leaves a row of the account that counts nothing, and a row that trusts the address.
        attempt(&database, &owner, client(1), LoginOutcome::Succeeded, at(0)).await.unwrap();
        assert_eq!(database.purge(now, soon()).await.unwrap(), 251, "{kind:?}");
        assert_eq!(database.purge(now, soon()).await.unwrap(), 0, "{kind:?}");
        assert!(database.unlock(&recent, at(0), soon()).await.unwrap(), "{kind:?}");
        assert_eq!(database.purge(now + TimeDelta::days(30), soon()).await.unwrap(), 2, "{kind:?}");
    }
}
