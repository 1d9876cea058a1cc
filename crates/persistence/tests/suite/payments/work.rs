//! What workers claim: notifications, mails, due payments and leases.

use super::{buyer, learn, now, offer, order, place, report};
use crate::support::{Kind, TestDatabase, kinds, seller, soon};
use app::clock::{Clock, SystemClock};
use app::payment::{
    Audience, Cause, Change, Delivery, Leases, MailSelection, MailState, NotificationOutcome, Notifications, Outbox,
    PaymentQueries, Payments, SendOutcome, StoreOutcome, StoredNotification,
};
use chrono::TimeDelta;
use domain::payment::{Payment, PaymentId, TransactionStatus};
use std::sync::Arc;
use tokio::task::JoinSet;

fn received(payment: &Payment, status: &str) -> StoredNotification {
    let order = payment.record().id.to_string();
    let fingerprint =
        format!("{:0>64}", format!("{}{status}", order.replace('-', "")).chars().rev().take(60).collect::<String>());
    StoredNotification {
        fingerprint,
        order,
        transaction: Some("t-1".to_owned()),
        status: status.to_owned(),
        body: "{\"a\": \"ß\"}".to_owned(),
    }
}

#[tokio::test]
async fn a_notification_is_kept_once_and_judged_with_what_it_caused() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 5).await;
        let payment = place(&database, &order(bob, &teapot, 1)).await;
        let lease = now() + TimeDelta::seconds(15);
        let keep = async |received: &StoredNotification| database.store(received, now(), lease, soon()).await.unwrap();
        let notice = received(&payment, "settlement");
        let StoreOutcome::New(id) = keep(&notice).await else { panic!("{kind:?}") };
        assert_eq!(keep(&notice).await, StoreOutcome::Duplicate, "{kind:?}");
        let stranger = StoredNotification { order: PaymentId::generate().to_string(), ..received(&payment, "x") };
        assert_eq!(keep(&stranger).await, StoreOutcome::UnknownOrder, "{kind:?}");
        assert_eq!(keep(&stranger).await, StoreOutcome::UnknownOrder, "{kind:?}");

        // Nobody else claims it before the lease ends, and another worker does afterwards.
        let claim =
            async |at| Notifications::claim(&*database, 9, at, at + TimeDelta::minutes(1), soon()).await.unwrap();
        assert!(claim(now()).await.is_empty(), "{kind:?}");
        let claimed = claim(lease).await;
        assert_eq!((claimed.len(), claimed[0].id, claimed[0].attempts), (1, id, 1), "{kind:?}");
        let told = report(&payment, "t-1", TransactionStatus::Settlement);
        let change: Change = Box::new(move |payment| payment.apply_report(&told, true, now()));
        let cause = Cause::Notification(id);
        database.change(payment.record().id, cause, change, now(), soon()).await.unwrap().unwrap();
        assert!(claim(now() + TimeDelta::days(1)).await.is_empty(), "{kind:?}");
        let timeline = PaymentQueries::timeline(&*database, payment.record().id, soon()).await.unwrap();
        let [note] = &*timeline.notifications else { panic!("{kind:?}: {timeline:?}") };
        assert_eq!((note.times, note.outcome.as_deref()), (2, Some(NotificationOutcome::Applied.as_str())), "{kind:?}");
        assert_eq!(note.body, notice.body);
        assert!(
            timeline.events.iter().any(|(_, cause)| *cause == format!("notification {id}")),
            "{kind:?}: {timeline:?}"
        );
    }
}

