//! The audit log has an entry for what was done, and none for what was not.

use crate::support::{TestDatabase, email, kinds, offer, seller, soon};
use app::audit_log::{About, Action, AuditLog, Entry};
use app::client::ClientAddress;
use app::entity_tag::EntityTags;
use app::payment::{MailSelection, Outbox};
use app::product::{ProductQueries, Products};
use app::user::LoginAttempts;
use chrono::{DateTime, TimeDelta, Utc};
use domain::money::Money;
use domain::product::{Changes, Price, Stock};
use domain::user::LoginOutcome;
use persistence::Database;

fn at(seconds: i64) -> DateTime<Utc> {
    "2026-11-24T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

async fn told(database: &Database, about: About) -> Vec<Entry> {
    database.entries(about, 100, soon()).await.unwrap()
}

#[tokio::test]
async fn log_ins_and_bursts_of_failures_are_told_by_their_account() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let (database, ada) = (test.open(), email("ada@example.com"));
        let client = ClientAddress::new([192, 0, 2, 7].into());
        let attempt = async |end: LoginOutcome, now| {
            database.admit(&ada, client, now, soon()).await.unwrap();
            LoginAttempts::record_attempt(&*database, &ada, client, end, now, soon()).await.unwrap();
        };
        for _ in 0..5 {
            attempt(LoginOutcome::Failed, at(0)).await;
        }
        attempt(LoginOutcome::Succeeded, at(10)).await;
        attempt(LoginOutcome::Abandoned, at(11)).await;
        attempt(LoginOutcome::Failed, at(12)).await;
        assert!(database.unlock(&ada, at(13), soon()).await.unwrap());
        assert!(!database.unlock(&ada, at(14), soon()).await.unwrap());
        let entries = told(&database, About::Account(email("ADA@example.com"))).await;
        let brief: Vec<_> = entries
            .iter()
            .map(|entry| (entry.at, entry.action, &*entry.author, entry.client.as_deref(), &*entry.details))
            .collect();
        let here = Some("192.0.2.7");
        let expected = [
            (at(13), Action::Unlocked, "operator", None, ""),
            (at(10), Action::LoggedIn, "owner", here, ""),
            (at(0), Action::LoginsFailed, "stranger", here, "5 in a row"),
        ];
        assert_eq!(brief, expected, "{kind:?}");
        assert!(!format!("{entries:?}").contains("example.com"), "{kind:?}: it keeps no e-mail address");
        assert!(told(&database, About::Account(email("bob@example.com"))).await.is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn changes_of_price_and_stock_are_told_where_they_happened() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let teapot = offer(ada, "Teapot", "10000", at(0)).with_stock(Stock::restore(5).unwrap());
        Products::add(&*database, &teapot, soon()).await.unwrap();
        let change = async |changes: Changes, expected: EntityTags| {
            let owned = ProductQueries::product(&*database, teapot.id(), soon()).await.unwrap().unwrap();
            let owned = owned.owned_by(ada).unwrap();
            database.update(&owned, &changes, &expected, at(1), soon()).await
        };
        let price = Price::restore(Money::parse("12500.5").unwrap().minor());
        let same = Changes { stock: Stock::restore(5), ..Changes::default() };
        let other = Changes { price, stock: Stock::restore(7), ..Changes::default() };
        change(same, EntityTags::None).await.unwrap();
        change(other.clone(), EntityTags::Listed(vec![])).await.unwrap_err();
        change(other, EntityTags::None).await.unwrap();
        let mut brief: Vec<_> = told(&database, About::Thing(teapot.id().to_string()))
            .await
            .into_iter()
            .map(|entry| (entry.action.as_str(), entry.author, entry.details))
            .collect();
        brief.sort();
        let by = ada.id().to_string();
        let expected = [
            ("price_changed", by.clone(), "from 10000 to 12500.5".to_owned()),
            ("stock_changed", by, "from 5 to 7".to_owned()),
        ];
        assert_eq!(brief, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_old_is_dropped_and_nothing_else() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let (database, ada) = (test.open(), email("ada@example.com"));
        let client = ClientAddress::new([192, 0, 2, 7].into());
        for second in [0, 10] {
            database.admit(&ada, client, at(second), soon()).await.unwrap();
            LoginAttempts::record_attempt(&*database, &ada, client, LoginOutcome::Succeeded, at(second), soon())
                .await
                .unwrap();
        }
        assert_eq!(database.retry(MailSelection::AllFailed, at(11), soon()).await.unwrap(), 0);
        assert_eq!(AuditLog::purge(&*database, at(10), soon()).await.unwrap(), 1, "{kind:?}");
        let left = told(&database, About::Everything).await;
        assert_eq!(left.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(10)], "{kind:?}");
    }
}
