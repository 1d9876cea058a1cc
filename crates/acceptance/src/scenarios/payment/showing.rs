//! Who may look at a payment.

use crate::scenarios::product::member;
use crate::stall::{Stall, nobody, refused};
use crate::world::World;
use domain::error::ErrorCode;

pub(crate) const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_payment_is_its_buyers_and_its_sellers_alone(world: &World) {
    let stall = Stall::open(world, 5).await;
    let payment = stall.order(1).await;
    for (role, email) in [("buyer", "eve@example.com"), ("seller", "grace@example.com")] {
        let other = member(world, role, email).await.shop;
        assert_eq!(refused(other.payment(&payment.id)).await, (ErrorCode::Forbidden, "forbidden access".to_owned()));
        assert_eq!(refused(other.timeline(&payment.id)).await.0, ErrorCode::Forbidden);
        assert_eq!(other.watch(&payment.id, 0).await.err().unwrap().code, ErrorCode::Forbidden);
        assert!(other.payments(&Default::default()).await.unwrap().items.is_empty());
    }
    assert_eq!(refused(nobody(world).payment(&payment.id)).await.0, ErrorCode::TokenMissing);
    for unknown in [uuid::Uuid::now_v7().to_string(), "1".to_owned()] {
        let told = refused(stall.buyer.shop.payment(&unknown)).await;
        assert_eq!(told, (ErrorCode::PaymentNotFound, "Payment not found".to_owned()));
    }
}
