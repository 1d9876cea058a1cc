//! Ordering.

use domain::error::ErrorCode;
use testkit::client::{change, teapot};
use testkit::payment_fixture::{PaymentFixture, anonymous, refused};
use testkit::world::World;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

pub async fn an_order_is_made_reserves_its_pieces_and_keeps_what_was_ordered(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(2).await;
    assert_eq!((payment.quantity, payment.total_amount.as_str(), payment.status.as_str()), (2, "20000", "pending"));
    assert_eq!((&payment.product_id, &payment.user_id), (&fixture.product.id, &fixture.buyer.id));
    let groups: Vec<_> = payment.payment_code.split('-').collect();
    assert!(groups.len() == 4 && groups[0] == "GC" && groups[1..].iter().all(|group| group.len() == 4), "{payment:?}");
    assert!(payment.payment_url.contains("/simulator/") && payment.token.len() == 36, "{payment:?}");
    assert_eq!((payment.product.name.as_str(), payment.product.stock), (fixture.product.name.as_str(), 3));
    assert_eq!(fixture.stock().await, 3);
    assert_eq!(fixture.buyer.client.payment(&payment.id).await.unwrap(), payment);
}

pub async fn what_is_ordered_over_one_protocol_is_read_over_the_other(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(1).await;
    let other = world.other_client().with_authorization(&fixture.buyer.token);
    assert_eq!(other.payment(&payment.id).await.unwrap(), payment);
}

pub async fn a_payment_keeps_what_was_bought_whatever_becomes_of_the_product(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(1).await;
    fixture.seller.client.update(&fixture.product.id, &change().name("Kettle").price("1")).await.unwrap();
    fixture.seller.client.delete(&fixture.product.id).await.unwrap();
    let kept = fixture.buyer.client.payment(&payment.id).await.unwrap();
    assert_eq!(kept.product, payment.product);
    let gone = refused(fixture.buyer.client.order(&fixture.product.id, 1)).await;
    assert_eq!(gone, (ErrorCode::OrderedProductNotFound, "product not found".to_owned()));
}

pub async fn an_order_that_cannot_be_is_refused_and_takes_nothing(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let buyer = &fixture.buyer.client;
    let id = fixture.product.id.as_str();
    let stranger = uuid::Uuid::now_v7().to_string();
    for (product, quantity, code, message) in [
        ("", 1, ErrorCode::InvalidRequest, "product_id is empty"),
        (id, 0, ErrorCode::InvalidRequest, "quantity is empty"),
        (id, -1, ErrorCode::InvalidRequest, "quantity must be a whole number from 1 to 2147483647"),
        (&stranger, 1, ErrorCode::OrderedProductNotFound, "product not found"),
        ("teapot", 1, ErrorCode::OrderedProductNotFound, "product not found"),
        (id, 6, ErrorCode::InsufficientStock, "insufficient stock"),
        (id, i32::MAX, ErrorCode::InsufficientStock, "insufficient stock"),
    ] {
        let told = refused(buyer.order(product, quantity)).await;
        assert_eq!(told, (code, message.to_owned()), "{quantity} of {product}");
    }
    let both = buyer.order("", 0).await.unwrap_err();
    assert_eq!(both.fields.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["product_id", "quantity"]);
    assert_eq!(fixture.stock().await, 5);
    assert!(world.database.texts("SELECT id AS value FROM payments").is_empty());
}

pub async fn only_buyers_order(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let id = &fixture.product.id;
    assert_eq!(refused(anonymous(world).order(id, 1)).await.0, ErrorCode::TokenMissing);
    assert_eq!(refused(world.client().with_authorization("rubbish").order(id, 1)).await.0, ErrorCode::TokenInvalid);
    assert_eq!(refused(fixture.seller.client.order(id, 1)).await.0, ErrorCode::RoleNotAllowed);
}

pub async fn a_total_that_the_gateway_cannot_carry_is_refused_before_anything_is_reserved(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let offered = async |price: &str| fixture.seller.client.create(&teapot().price(price).stock(9)).await.unwrap().id;
    let (dear, odd, vast) = (offered("999999999").await, offered("0.50").await, offered("9999999999999.99").await);
    for (product, quantity, message) in [
        (&dear, 2, "the total must not be more than 999999999; lower quantity"),
        (&vast, 9, "the total must not be more than 999999999; lower quantity"),
        (&odd, 1, "the total must be 1 or more; raise quantity"),
        (&odd, 3, "the total of 1.5 cannot be paid: it must be whole rupiah; choose another quantity"),
    ] {
        let told = refused(fixture.buyer.client.order(product, quantity)).await;
        assert_eq!(told, (ErrorCode::InvalidRequest, message.to_owned()));
    }
    let whole = fixture.buyer.client.order(&odd, 4).await.unwrap();
    assert_eq!(whole.total_amount, "2");
    assert_eq!(fixture.buyer.client.product(&dear).await.unwrap().stock, 9);
}
