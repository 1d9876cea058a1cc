//! A replica of the database that lags, pauses, crashes and freezes.

use crate::client::{bounded, clients, page, readiness};
use reqwest::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::binary::{Addresses, Process};
use testkit::client::{CallError, LoggedIn, PASSWORD, PaymentQuery, Product, Query, ShopClient, ada, change, teapot};
use testkit::database::DatabaseKind;
use testkit::database_server::DatabaseServer;
use testkit::raw::Answer;
use testkit::rest::RestClient;
use testkit::world::wait_until;
use tokio::task::JoinSet;

const TIME_LIMIT: Duration = Duration::from_secs(400);
/// The time within which a replica has to be left out, or to come back, on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(120);
/// Of what a replica that applies each transaction late is late by.
const DELAY: Duration = Duration::from_secs(3);

/// A primary and its replica.
struct Servers {
    primary: DatabaseServer,
    replica: DatabaseServer,
}

impl Servers {
    fn start(kind: DatabaseKind) -> Result<Self, String> {
        if kind == DatabaseKind::Mariadb && !cfg!(feature = "mysql") {
            return Err("built without the feature for mariadb".to_owned());
        }
        let primary = DatabaseServer::start_primary(kind)?;
        let replica = primary.start_replica()?;
        Ok(Self { primary, replica })
    }

    /// A server of the shop that uses a replica which lags by up to `max_lag` seconds.
    fn shop(&self, max_lag: &str) -> Process {
        let (url, read_url) = (self.primary.url(), self.replica.url());
        Process::serve(&[
            ("database.url", &url),
            ("database.read_url", &read_url),
            ("database.max_replica_lag_seconds", max_lag),
            ("database.migrate_on_start", "true"),
            ("rate_limit.enabled", "false"),
            ("trusted_proxies", "127.0.0.1"),
        ])
    }
}

