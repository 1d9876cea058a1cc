//! Accounts.

use crate::support::{Kind, TestDatabase, email, kinds, soon, user};
use app::user::{UserQueries, Users};
use domain::error::ErrorCode;
use domain::user::{Name, PasswordHash, Role, User, UserId};
use std::sync::Arc;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_email_at_once_one_gets_it() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        for round in 0..5 {
            let mut racers = JoinSet::new();
            for racer in 0..64 {
                let database = Arc::clone(&database);
                let case = if racer % 2 == 0 { "ada" } else { "ADA" };
                let account = user(&format!("{case}{round}@example.com"));
                racers.spawn(async move { database.add(&account, soon()).await.map_err(|error| error.code()) });
            }
            let outcomes = racers.join_all().await;
            let winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            let losers = outcomes.iter().filter(|outcome| **outcome == Err(ErrorCode::EmailTaken)).count();
            assert_eq!((winners, losers), (1, 63), "{kind:?}, round {round}: {outcomes:?}");
        }
        let count = if kind.is_mysql_like() { "CAST(COUNT(*) AS CHAR)" } else { "CAST(COUNT(*) AS TEXT)" };
        assert_eq!(test.raw().values(&format!("SELECT {count} AS value FROM users")), ["5"], "{kind:?}");
    }
}

#[tokio::test]
async fn every_column_reads_back_as_it_was_written() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let written = User::register(
            Name::parse(&"🛍".repeat(255)).unwrap(),
            email("Ada.O'Neil+shop@BÜCHER.example"),
            Role::Seller,
            PasswordHash::new("$2a$12$abcdefghijklmnopqrstuvwxyz./ABCDEFGHIJKLMNOPQRSTUVWX01"),
            "2026-12-31T23:59:59.999999Z".parse().unwrap(),
        );
        database.add(&written, soon()).await.unwrap();
        let read = database.find_by_email(written.email(), soon()).await.unwrap().unwrap();
        assert_eq!(read.id(), written.id(), "{kind:?}");
        assert_eq!(read.name(), written.name(), "{kind:?}");
        assert_eq!(read.email().as_str(), "Ada.O'Neil+shop@BÜCHER.example", "{kind:?}");
        assert_eq!(read.email().key(), written.email().key(), "{kind:?}");
        assert_eq!(read.role(), Role::Seller, "{kind:?}");
        assert_eq!(read.password_hash(), written.password_hash(), "{kind:?}");
        assert_eq!(read.created_at(), written.created_at(), "{kind:?}");
        let profile = database.profile(written.id(), soon()).await.unwrap().unwrap();
        assert_eq!(profile.id, written.id(), "{kind:?}");
        assert_eq!(profile.name, written.name().as_str(), "{kind:?}");
        assert_eq!(profile.email, written.email().as_str(), "{kind:?}");
        assert_eq!(profile.role, Role::Seller, "{kind:?}");
    }
}

#[tokio::test]
async fn an_email_is_one_identity_in_any_case() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let first = user("Ada@Example.com");
        database.add(&first, soon()).await.unwrap();
        for variant in ["ada@example.com", "ADA@EXAMPLE.COM", "Ada@Example.com"] {
            let taken = database.add(&user(variant), soon()).await.unwrap_err();
            assert_eq!(taken.code(), ErrorCode::EmailTaken, "{kind:?}: {variant}");
            assert!(database.is_email_taken(&email(variant), soon()).await.unwrap(), "{kind:?}");
            let found = database.find_by_email(&email(variant), soon()).await.unwrap();
            assert_eq!(found.unwrap().id(), first.id(), "{kind:?}: {variant}");
        }
        // Addresses that are equal under a lax collation belong to different accounts.
        for other in ["adá@example.com", "ada+@example.com", "adax@example.com"] {
            assert!(!database.is_email_taken(&email(other), soon()).await.unwrap(), "{kind:?}: {other}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        assert!(database.profile(UserId::generate(), soon()).await.unwrap().is_none(), "{kind:?}");
        let nobody = email("nobody@example.com");
        assert!(database.find_by_email(&nobody, soon()).await.unwrap().is_none(), "{kind:?}");
        assert!(!database.is_email_taken(&nobody, soon()).await.unwrap(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_password_hash_is_renewed_unless_it_has_changed_meanwhile() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let account = user("ada@example.com");
        database.add(&account, soon()).await.unwrap();
        let (old, new, late) =
            (account.password_hash(), PasswordHash::new("$2b$12$new"), PasswordHash::new("$2b$12$late"));
        for renewed in [&new, &late] {
            database.renew_password_hash(account.id(), old, renewed, soon()).await.unwrap();
            let stored = database.find_by_email(account.email(), soon()).await.unwrap().unwrap();
            assert_eq!(*stored.password_hash(), new, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn stored_rubbish_is_a_fault_of_ours_and_never_nobody() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let account = user("ada@example.com");
        database.add(&account, soon()).await.unwrap();
        test.raw().execute("UPDATE users SET role = 'pirate'");
        let found = database.find_by_email(account.email(), soon()).await.unwrap_err();
        assert_eq!(found.code(), ErrorCode::Internal, "{kind:?}");
        let profile = database.profile(account.id(), soon()).await.unwrap_err();
        assert_eq!(profile.code(), ErrorCode::Internal, "{kind:?}");
    }
}

/// Two servers on one file, as during a restart.
#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_file_wait_for_each_other() {
    let Some(kind) = kinds().into_iter().find(|kind| *kind == Kind::Sqlite) else {
        return;
    };
    let test = TestDatabase::migrated(kind);
    let servers = [test.open(), test.open()];
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let database = Arc::clone(&servers[writer % 2]);
        writers.spawn(async move {
            for number in 0..50 {
                let account = user(&format!("u{writer}-{number}@example.com"));
                database.add(&account, soon()).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_eq!(test.raw().values("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users"), ["800"]);
}
