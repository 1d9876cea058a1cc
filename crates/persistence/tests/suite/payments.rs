//! Payments, their reservations, and the rows that belong to them.

mod attention;
mod work;

use crate::support::{self, TestDatabase, image_key, kinds, seller, soon};
use app::entity_tag::EntityTags;
use app::page::{PageRequest, PageStart};
use app::payment::{
    Audience, Cause, Change, PaymentEvents, PaymentListing, PaymentLists, PaymentPosition, PaymentQueries, Payments,
    PlaceOutcome,
};
use app::product::{ImageLedger, ProductQueries, Products};
use chrono::{DateTime, TimeDelta, Utc};
use domain::actor::Seller;
use domain::error::ErrorCode;
use domain::money::Money;
use domain::payment::{
    AmountLimits, Attention, GatewayReport, IdempotencyKey, Order, Payment, PaymentCode, PaymentId, PaymentPage,
    Quantity, ReportOutcome, Reservation, State, Status, Transaction, TransactionStatus,
};
use domain::product::{Changes, Picture, Product, Stock};
use domain::user::UserId;
use persistence::Database;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;

fn now() -> DateTime<Utc> {
    "2026-11-24T00:00:00.000001Z".parse().unwrap()
}

async fn buyer(database: &Database, address: &str) -> UserId {
    seller(database, address).await.id()
}

/// Adds a product with this stock.
async fn offer(database: &Database, by: Seller, name: &str, pieces: i32) -> Product {
    let product = support::offer(by, name, "10000", now()).with_stock(Stock::restore(pieces).unwrap());
    Products::add(database, &product, soon()).await.unwrap();
    product
}

/// A code that no other test uses.
fn code() -> PaymentCode {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    PaymentCode::of(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn order(buyer: UserId, product: &Product, quantity: i32) -> Order {
    Order {
        id: PaymentId::generate(),
        code: code(),
        buyer,
        product: product.id(),
        quantity: Quantity::restore(quantity).unwrap(),
        key: None,
        amount_limits: AmountLimits { min_total: Money::from_whole(1).unwrap(), max_total: Money::MAX },
        expires_at: now() + TimeDelta::hours(1),
        now: now(),
    }
}

async fn place(database: &Database, order: &Order) -> Payment {
    match database.place(order, soon()).await.unwrap() {
        PlaceOutcome::Created(payment) => payment,
        other => panic!("{other:?}"),
    }
}

async fn product(database: &Database, product: &Product) -> Product {
    ProductQueries::product(database, product.id(), soon()).await.unwrap().unwrap()
}

async fn stock(database: &Database, of: &Product) -> i32 {
    product(database, of).await.details().stock.count()
}

async fn stored(database: &Database, id: PaymentId) -> Payment {
    let primary = Payments::payment(database, id, soon()).await.unwrap().unwrap();
    assert_eq!(PaymentQueries::payment(database, id, soon()).await.unwrap().as_ref(), Some(&primary));
    primary
}

fn report(payment: &Payment, transaction: &str, status: TransactionStatus) -> GatewayReport {
    let transaction = Transaction {
        id: transaction.to_owned(),
        status,
        payment_type: "qris".to_owned(),
        amount: payment.record().total,
        fee: Money::ZERO,
        refunded: if status == TransactionStatus::Refund { payment.record().total } else { Money::ZERO },
    };
    let order = Some(payment.record().id.to_string());
    GatewayReport { order, transaction, currency: Money::CURRENCY.to_owned(), is_foreign: false }
}

/// Applies a report of the gateway about a transaction.
async fn learn(database: &Database, payment: &Payment, status: TransactionStatus, at: DateTime<Utc>) -> Payment {
    let report = report(payment, "t-1", status);
    let change: Change = Box::new(move |payment| payment.apply_report(&report, true, at));
    database.change(payment.record().id, Cause::Check, change, at, soon()).await.unwrap().unwrap().0
}

#[tokio::test]
async fn what_was_ordered_reads_back_as_it_was_written() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (ada, bob) = (seller(&database, "ada@example.com").await, buyer(&database, "bob@example.com").await);
        let teapot = offer(&database, ada, "Teapot ß 🫖", 5).await;
        let payment = place(&database, &order(bob, &teapot, 2)).await;
        assert_eq!(stored(&database, payment.record().id).await, payment, "{kind:?}");
        assert_eq!(payment.record().product.details().stock.count(), 3);
        assert_eq!(stock(&database, &teapot).await, 3);

        let at = now() + TimeDelta::seconds(1);
        let page = PaymentPage { token: "t".repeat(36), url: format!("https://example.com/{}", "p".repeat(500)) };
        let open: Change = Box::new(move |payment| {
            payment.open(page.clone(), at);
            ReportOutcome::News
        });
        database.change(payment.record().id, Cause::Order, open, at, soon()).await.unwrap().unwrap();
        let paid = learn(&database, &payment, TransactionStatus::Settlement, at + TimeDelta::seconds(1)).await;
        assert_eq!(stored(&database, payment.record().id).await, paid, "{kind:?}");
        assert_eq!((paid.record().state, paid.record().reservation), (State::Success, Reservation::Sold));

        let events = database.events_after(payment.record().id, 1, soon()).await.unwrap();
        assert_eq!(events.iter().map(|event| event.number).collect::<Vec<_>>(), [2, 3, 4]);
        let timeline = PaymentQueries::timeline(&*database, payment.record().id, soon()).await.unwrap();
        let mails: Vec<_> = timeline.mails.iter().map(|mail| (mail.status, mail.audience)).collect();
        let expected = [
            (Status::Pending, Audience::Buyer),
            (Status::Success, Audience::Buyer),
            (Status::Success, Audience::Seller),
        ];
        assert_eq!(mails, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn fifty_pieces_are_sold_fifty_times() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 50).await;
        let mut buyers = JoinSet::new();
        for _ in 0..200 {
            let (database, order) = (Arc::clone(&database), order(bob, &teapot, 1));
            buyers.spawn(async move { database.place(&order, soon()).await.map(drop).map_err(|error| error.code()) });
        }
        let ends = buyers.join_all().await;
        let sold = ends.iter().filter(|end| end.is_ok()).count();
        assert_eq!(sold, 50, "{kind:?}: {ends:?}");
        let refused = |end: &&Result<(), ErrorCode>| matches!(end, Err(ErrorCode::InsufficientStock));
        assert_eq!(ends.iter().filter(refused).count(), 150, "{kind:?}: {ends:?}");
        assert_eq!(stock(&database, &teapot).await, 0);
        let reserved = test.raw().values("SELECT CAST(reserved AS CHAR(9)) AS value FROM products");
        assert_eq!(reserved.iter().map(|text| text.trim()).collect::<Vec<_>>(), ["50"], "{kind:?}");
    }
}

