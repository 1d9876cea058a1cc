//! Paying on the gateway's page, and what follows.

use domain::error::ErrorCode;
use testkit::shop::{Happening, PaymentQuery, change};
use testkit::stall::{Stall, mails, press};
use testkit::world::World;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

pub async fn an_order_is_paid_and_both_sides_are_told(world: &World) {
    let stall = Stall::open(world, 5).await;
    let payment = stall.order(2).await;
    press(world, &payment, "pay").await;
    stall.until(world, &payment, "success").await;
    assert_eq!(stall.stock().await, 3);
    assert_eq!(mails(world, &payment), ["pending buyer", "success buyer", "success seller"]);
    world
        .until("all mails are logged", async || {
            world.database.texts("SELECT id AS value FROM mails WHERE state <> 'logged'").is_empty()
        })
        .await;
    let story = stall.seller.shop.timeline(&payment.id).await.unwrap();
    let kinds: Vec<_> = story.iter().map(|line| line.kind.as_str()).collect();
    for kind in ["ordered", "opened", "notification", "status", "sold", "mail"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert!(story.contains(&Happening { kind: "sold".to_owned(), text: "2 pieces sold".to_owned() }), "{story:?}");
    let mail = Happening { kind: "mail".to_owned(), text: "success to the seller: logged, not sent".to_owned() };
    assert!(story.contains(&mail), "{story:?}");
    assert!(!format!("{story:?}").contains('@'), "nobody's address is told: {story:?}");
}

pub async fn an_order_that_is_cancelled_or_not_paid_gives_its_pieces_back_once(world: &World) {
    let stall = Stall::open(world, 5).await;
    for (button, status) in [("cancel", "cancel"), ("expire", "expire")] {
        let payment = stall.order(2).await;
        assert_eq!(stall.stock().await, 3);
        press(world, &payment, button).await;
        stall.until(world, &payment, status).await;
        assert_eq!(stall.stock().await, 5, "{status}");
        assert_eq!(mails(world, &payment), ["pending buyer".to_owned(), format!("{status} buyer")]);
    }
}

pub async fn pieces_come_back_to_a_shelf_that_was_filled_meanwhile(world: &World) {
    let stall = Stall::open(world, 5).await;
    for (stock, then) in [(i32::MAX - 1, i32::MAX), (i32::MAX - 2, i32::MAX), (i32::MAX - 3, i32::MAX - 1)] {
        let payment = stall.order(2).await;
        stall.seller.shop.update(&stall.product.id, &change().stock(stock)).await.unwrap();
        press(world, &payment, "cancel").await;
        stall.until(world, &payment, "cancel").await;
        assert_eq!(stall.stock().await, then, "{stock}");
    }
}

pub async fn a_refused_attempt_may_be_followed_by_one_that_is_not(world: &World) {
    let stall = Stall::open(world, 5).await;
    let payment = stall.order(2).await;
    press(world, &payment, "deny").await;
    stall.until(world, &payment, "deny").await;
    assert_eq!(stall.stock().await, 3, "the pieces are kept while the page is open");
    press(world, &payment, "pay").await;
    stall.until(world, &payment, "success").await;
    assert_eq!(stall.stock().await, 3);
}

pub async fn money_that_is_given_back_is_told_and_the_pieces_stay_sold(world: &World) {
    let stall = Stall::open(world, 5).await;
    let payment = stall.order(2).await;
    press(world, &payment, "pay").await;
    stall.until(world, &payment, "success").await;
    press(world, &payment, "refund").await;
    stall.until(world, &payment, "refund").await;
    assert_eq!(stall.stock().await, 3);
    let story = stall.buyer.shop.timeline(&payment.id).await.unwrap();
    assert!(story.iter().any(|line| line.text == "20000 given back in all"), "{story:?}");
}

pub async fn an_order_that_nobody_pays_expires_by_itself(world: &World) {
    let stall = Stall::open(world, 5).await;
    let payment = stall.order(2).await;
    // An hour to pay, ten minutes of grace, and ten more in which the gateway might have told of something.
    world.clock.advance(81 * 60);
    stall.until(world, &payment, "expire").await;
    assert_eq!(stall.stock().await, 5);
}

pub async fn buyers_see_purchases_and_sellers_sales_piece_by_piece(world: &World) {
    let stall = Stall::open(world, 50).await;
    let mut ordered = Vec::new();
    for _ in 0..5 {
        ordered.push(stall.order(1).await.id);
    }
    let paid = stall.buyer.shop.payment(&ordered[2]).await.unwrap();
    press(world, &paid, "pay").await;
    stall.until(world, &paid, "success").await;
    ordered.reverse();
    for shop in [&stall.buyer.shop, &stall.seller.shop] {
        let mut query = PaymentQuery { limit: Some(2), ..PaymentQuery::default() };
        let mut walked = Vec::new();
        loop {
            let piece = shop.payments(&query).await.unwrap();
            assert!(piece.total.is_none_or(|total| total == 5), "{piece:?}");
            walked.extend(piece.items.into_iter().map(|payment| payment.id));
            match piece.next {
                Some(cursor) => query.cursor = cursor,
                None => break,
            }
        }
        assert_eq!(walked, ordered);
        let successes = PaymentQuery { status: "success".to_owned(), ..PaymentQuery::default() };
        let found = shop.payments(&successes).await.unwrap().items;
        assert_eq!(found.iter().map(|payment| &payment.id).collect::<Vec<_>>(), [&paid.id]);
    }
    let sale = stall.seller.shop.payment(&paid.id).await.unwrap();
    assert_eq!((sale.payment_url.as_str(), sale.token.as_str()), ("", ""), "the page is the buyer's");
    let odd = PaymentQuery { status: "paid".to_owned(), ..PaymentQuery::default() };
    assert_eq!(stall.buyer.shop.payments(&odd).await.unwrap_err().code, ErrorCode::InvalidRequest);
}
