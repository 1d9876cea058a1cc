//! Each queue, seen by two workers who have read the same rows without a lock.

use super::{QueuedRow, take};
use crate::dialect::write_transaction;
use crate::image_notes::NoteRow;
use crate::notifications::NotificationRow;
use crate::outbox::MailRow;
use crate::payment::PaymentRow;
use crate::support::{Kind, TestDatabase, image_key, kinds, offer, seller, soon};
use crate::{Database, Options};
use app::payment::{Cause, Notifications, Payments, PlaceOutcome, StoreOutcome, StoredNotification};
use app::product::{ImageLedger, Products};
use chrono::{DateTime, TimeDelta, Utc};
use domain::money::Money;
use domain::payment::{AmountLimits, Order, Payment, PaymentCode, PaymentId, PaymentPage, Quantity, ReportOutcome};

fn now() -> DateTime<Utc> {
    "2026-11-24T00:00:00.123456Z".parse().unwrap()
}

/// One image to remove, one payment to check, one notification of it, and the mails about it.
async fn fill(database: &Database) {
    database.record_upload(&image_key(), now(), soon()).await.unwrap();
    let ada = seller(database, "ada@example.com").await;
    let teapot = offer(ada, "Teapot", "10000", now());
    Products::add(database, &teapot, soon()).await.unwrap();
    let order = Order {
        id: PaymentId::generate(),
        code: PaymentCode::of(0),
        buyer: ada.id(),
        product: teapot.id(),
        quantity: Quantity::restore(1).unwrap(),
        key: None,
        amount_limits: AmountLimits { min_total: Money::from_whole(1).unwrap(), max_total: Money::MAX },
        expires_at: now() + TimeDelta::hours(1),
        now: now(),
    };
    assert!(matches!(database.place(&order, soon()).await.unwrap(), PlaceOutcome::Created(_)));
    let open = Box::new(|payment: &mut Payment| {
        payment.open(PaymentPage { token: "t".to_owned(), url: "https://example.com/t".to_owned() }, now());
        ReportOutcome::News
    });
    database.change(order.id, Cause::Order, open, now(), soon()).await.unwrap();
    let received = StoredNotification {
        fingerprint: "0".repeat(64),
        order: order.id.to_string(),
        transaction: None,
        status: "pending".to_owned(),
        body: "{}".to_owned(),
    };
    assert!(matches!(database.store(&received, now(), now(), soon()).await.unwrap(), StoreOutcome::New(_)));
}

/// How many rows are due, and how many of them each of two workers gets.
async fn race<R: QueuedRow + Clone + Send + 'static>(database: &Database) -> (usize, [usize; 2]) {
    let now = (now() + TimeDelta::days(1)).naive_utc();
    let due = database.read(soon(), move |connection| R::load_due(connection, 10, now)).await.unwrap();
    let count = due.len();
    let mut claimed = [0; 2];
    for (claimed, worker) in claimed.iter_mut().zip(1..) {
        let due = due.clone();
        let until = now + TimeDelta::minutes(worker);
        let took = database.write(soon(), move |connection| {
            write_transaction(connection, |connection| take(connection, due.clone(), now, until))
        });
        *claimed = took.await.unwrap().len();
    }
    (count, claimed)
}

#[tokio::test]
async fn of_two_workers_that_have_read_the_same_rows_only_the_first_claims_them() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = Database::open(Options { pool_size: 1, ..test.options() }).unwrap();
        fill(&database).await;
        assert_eq!(race::<NoteRow>(&database).await, (1, [1, 0]), "{kind:?}");
        assert_eq!(race::<PaymentRow>(&database).await, (1, [1, 0]), "{kind:?}");
        assert_eq!(race::<NotificationRow>(&database).await, (1, [1, 0]), "{kind:?}");
        assert_eq!(race::<MailRow>(&database).await, (1, [1, 0]), "{kind:?}");
    }
}

/// SQLite compares times as text, and an operator may write one in any way that it can be read.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_due_time_that_somebody_has_written_by_hand_is_claimed_once() {
    for written in [
        "2026-01-01 00:00:00",
        "2026-01-01 00:00:00.5",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00",
        "2026-01-01 00:00:00Z",
    ] {
        let test = TestDatabase::migrated(Kind::Sqlite);
        let database = Database::open(Options { pool_size: 1, ..test.options() }).unwrap();
        fill(&database).await;
        for column in
            ["image_notes SET due_at", "payments SET next_check_at", "notifications SET next_at", "mails SET next_at"]
        {
            test.raw().execute(&format!("UPDATE {column} = '{written}'"));
        }
        assert_eq!(race::<NoteRow>(&database).await, (1, [1, 0]), "{written}");
        assert_eq!(race::<PaymentRow>(&database).await, (1, [1, 0]), "{written}");
        assert_eq!(race::<NotificationRow>(&database).await, (1, [1, 0]), "{written}");
        assert_eq!(race::<MailRow>(&database).await, (1, [1, 0]), "{written}");
    }
}
