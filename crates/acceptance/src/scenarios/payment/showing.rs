//! Who may read a payment.

use crate::scenarios::product::browsing::forged;
use crate::scenarios::user::assert_fields;
use domain::error::ErrorCode;
use testkit::client::{PaymentQuery, Protocol};
use testkit::member::member;
use testkit::payment_fixture::{PaymentFixture, anonymous, refused};
use testkit::world::World;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_payment_is_its_buyers_and_its_sellers_alone(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let payment = fixture.order(1).await;
    for (role, email) in [("buyer", "eve@example.com"), ("seller", "grace@example.com")] {
        let other = member(world, role, email).await.client;
        assert_eq!(refused(other.payment(&payment.id)).await, (ErrorCode::Forbidden, "forbidden access".to_owned()));
        assert_eq!(refused(other.timeline(&payment.id)).await.0, ErrorCode::Forbidden);
        assert_eq!(other.watch(&payment.id, 0).await.err().unwrap().code, ErrorCode::Forbidden);
        assert!(other.payments(&Default::default()).await.unwrap().items.is_empty());
    }
    assert_eq!(refused(anonymous(world).payment(&payment.id)).await.0, ErrorCode::TokenMissing);
    for unknown in [uuid::Uuid::now_v7().to_string(), "1".to_owned()] {
        let told = refused(fixture.buyer.client.payment(&unknown)).await;
        assert_eq!(told, (ErrorCode::PaymentNotFound, "Payment not found".to_owned()));
    }
}

pub async fn a_forged_cursor_is_refused_or_harmless(world: &World) {
    let fixture = PaymentFixture::create(world, 5).await;
    let (first, _) = (fixture.order(1).await, fixture.order(1).await);
    let field = match world.protocol() {
        Protocol::Rest => "cursor",
        Protocol::Grpc => "page_token",
    };
    let message =
        format!("invalid cursor: {field} must be one that the same list gave, with the same filters and order");
    for member in [&fixture.buyer, &fixture.seller] {
        let query =
            |cursor: &str| PaymentQuery { limit: Some(1), cursor: cursor.to_owned(), ..PaymentQuery::default() };
        let cursor = member.client.payments(&query("")).await.unwrap().next.unwrap();
        for parts in [
            ["18446744073709551615", "0", &first.id],
            ["9007199254740993", "0", &first.id],
            ["1", "253402300800000000", &first.id],
            ["1", "9223372036854775807", &first.id],
            ["1", "-9223372036854775808", &first.id],
            ["1", "\0", &first.id],
            ["1", "0", "\0"],
            ["1", "c", "0"],
        ] {
            let outcome = member.client.payments(&query(&forged(&cursor, &parts))).await;
            assert_eq!(assert_fields(outcome, &[(field, &message)]).message, message, "{parts:?}");
        }
        for at in ["-62135596800000000", "0", "253402300799999999"] {
            for offset in ["0", "9007199254740992"] {
                member.client.payments(&query(&forged(&cursor, &[offset, at, &first.id]))).await.unwrap();
            }
        }
    }
}
