//! Paying on the gateway's page, and what follows.

use domain::error::ErrorCode;
use testkit::client::{PaymentQuery, TimelineEntry, change};
use testkit::payment_fixture::{PaymentFixture, mails, press};
use testkit::world::World;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

pub async fn an_order_is_paid_and_both_sides_are_told(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(2).await;
    press(world, &payment, "pay").await;
    fixture.wait_for_status(world, &payment, "success").await;
    assert_eq!(fixture.stock().await, 3);
    assert_eq!(mails(world, &payment), ["pending buyer", "success buyer", "success seller"]);
    world
        .wait_until("all mails are logged", async || {
            world.database.texts("SELECT id AS value FROM mails WHERE state <> 'logged'").is_empty()
        })
        .await;
    let timeline = fixture.seller.client.timeline(&payment.id).await.unwrap();
    let kinds: Vec<_> = timeline.iter().map(|line| line.kind.as_str()).collect();
    for kind in ["ordered", "opened", "notification", "status", "sold", "mail"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert!(
        timeline.contains(&TimelineEntry { kind: "sold".to_owned(), text: "2 pieces sold".to_owned() }),
        "{timeline:?}"
    );
    let mail = TimelineEntry { kind: "mail".to_owned(), text: "success to the seller: logged, not sent".to_owned() };
    assert!(timeline.contains(&mail), "{timeline:?}");
    assert!(!format!("{timeline:?}").contains('@'), "nobody's address is told: {timeline:?}");
}

pub async fn an_order_that_is_cancelled_or_not_paid_gives_its_pieces_back_once(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    for (button, status) in [("cancel", "cancel"), ("expire", "expire")] {
        let payment = fixture.order(2).await;
        assert_eq!(fixture.stock().await, 3);
        press(world, &payment, button).await;
        fixture.wait_for_status(world, &payment, status).await;
        assert_eq!(fixture.stock().await, 5, "{status}");
        assert_eq!(mails(world, &payment), ["pending buyer".to_owned(), format!("{status} buyer")]);
    }
}

pub async fn pieces_come_back_to_a_shelf_that_was_filled_meanwhile(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    for (stock, then) in [(i32::MAX - 1, i32::MAX), (i32::MAX - 2, i32::MAX), (i32::MAX - 3, i32::MAX - 1)] {
        let payment = fixture.order(2).await;
        fixture.seller.client.update(&fixture.product.id, &change().stock(stock)).await.unwrap();
        press(world, &payment, "cancel").await;
        fixture.wait_for_status(world, &payment, "cancel").await;
        assert_eq!(fixture.stock().await, then, "{stock}");
    }
}

pub async fn a_refused_attempt_may_be_followed_by_one_that_is_not(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(2).await;
    press(world, &payment, "deny").await;
    fixture.wait_for_status(world, &payment, "deny").await;
    assert_eq!(fixture.stock().await, 3, "the pieces are kept while the page is open");
    press(world, &payment, "pay").await;
    fixture.wait_for_status(world, &payment, "success").await;
    assert_eq!(fixture.stock().await, 3);
}

pub async fn money_that_is_given_back_is_told_and_the_pieces_stay_sold(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(2).await;
    press(world, &payment, "pay").await;
    fixture.wait_for_status(world, &payment, "success").await;
    press(world, &payment, "refund").await;
    fixture.wait_for_status(world, &payment, "refund").await;
    assert_eq!(fixture.stock().await, 3);
    let timeline = fixture.buyer.client.timeline(&payment.id).await.unwrap();
    assert!(timeline.iter().any(|line| line.text == "20000 given back in all"), "{timeline:?}");
}

pub async fn an_order_that_nobody_pays_expires_by_itself(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(2).await;
    // An hour to pay, ten minutes of grace, and ten more in which the gateway may send a notification.
    world.clock.advance(81 * 60);
    fixture.wait_for_status(world, &payment, "expire").await;
    assert_eq!(fixture.stock().await, 5);
}

pub async fn buyers_see_purchases_and_sellers_sales_piece_by_piece(world: &World) {
    let fixture = PaymentFixture::create(world, 50).await;
    let mut ordered = Vec::new();
    for _ in 0..5 {
        ordered.push(fixture.order(1).await.id);
    }
    let paid = fixture.buyer.client.payment(&ordered[2]).await.unwrap();
    press(world, &paid, "pay").await;
    fixture.wait_for_status(world, &paid, "success").await;
    ordered.reverse();
    for client in [&fixture.buyer.client, &fixture.seller.client] {
        let mut query = PaymentQuery { limit: Some(2), ..PaymentQuery::default() };
        let mut walked = Vec::new();
        loop {
            let piece = client.payments(&query).await.unwrap();
            assert!(piece.total.is_none_or(|total| total == 5), "{piece:?}");
            walked.extend(piece.items.into_iter().map(|payment| payment.id));
            match piece.next {
                Some(cursor) => query.cursor = cursor,
                None => break,
            }
        }
        assert_eq!(walked, ordered);
        let successes = PaymentQuery { status: "success".to_owned(), ..PaymentQuery::default() };
        let found = client.payments(&successes).await.unwrap().items;
        assert_eq!(found.iter().map(|payment| &payment.id).collect::<Vec<_>>(), [&paid.id]);
    }
    let sale = fixture.seller.client.payment(&paid.id).await.unwrap();
    assert_eq!((sale.payment_url.as_str(), sale.token.as_str()), ("", ""), "the page is the buyer's");
    let odd = PaymentQuery { status: "paid".to_owned(), ..PaymentQuery::default() };
    assert_eq!(fixture.buyer.client.payments(&odd).await.unwrap_err().code, ErrorCode::InvalidRequest);
}