#[tokio::test]
async fn pieces_are_given_back_once_however_many_say_so() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 5).await;
        let payment = place(&database, &order(bob, &teapot, 3)).await;
        let mut notices = JoinSet::new();
        for _ in 0..100 {
            let (database, payment) = (Arc::clone(&database), payment.clone());
            notices.spawn(async move { learn(&database, &payment, TransactionStatus::Expire, now()).await });
        }
        notices.join_all().await;
        assert_eq!(stock(&database, &teapot).await, 5, "{kind:?}");
        let expired = stored(&database, payment.record().id).await;
        assert_eq!(expired.record().reservation, Reservation::Released { on_shelf: 0 });
        assert_eq!(expired.record().state, State::Expire);
        let timeline = PaymentQueries::timeline(&*database, payment.record().id, soon()).await.unwrap();
        assert_eq!(timeline.mails.len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn money_that_comes_late_takes_what_is_left_and_is_told_of_where_nothing_is() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 3).await;
        let first = place(&database, &order(bob, &teapot, 2)).await;
        learn(&database, &first, TransactionStatus::Expire, now()).await;
        let again = learn(&database, &first, TransactionStatus::Settlement, now()).await;
        assert_eq!((again.record().state, again.record().reservation), (State::Success, Reservation::Sold), "{kind:?}");
        assert_eq!(stock(&database, &teapot).await, 1);

        let second = place(&database, &order(bob, &teapot, 1)).await;
        learn(&database, &second, TransactionStatus::Expire, now()).await;
        place(&database, &order(bob, &teapot, 1)).await;
        let late = learn(&database, &second, TransactionStatus::Settlement, now()).await;
        assert!(late.attention() == Some(Attention::Unfulfilled) && late.record().state == State::Success, "{kind:?}");
        assert_eq!(stock(&database, &teapot).await, 0);
        let refunded = learn(&database, &second, TransactionStatus::Refund, now()).await;
        assert!(refunded.attention().is_none() && refunded.record().state == State::Refund, "{kind:?}");
    }
}