/// The value of a metric in the line that begins with `start`.
async fn metric(addresses: Addresses, start: &str) -> u64 {
    let text = page(addresses.ops, "/metrics").await.body;
    let line = text.lines().find(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no metric {start}:\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn reads(addresses: Addresses, outcome: &str) -> u64 {
    metric(addresses, &format!("gocommerce_replica_reads{{outcome=\"{outcome}\"}}")).await
}

async fn until_replica_is(used: bool, addresses: Addresses) {
    let wanted = u64::from(used);
    wait_until(&format!("the replica is used: {used}"), SOON, async || {
        metric(addresses, "gocommerce_replica_used").await == wanted
    })
    .await;
}

async fn account(client: &dyn ShopClient, role: &str, name: &str) -> LoggedIn {
    let email = format!("{name}@example.com");
    client.register(&ada().role(role).email(&email)).await.unwrap();
    client.login(&email, PASSWORD).await.unwrap()
}

async fn listed(client: &dyn ShopClient, id: &str) -> Option<Product> {
    client.products(&Query::default().limit(100)).await.unwrap().items.into_iter().find(|product| product.id == id)
}

/// Everybody reads what they have written, wherever they read it.
async fn assert_own_writes_are_read(here: &dyn ShopClient, there: &dyn ShopClient, name: &str) {
    let seller = account(here, "seller", &format!("seller-{name}")).await;
    let (sells_here, sells_there) = (here.with_authorization(&seller.token), there.with_authorization(&seller.token));
    assert_eq!(sells_there.profile(&seller.id).await.unwrap().id, seller.id);

    let offered = sells_here.create(&teapot().price("10000").stock(9)).await.unwrap();
    assert_eq!(there.product(&offered.id).await.unwrap().stock, 9);
    assert!(listed(&*sells_there, &offered.id).await.is_some(), "the seller's own product is not in the list");
    assert!(listed(there, &offered.id).await.is_some(), "nor in the list for the same address");

    sells_here.update(&offered.id, &change().stock(5)).await.unwrap();
    assert_eq!(there.product(&offered.id).await.unwrap().stock, 5);
    assert_eq!(listed(&*sells_there, &offered.id).await.unwrap().stock, 5);

    let buyer = account(here, "buyer", &format!("buyer-{name}")).await;
    let (buys_here, buys_there) = (here.with_authorization(&buyer.token), there.with_authorization(&buyer.token));
    let order = buys_there.order(&offered.id, 2).await.unwrap();
    assert_eq!(buys_here.payment(&order.id).await.unwrap().id, order.id);
    let own = buys_here.payments(&PaymentQuery::default()).await.unwrap();
    assert_eq!(own.items.first().map(|payment| &payment.id), Some(&order.id));
    assert_eq!(listed(&*buys_here, &offered.id).await.unwrap().stock, 3);

    sells_there.delete(&offered.id).await.unwrap();
    assert!(listed(here, &offered.id).await.is_none(), "the withdrawn product is still in the list");
}

/// Who has written nothing reads from a replica that lags, however much others write.
async fn assert_strangers_read_the_replica(addresses: Addresses) {
    let before = reads(addresses, "replica").await;
    let request = RestClient::new(addresses.rest).request(Method::GET, "/products");
    let answer = Answer::of(request.header("X-Forwarded-For", "203.0.113.9")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(reads(addresses, "replica").await, before + 1);
}

fn assert_that_own_writes_are_read_from_a_late_replica(kind: DatabaseKind) -> Result<(), String> {
    let servers = Servers::start(kind)?;
    let (mut one, mut other) = (servers.shop("300"), servers.shop("300"));
    let (one, other) = (one.addresses(), other.addresses());
    bounded(TIME_LIMIT, async {
        for addresses in [one, other] {
            readiness(addresses.ops, 200, SOON).await;
            until_replica_is(true, addresses).await;
        }
        servers.replica.delay_replay(DELAY);
        for (protocol, (here, there)) in clients(one).into_iter().zip(clients(other)).enumerate() {
            assert_own_writes_are_read(&*here, &*there, &format!("late-{protocol}")).await;
        }
        servers.replica.pause_replay();
        for (protocol, (here, there)) in clients(one).into_iter().zip(clients(other)).enumerate() {
            assert_own_writes_are_read(&*here, &*there, &format!("paused-{protocol}")).await;
        }
        assert_strangers_read_the_replica(one).await;
        for addresses in [one, other] {
            assert!(reads(addresses, "not_yet").await > 0, "no read needed the primary");
            assert_eq!(metric(addresses, "gocommerce_replica_used").await, 1);
        }
        servers.replica.resume_replay();
        servers.replica.delay_replay(Duration::ZERO);
        // Once the replica has the last writes, it answers those who made them too.
        let [client, _] = clients(one);
        wait_until("the replica answers", SOON, async || {
            let before = reads(one, "replica").await;
            client.products(&Query::default()).await.unwrap();
            reads(one, "replica").await > before
        })
        .await;
    })
}

pub(crate) fn own_writes_are_read_beside_a_late_replica_of_postgresql() -> Result<(), String> {
    assert_that_own_writes_are_read_from_a_late_replica(DatabaseKind::Postgres)
}

pub(crate) fn own_writes_are_read_beside_a_late_replica_of_mariadb() -> Result<(), String> {
    assert_that_own_writes_are_read_from_a_late_replica(DatabaseKind::Mariadb)
}

/// Reads lists over both protocols without a pause, and keeps what failed.
struct Readers {
    tasks: JoinSet<Vec<(Duration, CallError)>>,
    is_over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

impl Readers {
    fn begin(addresses: Addresses) -> Self {
        let (is_over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for client in clients(addresses).into_iter().flat_map(|client| [Arc::clone(&client), client]) {
            tasks.spawn(read_lists(client, Arc::clone(&is_over), Arc::clone(&answered)));
        }
        Self { tasks, is_over, answered }
    }

    /// Waits until lists have been read since now, by each of the readers about.
    async fn go_on(&self) {
        let wanted = self.answered.load(Ordering::SeqCst) + 40;
        wait_until("lists are read", SOON, async || self.answered.load(Ordering::SeqCst) >= wanted).await;
    }

    async fn end(self) -> Vec<(Duration, CallError)> {
        self.is_over.store(true, Ordering::SeqCst);
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

async fn read_lists(
    client: Arc<dyn ShopClient>,
    is_over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
) -> Vec<(Duration, CallError)> {
    let mut failed = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        let begun = Instant::now();
        match client.products(&Query::default()).await {
            Ok(_) => drop(answered.fetch_add(1, Ordering::SeqCst)),
            Err(error) => failed.push((begun.elapsed(), error)),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    failed
}

fn assert_that_no_read_fails(kind: DatabaseKind) -> Result<(), String> {
    let mut servers = Servers::start(kind)?;
    servers.replica.crash();
    let mut process = servers.shop("5");
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        // The shop opens without its replica.
        readiness(addresses.ops, 200, SOON).await;
        let [client, _] = clients(addresses);
        let seller = account(&*client, "seller", "seller").await;
        client.with_authorization(&seller.token).create(&teapot()).await.unwrap();
        let readers = Readers::begin(addresses);
        readers.go_on().await;

        servers.replica.resume();
        until_replica_is(true, addresses).await;
        readers.go_on().await;
        for _ in 0..2 {
            servers.replica.crash();
            until_replica_is(false, addresses).await;
            readers.go_on().await;
            assert_eq!(page(addresses.ops, "/readyz").await.status, 200, "a replica is not needed");
            servers.replica.resume();
            until_replica_is(true, addresses).await;
            readers.go_on().await;
        }
        servers.replica.freeze();
        until_replica_is(false, addresses).await;
        readers.go_on().await;
        assert_eq!(page(addresses.ops, "/readyz").await.status, 200, "a replica is not needed");
        servers.replica.thaw();
        until_replica_is(true, addresses).await;
        readers.go_on().await;

        let answered = reads(addresses, "replica").await;
        let failed = readers.end().await;
        assert!(failed.is_empty(), "{kind}: {failed:?}");
        assert!(answered > 0 && reads(addresses, "left_out").await > 0);
    })?;
    let told = process.output();
    for line in ["the replica is left out", "the replica is used"] {
        assert!(told.contains(line), "{line}:\n{told}");
    }
    Ok(())
}

pub(crate) fn no_read_fails_when_a_replica_of_postgresql_crashes_and_freezes() -> Result<(), String> {
    assert_that_no_read_fails(DatabaseKind::Postgres)
}

pub(crate) fn no_read_fails_when_a_replica_of_mariadb_crashes_and_freezes() -> Result<(), String> {
    assert_that_no_read_fails(DatabaseKind::Mariadb)
}

fn assert_that_a_late_replica_is_left_out(kind: DatabaseKind) -> Result<(), String> {
    let servers = Servers::start(kind)?;
    let mut process = servers.shop("2");
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        readiness(addresses.ops, 200, SOON).await;
        until_replica_is(true, addresses).await;
        servers.replica.pause_replay();
        until_replica_is(false, addresses).await;
        assert!(metric(addresses, "gocommerce_replica_lag_seconds").await >= 2);
        assert_eq!(page(addresses.ops, "/readyz").await.status, 200, "a replica is not needed");
        let before = reads(addresses, "left_out").await;
        let [client, _] = clients(addresses);
        client.products(&Query::default()).await.unwrap();
        assert!(reads(addresses, "left_out").await > before);
        servers.replica.resume_replay();
        until_replica_is(true, addresses).await;
    })?;
    assert!(process.output().contains("lags further behind the primary than"), "{}", process.output());
    Ok(())
}

pub(crate) fn a_replica_of_postgresql_that_lags_too_far_is_left_out() -> Result<(), String> {
    assert_that_a_late_replica_is_left_out(DatabaseKind::Postgres)
}

pub(crate) fn a_replica_of_mariadb_that_lags_too_far_is_left_out() -> Result<(), String> {
    assert_that_a_late_replica_is_left_out(DatabaseKind::Mariadb)
}