#[tokio::test]
async fn each_mail_is_taken_out_by_one() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 50).await;
        for _ in 0..10 {
            let payment = place(&database, &order(bob, &teapot, 1)).await;
            learn(&database, &payment, TransactionStatus::Settlement, now()).await;
        }
        let later = now() + TimeDelta::seconds(1);
        let mut workers = JoinSet::new();
        for _ in 0..6 {
            let database = Arc::clone(&database);
            workers.spawn(async move {
                Outbox::claim(&*database, 5, later, later + TimeDelta::minutes(1), soon()).await.unwrap()
            });
        }
        let claimed: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
        let mut ids: Vec<_> = claimed.iter().map(|claimed| claimed.mail.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), claimed.len()), (20, 20), "{kind:?}");
        let to_seller = claimed.iter().find(|claimed| claimed.mail.audience == Audience::Seller).unwrap();
        assert_eq!(to_seller.email, "ada@example.com");

        // A mail that is being sent stays claimed, also when sending takes long or an operator has mails tried at once.
        let held: Vec<_> = claimed.iter().map(|claimed| claimed.mail.id).collect();
        let claim = async |at| Outbox::claim(&*database, 20, at, at + TimeDelta::minutes(1), soon()).await.unwrap();
        database.renew(&held, later + TimeDelta::minutes(3), soon()).await.unwrap();
        assert_eq!(database.retry(MailSelection::One(held[0]), later, soon()).await.unwrap(), 0, "{kind:?}");
        assert_eq!(database.retry(MailSelection::AllFailed, later, soon()).await.unwrap(), 0, "{kind:?}");
        assert!(claim(later + TimeDelta::minutes(2)).await.is_empty(), "{kind:?}");

        let settle = async |number: usize, attempt: SendOutcome| {
            database.record_attempt(claimed[number].mail.id, &attempt, later, soon()).await.unwrap();
        };
        settle(0, SendOutcome::Done(Delivery::Sent)).await;
        settle(1, SendOutcome::Dead { error: "550".repeat(500) }).await;
        settle(2, SendOutcome::Deferred { due: later, error: "away".to_owned() }).await;
        settle(3, SendOutcome::Failed { due: later, error: "451".to_owned(), is_uncertain: true }).await;
        let again = claim(later).await;
        let mut tried: Vec<_> = again.iter().map(|claimed| claimed.mail.attempts).collect();
        tried.sort_unstable();
        assert_eq!(tried, [0, 1], "{kind:?}: what was put back does not count");
        let dead = database.mails(Some(MailState::Dead), 9, soon()).await.unwrap();
        assert_eq!(dead.len(), 1, "{kind:?}");
        assert_eq!(
            database.retry(MailSelection::One(claimed[0].mail.id), later, soon()).await.unwrap(),
            0,
            "sent is sent"
        );
        settle(
            4,
            SendOutcome::Failed { due: later + TimeDelta::hours(4), error: "554".to_owned(), is_uncertain: false },
        )
        .await;
        assert_eq!(database.retry(MailSelection::AllFailed, later, soon()).await.unwrap(), 2, "one is dead, one waits");
        assert_eq!(claim(later).await.len(), 2, "{kind:?}");
        assert_eq!(Outbox::purge(&*database, later + TimeDelta::seconds(1), soon()).await.unwrap(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn payments_that_are_due_are_taken_out_once() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 5).await;
        let payment = place(&database, &order(bob, &teapot, 1)).await;
        let due = payment.record().next_check.unwrap();
        let claim = async |at| database.claim_due(5, at, at + TimeDelta::minutes(1), soon()).await.unwrap();
        assert!(claim(due - TimeDelta::seconds(1)).await.is_empty(), "{kind:?}");
        assert_eq!(claim(due).await.len(), 1, "{kind:?}");
        assert!(claim(due).await.is_empty(), "{kind:?}");
        assert_eq!(claim(due + TimeDelta::minutes(1)).await.len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_lease_has_one_holder_at_a_time() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let hold = async |who: &str, from: i64, to: i64| {
            let at = |seconds| now() + TimeDelta::seconds(seconds);
            database.hold("reconciler", who, at(from), at(to), soon()).await.unwrap()
        };
        let mut workers = JoinSet::new();
        for number in 0..8 {
            let database = Arc::clone(&database);
            let end = now() + TimeDelta::seconds(30);
            workers.spawn(async move { database.hold("race", &number.to_string(), now(), end, soon()).await.unwrap() });
        }
        let holders = workers.join_all().await.into_iter().filter(|is_held| *is_held).count();
        assert_eq!(holders, 1, "{kind:?}");
        assert!(hold("a", 0, 30).await, "{kind:?}");
        assert!(!hold("b", 10, 40).await, "{kind:?}");
        assert!(hold("a", 10, 40).await && hold("a", 10, 40).await, "{kind:?}");
        assert!(hold("b", 41, 60).await, "{kind:?}");
        assert!(!hold("a", 42, 60).await, "{kind:?}");
    }
}

#[tokio::test]
async fn a_server_tells_its_time_and_a_file_has_none() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let told = test.open().server_time(soon()).await.unwrap();
        match kind {
            Kind::Sqlite => assert_eq!(told, None),
            Kind::Postgres | Kind::Mariadb | Kind::Mysql => {
                let away = (told.unwrap() - SystemClock.now()).abs();
                assert!(away < TimeDelta::minutes(5), "{kind:?}: this machine has both clocks, {away} apart");
            }
        }
    }
}