#[tokio::test]
async fn an_order_that_is_refused_leaves_nothing_behind() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 5).await;
        let key = IdempotencyKey::parse("first").unwrap();
        let refusal = async |order: Order| database.place(&order, soon()).await.unwrap_err().code();

        let greedy = Order { key: key.clone(), ..order(bob, &teapot, 6) };
        assert_eq!(refusal(greedy).await, ErrorCode::InsufficientStock, "{kind:?}");
        let cheap = AmountLimits { min_total: Money::ZERO, max_total: Money::ZERO };
        let dear = Order { key: key.clone(), amount_limits: cheap, ..order(bob, &teapot, 1) };
        assert_eq!(refusal(dear).await, ErrorCode::InvalidRequest, "{kind:?}");
        let stranger = Order { key: key.clone(), ..order(UserId::generate(), &teapot, 1) };
        assert_eq!(refusal(stranger).await, ErrorCode::TokenInvalid, "{kind:?}");
        let taken = place(&database, &order(bob, &teapot, 1)).await.record().code;
        let same_code = Order { key: key.clone(), code: taken, ..order(bob, &teapot, 1) };
        assert!(matches!(database.place(&same_code, soon()).await.unwrap(), PlaceOutcome::CodeTaken), "{kind:?}");
        assert_eq!(stock(&database, &teapot).await, 4, "{kind:?}");
        assert!(database.ordered_before(bob, &key.clone().unwrap(), soon()).await.unwrap().is_none(), "{kind:?}");

        let owned = product(&database, &teapot).await.owned_by(ada).unwrap();
        database.delete(&owned, &EntityTags::None, now(), soon()).await.unwrap();
        let gone = Order { key, ..order(bob, &teapot, 1) };
        assert_eq!(refusal(gone).await, ErrorCode::OrderedProductNotFound, "{kind:?}");
    }
}

#[tokio::test]
async fn ten_orders_under_one_key_are_one() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 20).await;
        let key = IdempotencyKey::parse("once").unwrap();
        let mut orders = JoinSet::new();
        for _ in 0..10 {
            let (database, order) = (Arc::clone(&database), Order { key: key.clone(), ..order(bob, &teapot, 1) });
            orders.spawn(async move { database.place(&order, soon()).await.unwrap() });
        }
        let ends = orders.join_all().await;
        let first = ends.iter().filter(|end| matches!(end, PlaceOutcome::Created(_))).count();
        assert_eq!(first, 1, "{kind:?}");
        assert_eq!(stock(&database, &teapot).await, 19, "{kind:?}");
        // The same key of another buyer is another key.
        let eve = buyer(&database, "eve@example.com").await;
        place(&database, &Order { key: key.clone(), ..order(eve, &teapot, 1) }).await;
        assert_eq!(database.forget_keys(now() + TimeDelta::seconds(1), soon()).await.unwrap(), 2);
        assert!(database.ordered_before(bob, &key.unwrap(), soon()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn an_image_stays_for_what_was_ordered_with_it() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 5).await;
        let key = image_key();
        ImageLedger::record_upload(&*database, &key, now(), soon()).await.unwrap();
        let owned = teapot.clone().owned_by(ada).unwrap();
        let picture = Changes { picture: Some(Picture::Stored(key)), ..Changes::default() };
        database.update(&owned, &picture, &EntityTags::None, now(), soon()).await.unwrap();
        place(&database, &order(bob, &teapot, 1)).await;
        let owned = product(&database, &teapot).await.owned_by(ada).unwrap();
        database.delete(&owned, &EntityTags::None, now(), soon()).await.unwrap();
        let later = now() + TimeDelta::days(1);
        let removals = ImageLedger::claim(&*database, 10, later, later, soon()).await.unwrap();
        assert!(removals.is_empty(), "{kind:?}: {removals:?}");
    }
}

