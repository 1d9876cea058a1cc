//! More password hashing than the machine can handle.

use domain::error::ErrorCode;
use std::time::Duration;
use testkit::client::ada;
use testkit::member::register_and_log_in;
use testkit::world::World;
use tokio::task::JoinSet;

/// One thread that needs a good part of a second per hash, and a short queue.
pub const SETTINGS: &[(&str, &str)] =
    &[("auth.hash_threads", "1"), ("auth.hash_queue", "2"), ("auth.bcrypt_cost", "10")];

pub async fn more_hashing_than_is_queued_is_refused_while_reads_go_on(world: &World) {
    let owner = register_and_log_in(&*world.client(), &ada()).await;
    let reader = world.client().with_authorization(&owner.token);
    let mut storm = JoinSet::new();
    for at in 0..24 {
        let (client, form) = (world.client(), ada().email(format!("ada{at}@example.com")));
        storm.spawn(async move { client.register(&form).await });
    }
    let (mut opened, mut reads) = (0, 0);
    let mut refused = Vec::new();
    while !storm.is_empty() {
        tokio::select! {
            Some(outcome) = storm.join_next() => match outcome.unwrap() {
                Ok(_) => opened += 1,
                Err(call_error) => refused.push(call_error),
            },
            profile = reader.profile(&owner.id) => {
                assert_eq!(profile.unwrap().id, owner.id);
                reads += 1;
            }
        }
    }
    assert!(
        opened >= 1 && !refused.is_empty() && reads >= 1,
        "{opened} opened, {} refused, {reads} reads",
        refused.len()
    );
    for call_error in refused {
        assert_eq!(call_error.code, ErrorCode::Overloaded);
        assert!(call_error.retry_after.is_some_and(|wait| wait >= Duration::from_secs(1)), "{call_error:?}");
    }
    world.client().register(&ada().email("after@example.com")).await.unwrap();
}
