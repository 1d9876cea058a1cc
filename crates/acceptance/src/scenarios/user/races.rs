//! Concurrent calls.

use domain::error::ErrorCode;
use testkit::client::{PASSWORD, ada};
use testkit::world::World;
use tokio::task::JoinSet;

/// The queue holds all calls, because these scenarios are about the race, not the bound.
pub const SETTINGS: &[(&str, &str)] = &[("auth.hash_queue", "64")];

const RACERS: usize = 50;

pub async fn of_fifty_at_once_with_one_email_one_wins(world: &World) {
    let mut race = JoinSet::new();
    for at in 0..RACERS {
        let email = if at % 2 == 0 { "ada@example.com" } else { "ADA@Example.com" };
        let (client, form) = (world.client(), ada().email(email).name(format!("Ada {at}")));
        race.spawn(async move { client.register(&form).await });
    }
    let (winners, losers): (Vec<_>, Vec<_>) = race.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((winners.len(), losers.len()), (1, RACERS - 1));
    for loser in losers {
        let call_error = loser.unwrap_err();
        assert_eq!(call_error.code, ErrorCode::EmailTaken, "{call_error:?}");
    }
    let rows = world.database.texts("SELECT id AS value FROM users");
    assert_eq!(rows, [winners.into_iter().next().unwrap().unwrap().id]);
    world.client().login("ada@example.com", PASSWORD).await.unwrap();
}

pub async fn fifty_at_once_with_emails_of_their_own_all_win(world: &World) {
    let mut race = JoinSet::new();
    for at in 0..RACERS {
        let (client, form) = (world.client(), ada().email(format!("ada{at}@example.com")));
        race.spawn(async move { client.register(&form).await.unwrap().id });
    }
    let mut ids = race.join_all().await;
    let mut rows = world.database.texts("SELECT id AS value FROM users");
    ids.sort();
    rows.sort();
    assert_eq!(ids, rows);
}
