//! Fees, contradictions, and the rulings of operators.

use super::*;
use app::audit_log::{About, AuditLog};
use app::payment::ManualResolutions;
use domain::payment::{Contradiction, EventKind, ManualResolution, Resolution, ResolutionError};
use persistence::Overview;

fn money(whole: u64) -> Money {
    Money::from_whole(whole).unwrap()
}

async fn tell(database: &Database, report: &GatewayReport, of: &Payment, at: DateTime<Utc>) -> Payment {
    let report = report.clone();
    let change: Change = Box::new(move |payment| payment.apply_report(&report, true, at));
    database.change(of.record().id, Cause::Check, change, at, soon()).await.unwrap().unwrap().0
}

/// A payment of 20,000 for which the gateway reports 20,071, without saying what the difference is.
async fn contradicted(database: &Database, pieces: i32, mark: &str) -> (Product, Payment) {
    let ada = seller(database, &format!("ada{mark}@example.com")).await;
    let bob = buyer(database, &format!("bob{mark}@example.com")).await;
    let teapot = offer(database, ada, "Teapot", pieces).await;
    let payment = place(database, &order(bob, &teapot, 2)).await;
    let mut odd = report(&payment, "t-1", TransactionStatus::Settlement);
    odd.transaction.amount = money(20_071);
    let told = tell(database, &odd, &payment, now() + TimeDelta::minutes(1)).await;
    (teapot, told)
}

fn ruling(resolution: Resolution) -> ManualResolution {
    ManualResolution { resolution, operator: "ada".to_owned(), reason: "seen in the dashboard ß".to_owned() }
}

async fn resolve(database: &Database, payment: &Payment, as_what: Resolution) -> Result<Payment, ResolutionError> {
    let at = now() + TimeDelta::minutes(2);
    database.resolve(payment.record().id, &ruling(as_what), at, soon()).await.unwrap().unwrap()
}

async fn assert_audited(database: &Database) {
    let broken: Vec<_> = database.audit(now(), soon()).await.unwrap();
    let broken: Vec<_> = broken.into_iter().filter(|finding| finding.broken > 0).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test]
async fn a_fee_is_kept_with_the_transaction_and_told_once() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (ada, bob) = (seller(&database, "ada@example.com").await, buyer(&database, "bob@example.com").await);
        let teapot = offer(&database, ada, "Teapot", 5).await;
        let payment = place(&database, &order(bob, &teapot, 2)).await;
        let mut paid = report(&payment, "t-1", TransactionStatus::Settlement);
        paid.transaction.fee = money(71);
        let told = tell(&database, &paid, &payment, now() + TimeDelta::minutes(1)).await;
        assert_eq!(stored(&database, payment.record().id).await, told, "{kind:?}");
        assert_eq!((told.fee(), told.record().state), (money(71), State::Success));
        let mut refund = report(&payment, "t-1", TransactionStatus::Refund);
        (refund.transaction.fee, refund.transaction.refunded) = (money(71), money(20_071));
        let told = tell(&database, &refund, &payment, now() + TimeDelta::minutes(2)).await;
        assert_eq!((told.refunded(), told.record().state), (money(20_071), State::Refund));
        let events = database.events_after(payment.record().id, 0, soon()).await.unwrap();
        let amounts: Vec<_> = events.into_iter().map(|event| event.kind).collect();
        for kind in [EventKind::FeePaid { in_all: money(71) }, EventKind::Refunded { in_all: money(20_071) }] {
            assert_eq!(amounts.iter().filter(|told| **told == kind).count(), 1, "{amounts:?}");
        }
        assert_audited(&database).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_waits_for_a_person_and_is_listed() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (teapot, payment) = contradicted(&database, 5, "").await;
        let read = stored(&database, payment.record().id).await;
        assert_eq!(read, payment, "{kind:?}");
        assert_eq!(read.attention(), Some(Attention::Contradicted));
        let Some(Contradiction { transaction, told, is_open: true }) = read.record().contradiction.clone() else {
            panic!("{read:?}");
        };
        assert_eq!(transaction, "t-1");
        assert!(told.contains("20071"), "{told}");
        assert_eq!(stock(&database, &teapot).await, 3, "its pieces are held");
        let backlog = database.backlog(now(), soon()).await.unwrap();
        assert_eq!((backlog.contradicted, backlog.unfulfilled), (1, 0));

        let other = place(&database, &order(payment.record().buyer, &teapot, 1)).await;
        for (wanted, ids) in [
            (Overview { attention: true, status: None, limit: 9 }, vec![payment.record().id]),
            (Overview { attention: false, status: None, limit: 9 }, vec![other.record().id, payment.record().id]),
            (Overview { attention: false, status: None, limit: 1 }, vec![other.record().id]),
            (Overview { attention: false, status: Some(Status::Success), limit: 9 }, vec![]),
            (Overview { attention: true, status: Some(Status::Pending), limit: 9 }, vec![payment.record().id]),
        ] {
            let listed = database.overview(wanted, soon()).await.unwrap();
            assert_eq!(listed.iter().map(|payment| payment.record().id).collect::<Vec<_>>(), ids, "{wanted:?}");
        }
        assert_audited(&database).await;
    }
}

