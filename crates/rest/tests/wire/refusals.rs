//! Clients that try again at once when they are refused.

use crate::client::Answer;
use crate::shop::{PATIENCE, Shop};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// More than are answered at once.
const EAGER: usize = 64;

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.error(), (429, "rate_limited".to_owned()));
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

#[tokio::test]
async fn many_refusals_are_held_back_while_others_are_served() {
    let shop = Arc::new(Shop::open());
    *shop.ports.quota.lock().unwrap() = Some(crate::headers::quota(0, true));
    let patience = Instant::now() + PATIENCE;
    let mut eager = JoinSet::new();
    let again = |eager: &mut JoinSet<_>| {
        let shop = Arc::clone(&shop);
        eager.spawn(async move { assert_refused(&shop.profile("").await) });
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
    assert_eq!(shop.get("/nonsense").await.status, 404, "nobody waits who is not refused");
    while let Some(refused) = eager.join_next().await {
        refused.unwrap();
    }
    assert_eq!(shop.refusals.gauges().1, 0);
}
