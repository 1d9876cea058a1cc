//! Fills a database with demonstration accounts and products.
//!
//! `catalogue.rs` makes the accounts and products from the words in `words.rs`; [`seed`] adds the missing ones to the database;
//! `progress.rs` shows the progress.

pub(crate) mod catalogue;
pub(crate) mod progress;
mod words;

use app::clock::Deadline;
use app::user::{PasswordHasher, UserQueries};
use catalogue::ACCOUNTS;
use domain::error::Error;
use persistence::Database;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How many products one call adds: enough to share its cost, few enough for little memory.
const BATCH: u64 = 20_000;

/// How long the database has for a batch: far longer than it should take.
const BATCH_TIME: Duration = Duration::from_secs(120);

/// What has been added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeded {
    pub accounts: usize,
    pub products: usize,
    /// Products that existed before.
    pub found: usize,
    /// Whether it was stopped before all existed.
    pub was_stopped: bool,
}

/// Adds the missing ones of the demonstration accounts and of the first `count` demonstration products. `stop` ends it between two
/// batches; `tell` gets the number of products after each.
///
/// # Errors
/// [`ErrorCode::EmailTaken`](domain::error::ErrorCode::EmailTaken) where somebody else has the e-mail address of a
/// demonstration account, and what the database fails with. What has been added stays.
pub async fn seed(
    database: &Database,
    passwords: &dyn PasswordHasher,
    count: u64,
    stop: &CancellationToken,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Seeded, Error> {
    let mut seeded = Seeded { accounts: add_accounts(database, passwords).await?, ..Seeded::default() };
    let mut next = 0;
    while next < count && !stop.is_cancelled() {
        let end = count.min(next + BATCH);
        let products: Vec<_> = (next..end).map(catalogue::product).collect::<Result<_, _>>()?;
        let made = products.len();
        let added = database.add_missing_products(products, Deadline::within(BATCH_TIME)).await?;
        seeded.products += added;
        seeded.found += made.saturating_sub(added);
        next = end;
        tell(next);
    }
    seeded.was_stopped = next < count;
    Ok(seeded)
}

async fn add_accounts(database: &Database, passwords: &dyn PasswordHasher) -> Result<usize, Error> {
    let by = Deadline::within(BATCH_TIME);
    let mut users = Vec::with_capacity(ACCOUNTS.len());
    for (place, account) in (0..).zip(&ACCOUNTS) {
        // Hashing takes long, so it is only done for a missing account.
        if database.profile(catalogue::account_id(place)?, by).await?.is_none() {
            let permit = passwords.admit(by).await?;
            let hash = passwords.hash(catalogue::password()?, permit, by).await?;
            users.push(catalogue::account(place, account, hash)?);
        }
    }
    database.add_missing_users(users, by).await
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring;
    use app::product::{Filter, ProductQueries};
    use app::user::{PasswordCheck, Users};
    use domain::error::ErrorCode;
    use domain::user::PasswordAttempt;
    use settings::{Settings, Sources};
    use std::sync::Arc;
    use tempfile::TempDir;

    /// A database in a temporary folder, and what hashes passwords cheaply.
    async fn shop() -> (TempDir, Arc<Database>, impl PasswordHasher) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("shop.db").display());
        let overrides = vec![("database.url".to_owned(), url)];
        let sources = Sources { environment: Some("test".to_owned()), overrides, ..Sources::default() };
        let settings = Settings::load(&sources).unwrap();
        persistence::migrate(&wiring::database(&settings)).unwrap();
        let database = Database::open(wiring::database(&settings)).unwrap();
        (folder, database, wiring::passwords(&settings).unwrap())
    }

    async fn seeded(database: &Database, passwords: &impl PasswordHasher, count: u64) -> Seeded {
        seed(database, passwords, count, &CancellationToken::new(), &mut |_| {}).await.unwrap()
    }

    fn by() -> Deadline {
        Deadline::within(Duration::from_secs(30))
    }

    #[tokio::test]
    async fn what_is_there_is_not_added_again() {
        let (_folder, database, passwords) = shop().await;
        let first = seeded(&database, &passwords, 30).await;
        assert_eq!(first, Seeded { accounts: 4, products: 30, found: 0, was_stopped: false });
        let again = seeded(&database, &passwords, 30).await;
        assert_eq!(again, Seeded { accounts: 0, products: 0, found: 30, was_stopped: false });
        let more = seeded(&database, &passwords, 50).await;
        assert_eq!(more, Seeded { accounts: 0, products: 20, found: 30, was_stopped: false });
        assert_eq!(database.count_products(&Filter::default(), by()).await.unwrap(), 50);
    }

    #[tokio::test]
    async fn what_is_made_can_be_used() {
        let (_folder, database, passwords) = shop().await;
        seeded(&database, &passwords, 30).await;
        for account in &ACCOUNTS {
            let email = domain::user::Email::parse(account.email).unwrap();
            let user = database.find_by_email(&email, by()).await.unwrap().unwrap();
            assert_eq!((user.role(), user.name().as_str()), (account.role, account.name));
            let attempt = PasswordAttempt::parse(catalogue::PASSWORD).unwrap();
            let permit = passwords.admit(by()).await.unwrap();
            let verdict = passwords.verify(attempt, Some(user.password_hash().clone()), permit, by()).await.unwrap();
            assert_eq!(verdict, PasswordCheck::Right { renewed: None });
        }
        let made = catalogue::product(7).unwrap();
        assert_eq!(database.product(made.id(), by()).await.unwrap(), Some(made));
    }

    #[tokio::test]
    async fn it_stops_between_two_batches() {
        let (_folder, database, passwords) = shop().await;
        let stop = CancellationToken::new();
        let mut told = Vec::new();
        let mut tell = |done| {
            told.push(done);
            stop.cancel();
        };
        let seeded = seed(&database, &passwords, 3 * BATCH, &stop, &mut tell).await.unwrap();
        assert!(seeded.was_stopped && seeded.products as u64 == BATCH, "{seeded:?}");
        assert_eq!(told, [BATCH]);
    }

    #[tokio::test]
    async fn an_account_of_somebody_else_is_not_touched() {
        let (_folder, database, passwords) = shop().await;
        let permit = passwords.admit(by()).await.unwrap();
        let hash = passwords.hash(catalogue::password().unwrap(), permit, by()).await.unwrap();
        let stranger = catalogue::account(99, &ACCOUNTS[3], hash).unwrap();
        database.add(&stranger, by()).await.unwrap();
        let error = seed(&database, &passwords, 1, &CancellationToken::new(), &mut |_| {}).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::EmailTaken);
    }
}
