//! A replica that cannot answer, tested with a server that is primary and replica.

#![cfg(feature = "postgres")]

use super::*;
use crate::support::{Kind, TestDatabase, servers, soon};
use app::client::ClientAddress;
use app::clock::SystemClock;
use app::context::{Context, Query, RequestId};
use domain::actor::Actor;
use domain::error::ErrorCode;
use std::sync::atomic::AtomicU32;
use tokio::task::JoinSet;

const SOON: Duration = Duration::from_secs(60);

struct Fixture {
    test: TestDatabase,
    primary: Arc<Database>,
    replica: Arc<Replica>,
    /// Ends with this value.
    _watching: JoinSet<()>,
}

/// A database that is its own replica for another account; `None` where there is no PostgreSQL.
fn fixture(account: &str, rights: &str) -> Option<Fixture> {
    let kind = servers().into_iter().find(|kind| *kind == Kind::Postgres)?;
    let test = TestDatabase::migrated(kind);
    test.raw().execute(&format!("CREATE ROLE {account} LOGIN PASSWORD 'p'; {rights}"));
    let (_, address) = test.url.rsplit_once('@').unwrap();
    let read_url = format!("postgres://{account}:p@{address}");
    let statement_timeout = Duration::from_millis(700);
    let options = Options { read_url: Some(read_url.into()), statement_timeout, pool_size: 1, ..test.options() };
    let (primary, replica) = (Database::open(options.clone()).unwrap(), Replica::open(&options).unwrap().unwrap());
    let mut watching = JoinSet::new();
    watching.spawn(Arc::clone(&replica).watch(Arc::new(SystemClock)));
    Some(Fixture { test, primary, replica, _watching: watching })
}

impl Fixture {
    async fn until_used(&self, is_used: bool) {
        let begun = Instant::now();
        while self.replica.report().is_used != is_used {
            assert!(begun.elapsed() < SOON, "{:?}", self.replica.report());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn lists(&self) -> ReplicatedLists {
        ReplicatedLists::new(Arc::clone(&self.primary), Some(Arc::clone(&self.replica)))
    }

    fn drop_account(&self, account: &str) {
        self.test.raw().execute(&format!("DROP OWNED BY {account}; DROP ROLE {account}"));
    }
}

fn reader() -> Reader {
    let client = ClientAddress::new([192, 0, 2, 1].into());
    Context::<Query>::new(Actor::Anonymous, client, RequestId::accept(None), soon()).reader()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_on_the_replica_is_not_run_again_on_the_primary() {
    let account = format!("slow_{}", uuid::Uuid::now_v7().simple());
    let rights = format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {account}");
    let Some(fixture) = fixture(&account, &rights) else { return };
    fixture.until_used(true).await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let sleep = move |connection: &mut AnyConnection| {
        counted.fetch_add(1, Ordering::Relaxed);
        diesel::RunQueryDsl::execute(diesel::sql_query("SELECT pg_sleep(30)"), connection)
    };
    let failure = fixture.lists().read(reader(), JobKind::LongRead, soon(), sleep).await.unwrap_err();
    assert_eq!(Error::from(failure).code(), ErrorCode::Unavailable);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert!(fixture.replica.report().is_used);
    fixture.drop_account(&account);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_shows_marks_and_no_products_is_left_out_until_it_does() {
    let account = format!("blind_{}", uuid::Uuid::now_v7().simple());
    let Some(fixture) = fixture(&account, &format!("GRANT SELECT ON write_marks TO {account}")) else { return };
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        assert!(!fixture.replica.report().is_used);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fixture.test.raw().execute(&format!("GRANT SELECT ON products TO {account}"));
    fixture.until_used(true).await;
    fixture.test.raw().execute(&format!("REVOKE SELECT ON products FROM {account}"));
    assert_eq!(fixture.lists().count(&Filter::default(), reader(), soon()).await.unwrap(), 0);
    assert!(!fixture.replica.report().is_used);
    fixture.drop_account(&account);
}
