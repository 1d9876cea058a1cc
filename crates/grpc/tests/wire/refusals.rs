//! Clients that try again at once when they are refused.

use crate::shop::{PATIENCE, Shop, register_request};
use domain::error::ErrorCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use test_doubles::StorageBehavior;
use tokio::task::JoinSet;
use tonic::Code;

/// More than are answered at once.
const EAGER: usize = 64;

#[tokio::test]
async fn many_refusals_are_held_back_while_others_are_served() {
    let shop = Arc::new(Shop::open());
    shop.set_storage_behavior(StorageBehavior::Fail(ErrorCode::Overloaded));
    let patience = Instant::now() + PATIENCE;
    let mut eager = JoinSet::new();
    let again = |eager: &mut JoinSet<_>| {
        let shop = Arc::clone(&shop);
        eager.spawn(async move {
            let refused = shop.profile().await.unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
        });
    };
    (0..EAGER).for_each(|_| again(&mut eager));
    while shop.refusals.gauges().1 < EAGER / 2 {
        assert!(Instant::now() < patience, "no refusal is held back");
        tokio::select! {
            Some(refused) = eager.join_next() => {
                refused.unwrap();
                again(&mut eager);
            }
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    let mut wrong = register_request();
    wrong.email = "nobody".to_owned();
    let answered = shop.commands().await.register_user(wrong).await.unwrap_err();
    assert_eq!(answered.code(), Code::InvalidArgument, "nobody waits who is not refused");
    while let Some(refused) = eager.join_next().await {
        refused.unwrap();
    }
    assert_eq!(shop.refusals.gauges().1, 0);
}