#[tokio::test]
async fn a_persons_word_moves_pieces_and_mails_and_is_written_down() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        for (resolution, state, left, mails) in [
            (
                Resolution::Paid,
                State::Success,
                3,
                vec![(Status::Success, Audience::Buyer), (Status::Success, Audience::Seller)],
            ),
            (Resolution::Failed, State::Failure, 5, vec![(Status::Failure, Audience::Buyer)]),
        ] {
            let (teapot, payment) = contradicted(&database, 5, resolution.as_str()).await;
            let id = payment.record().id;
            let settled = resolve(&database, &payment, resolution).await.unwrap();
            assert_eq!(stored(&database, id).await.record().state, state, "{kind:?}");
            assert_eq!((settled.attention(), stock(&database, &teapot).await), (None, left));
            let timeline = PaymentQueries::timeline(&*database, id, soon()).await.unwrap();
            let told: Vec<_> = timeline.mails.iter().map(|mail| (mail.status, mail.audience)).collect();
            assert_eq!(told, mails, "{kind:?}");
            let resolved = timeline.events.iter().find(|(event, _)| event.kind == EventKind::Resolved(resolution));
            assert_eq!(resolved.map(|(_, cause)| cause.as_str()), Some("operator"));
            let log = database.entries(About::Thing(id.to_string()), 9, soon()).await.unwrap();
            let said = format!("{} by ada: seen in the dashboard ß", resolution.as_str());
            assert_eq!(log.iter().map(|entry| entry.details.clone()).collect::<Vec<_>>(), [said]);
            // A resolved payment stays so when the gateway repeats its report.
            let mut odd = report(&payment, "t-1", TransactionStatus::Settlement);
            odd.transaction.amount = money(20_071);
            assert_eq!(tell(&database, &odd, &payment, now() + TimeDelta::hours(1)).await.attention(), None);
        }
        let nobody = database.resolve(PaymentId::generate(), &ruling(Resolution::Paid), now(), soon()).await.unwrap();
        assert!(nobody.is_none());
        assert_audited(&database).await;
    }
}

#[tokio::test]
async fn who_is_refused_has_changed_nothing() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (ada, bob) = (seller(&database, "ada@example.com").await, buyer(&database, "bob@example.com").await);
        let teapot = offer(&database, ada, "Teapot", 5).await;
        let payment = place(&database, &order(bob, &teapot, 2)).await;
        for &resolution in Resolution::ALL {
            assert_eq!(resolve(&database, &payment, resolution).await.unwrap_err(), ResolutionError::NothingWaits);
        }
        assert_eq!(stored(&database, payment.record().id).await, payment, "{kind:?}");
        let log = database.entries(About::Everything, 9, soon()).await.unwrap();
        assert!(log.is_empty(), "{log:?}");
    }
}

#[tokio::test]
async fn pieces_that_were_given_back_are_reserved_again_or_told_to_be_missing() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (ada, bob) = (seller(&database, "ada@example.com").await, buyer(&database, "bob@example.com").await);
        let teapot = offer(&database, ada, "Teapot", 2).await;
        let late = now() + TimeDelta::days(2);
        let payment = place(&database, &order(bob, &teapot, 2)).await;
        let expire: Change = Box::new(move |payment| {
            payment.expire(late);
            ReportOutcome::News
        });
        database.change(payment.record().id, Cause::Check, expire, late, soon()).await.unwrap();
        let other = place(&database, &order(bob, &teapot, 1)).await;
        let mut odd = report(&payment, "t-1", TransactionStatus::Settlement);
        odd.transaction.amount = money(20_071);
        tell(&database, &odd, &payment, late).await;
        let settled = resolve(&database, &payment, Resolution::Paid).await.unwrap();
        assert_eq!((settled.record().state, settled.attention()), (State::Success, Some(Attention::Unfulfilled)));
        let backlog = database.backlog(late, soon()).await.unwrap();
        assert_eq!((backlog.contradicted, backlog.unfulfilled), (0, 1), "{kind:?}");
        assert_eq!(resolve(&database, &payment, Resolution::Paid).await.unwrap_err(), ResolutionError::NoPieces);
        assert_audited(&database).await;
        // The other order ends, and its piece is given back.
        learn(&database, &other, TransactionStatus::Cancel, late).await;
        let settled = resolve(&database, &payment, Resolution::Paid).await.unwrap();
        assert_eq!((settled.record().reservation, settled.attention()), (Reservation::Sold, None));
        assert_eq!(stock(&database, &teapot).await, 0, "{kind:?}");
        assert_audited(&database).await;
    }
}