#[tokio::test]
async fn lists_are_walked_piece_by_piece() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let (bob, eve) = (buyer(&database, "bob@example.com").await, buyer(&database, "eve@example.com").await);
        let teapot = offer(&database, ada, "Teapot", 50).await;
        let mut placed = Vec::new();
        for number in 0..7_i64 {
            // Some at the same moment.
            let at = now() + TimeDelta::seconds(number / 2);
            placed.push(place(&database, &Order { now: at, ..order(bob, &teapot, 1) }).await);
        }
        place(&database, &order(eve, &teapot, 1)).await;
        learn(&database, &placed[2], TransactionStatus::Settlement, now()).await;
        let list = |owner, audience, status, start| PaymentListing {
            owner,
            audience,
            status,
            page: PageRequest { start, offset: 0, limit: 3 },
        };
        let mut walked = Vec::new();
        let mut start = PageStart::Offset(0);
        loop {
            let page = PaymentLists::list(&*database, &list(bob, Audience::Buyer, None, start), soon()).await.unwrap();
            let (more, taken) = (page.len() > 3, page.into_iter().take(3));
            walked.extend(taken.map(|payment| payment.record().clone()));
            let last = walked.last().unwrap();
            start = PageStart::After(PaymentPosition { created_at: last.created_at, id: last.id });
            if !more {
                break;
            }
        }
        let walked: Vec<_> = walked.iter().map(|record| record.id).collect();
        let mut expected: Vec<_> = placed.iter().map(|payment| payment.record().id).collect();
        expected.reverse();
        assert_eq!(walked, expected, "{kind:?}");
        let sales = list(ada.id(), Audience::Seller, None, PageStart::Offset(0));
        assert_eq!(PaymentLists::count(&*database, &sales, soon()).await.unwrap(), 8, "{kind:?}");
        let paid = list(bob, Audience::Buyer, Some(Status::Success), PageStart::Offset(0));
        assert_eq!(PaymentLists::list(&*database, &paid, soon()).await.unwrap().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn what_a_seller_says_of_the_stock_leaves_reservations_alone() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 5).await;
        let payment = place(&database, &order(bob, &teapot, 2)).await;
        let owned = product(&database, &teapot).await.owned_by(ada).unwrap();
        let refill = Changes { stock: Stock::restore(10), ..Changes::default() };
        database.update(&owned, &refill, &EntityTags::None, now(), soon()).await.unwrap();
        learn(&database, &payment, TransactionStatus::Cancel, now()).await;
        assert_eq!(stock(&database, &teapot).await, 12, "{kind:?}");
    }
}

#[tokio::test]
async fn an_audit_finds_nothing_until_somebody_meddles_with_the_records() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        let bob = buyer(&database, "bob@example.com").await;
        let teapot = offer(&database, ada, "Teapot", 20).await;
        for status in [TransactionStatus::Settlement, TransactionStatus::Expire, TransactionStatus::Pending] {
            let payment = place(&database, &order(bob, &teapot, 2)).await;
            learn(&database, &payment, TransactionStatus::Pending, now()).await;
            learn(&database, &payment, status, now()).await;
        }
        let broken = async || {
            let findings = database.audit(now(), soon()).await.unwrap();
            assert_eq!(findings.len(), 11);
            findings.into_iter().filter(|finding| finding.broken > 0).map(|finding| finding.rule).collect::<Vec<_>>()
        };
        assert_eq!(broken().await, [] as [&str; 0], "{kind:?}");
        for (meddling, rules) in [
            ("UPDATE products SET stock = stock + 1, reserved = reserved - 1", vec!["I1"]),
            ("UPDATE products SET stock = stock - 1, reserved = reserved + 1", vec![]),
            ("DELETE FROM mails WHERE audience = 'seller'", vec!["I6"]),
            ("UPDATE payments SET state = 'pending' WHERE state = 'success'", vec!["I4", "I5", "I6"]),
            (
                "UPDATE payment_events SET from_state = 'expire' WHERE to_state = 'success'",
                vec!["I4", "I5", "I6", "I7"],
            ),
            ("UPDATE payment_transactions SET amount = amount + 1", vec!["I4", "I5", "I6", "I7"]),
            ("UPDATE payments SET state = 'success' WHERE state = 'pending'", vec!["I3", "I5", "I6", "I7"]),
            (
                "UPDATE payments SET needs_attention = (1 = 1) WHERE state = 'expire'",
                vec!["I3", "I5", "I6", "I7", "I11"],
            ),
        ] {
            test.raw().execute(meddling);
            assert_eq!(broken().await, rules, "{kind:?}: {meddling}");
        }
        let backlog = database.backlog(now() + TimeDelta::seconds(9), soon()).await.unwrap();
        assert_eq!((backlog.mails, backlog.mails_age, backlog.notifications), (2, 9, 0), "{kind:?}");
    }
}
